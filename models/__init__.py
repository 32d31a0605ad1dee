"""Models: networks, their training, engines, weights and cards.

A name loads its module at its first use: reading about a network, or comparing
embeddings, does not load Keras.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from .backend import load_keras

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_WITH_KERAS = {"Siamese", "assemble", "backbone", "load_checkpoint", "Training", "finish"}


def __getattr__(name: str) -> Any:
    if name in _WITH_KERAS:
        # Otherwise TensorFlow would print its notices.
        load_keras()
    return _attribute(name)
