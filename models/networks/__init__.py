"""Networks: towers, joins and heads, and what they are made of.

Names load their modules when they are first used: to know a network, or to
compare embeddings that are there, takes no Keras.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from ..backend import load_keras

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_WITH_KERAS = {"comparison_flops", "dissect", "BACKBONES", "backbone", "HIDDEN", "Siamese", "assemble", "load_checkpoint"}


def __getattr__(name: str) -> Any:
    if name in _WITH_KERAS:
        # Or TensorFlow would print its notices.
        load_keras()
    return _attribute(name)
