"""Training: recipes, and the stages that train by them.

A name loads its module at its first use: reading about a network, or comparing
embeddings, does not load Keras.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from ..backend import load_keras

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_WITH_KERAS = {"finish", "keep_compiled", "Report", "Training", "use_devices"}


def __getattr__(name: str) -> Any:
    if name in _WITH_KERAS:
        # Otherwise TensorFlow would print its notices.
        load_keras()
    return _attribute(name)
