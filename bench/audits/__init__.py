"""Audits: of scorers, on fixed images, and of the episodes that a protocol draws."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
