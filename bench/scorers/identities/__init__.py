"""Identities: what scorers are known by, so that each gets its own results and no other's."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
