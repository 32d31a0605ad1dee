"""Scorers: what a scorer is, the baselines and networks, and scorers by name."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
