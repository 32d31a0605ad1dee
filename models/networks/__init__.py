"""Networks: towers, joins and heads, and the size and cost of their layers.

A name loads its module at its first use: reading about a network, or comparing
embeddings, does not load Keras.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from ..backend import load_keras

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_WITH_KERAS = {
    "comparison_flops",
    "dissect",
    "tower_flops",
    "BACKBONES",
    "Backbone",
    "backbone",
    "HIDDEN",
    "Siamese",
    "assemble",
    "load_checkpoint",
    "load_network",
}


def __getattr__(name: str) -> Any:
    if name in _WITH_KERAS:
        # Otherwise TensorFlow would print its notices.
        load_keras()
    return _attribute(name)
