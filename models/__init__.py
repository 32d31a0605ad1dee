"""What can be trained: backbones, the Siamese network, training, weights.

Names that need Keras are loaded when they are first used: to know a bundled
network, or to compare embeddings that are there, takes NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .backend import load_keras
from .bundled import Bundle, bundle, bundles
from .errors import ModelError

if TYPE_CHECKING:
    from .networks.anatomy import dissect
    from .networks.backbones import BACKBONES, backbone
    from .networks.siamese import Siamese, assemble, load_checkpoint
    from .training.finish import finish
    from .training.recipe import Recipe
    from .training.training import Training

_HOMES = {
    "assemble": "networks.siamese",
    "BACKBONES": "networks.backbones",
    "backbone": "networks.backbones",
    "dissect": "networks.anatomy",
    "finish": "training.finish",
    "Recipe": "training.recipe",
    "Siamese": "networks.siamese",
    "load_checkpoint": "networks.siamese",
    "Training": "training.training",
}

__all__ = [
    "BACKBONES",
    "Bundle",
    "ModelError",
    "Recipe",
    "Siamese",
    "Training",
    "assemble",
    "backbone",
    "bundle",
    "bundles",
    "dissect",
    "finish",
    "load_checkpoint",
    "load_keras",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    load_keras()
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
