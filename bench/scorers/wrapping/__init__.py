"""Wrapping: trained models of many libraries, and whole few-shot methods, as scorers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
