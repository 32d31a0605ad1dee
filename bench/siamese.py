"""Siamese networks as scorers."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.bundle import Bundle, bundle, read_weights
from ..models.comparison import compare

if TYPE_CHECKING:
    from ..models.siamese import Siamese

_VERSION = "siamese 2"
"""Raised when the same weights begin to give other answers."""


def _scale(head: str) -> str | None:
    """A plain similarity has no bias and no factor, so that it is no logit."""
    return None if head == "similarity" else "log-odds"


def _training(card: dict[str, Any]) -> dict[str, Any]:
    """Tells a network's recipe, in every field, and its seed."""
    recipe = json.dumps(card["recipe"], sort_keys=True).encode()
    return {"recipe": hashlib.sha256(recipe).hexdigest(), "seed": card["seed"]}


def _pooling(join: str) -> str:
    """Mean embeddings where products compare; elsewhere heads know only real images."""
    return "prototype" if join in ("product", "cosine") else "mean"


class BundledSiamese:
    """A bundled network; Keras is loaded when the first image is embedded."""

    def __init__(self, name: str) -> None:
        self._bundle: Bundle = bundle(name)
        self.name = name
        card = self._bundle.card
        self._network: dict[str, Any] = card["network"]
        self.pooling = _pooling(self._network["join"])
        self.digest = f"{_VERSION} {json.dumps(self._network)} {card['digest']}"
        self.trained_on = card["characters"]
        self.parameters: int = card["parameters"]
        self.flops: int | None = card.get("flops")
        self.scale = _scale(self._network["head"])
        self.training = _training(card)
        self.card: dict[str, Any] = card

    @cached_property
    def model(self) -> Siamese:
        """The Keras network."""
        return self._bundle.build()

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Gives the tower's embeddings, float32 ndarray (B, D)."""
        return self.model.embed(images)

    @cached_property
    def _head(self) -> dict[str, np.ndarray]:
        return {
            name.split(".")[-1]: array
            for name, array in self._bundle.arrays.items()
            if name.startswith("head.")
        }

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the head's logits, float32 ndarray (..., Q, S)."""
        network = self._network
        return compare(network["join"], network["head"], self._head, query, support)


class CheckpointSiamese:
    """A network from a `.keras` file written by `wayshot train`, and the card beside it."""

    def __init__(self, path: str) -> None:
        from ..models import dissect, load_checkpoint

        self.model = load_checkpoint(path)
        self.name = Path(path).stem
        self.pooling = _pooling(self.model.head.join)
        weights = hashlib.sha256(json.dumps(self.model.get_config(), default=str).encode())
        for name, array in sorted(read_weights(self.model).items()):
            weights.update(f"{name} {array.shape}\n".encode() + array.tobytes())
        self.digest = f"{_VERSION} {weights.hexdigest()}"
        self.parameters = self.model.count_params()
        self.flops = sum(layer.flops for layer in dissect(self.model.tower))
        self.scale = _scale(self.model.head.head)
        card = Path(path).with_suffix(".json")
        self.trained_on, self.training = None, None
        if card.exists():
            content = json.loads(card.read_text())
            self.trained_on, self.training = content["characters"], _training(content)
        self.embed = self.model.embed
        self.compare = self.model.compare
