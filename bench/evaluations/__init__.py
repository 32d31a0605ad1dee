"""Evaluations: a scorer on the episodes of a protocol, from the first unit to the stored run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
