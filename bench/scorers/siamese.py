"""Siamese networks as scorers."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...models import Bundle, ModelError, bundle, read_weights
from ...models.engines import Embedder, Origin, fingerprint, with_version
from ...models.networks import compare, pooling
from ...models.training import recipe
from ...tasks import SHADES, Progress, TaskError, quiet, read_regular, readable

if TYPE_CHECKING:
    from ...models.networks import Siamese

_VERSION = "siamese 4"
"""Part of the digest; to be raised if the same weights come to give other answers."""

_LARGEST_CARD = 2**22
"""The largest size of a card, in bytes."""


def _scale(head: str) -> str | None:
    """Gives the scale of a head's scores: log-odds, but none for a similarity."""
    return None if head in ("similarity", "attention") else "log-odds"


def _training(card: dict[str, Any]) -> dict[str, Any]:
    """Gives the digest of a network's whole recipe, and its seed."""
    return {"recipe": recipe.digest(card["recipe"]), "seed": card["seed"]}


def _told(card: Path) -> tuple[list[str], dict[str, Any]]:
    """Reads characters and `_training` from a card, which may come from anyone."""
    try:
        content = json.loads(read_regular(card, _LARGEST_CARD))
        characters, training = content["characters"], _training(content)
        if not isinstance(characters, list) or type(training["seed"]) is not int:
            raise TypeError("characters are no list, or the seed is no number")
        return [str(name) for name in characters], training
    except (TaskError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(
            f"{readable(str(card))}: not the card of a network ({problem}); mend or remove it"
        ) from None


class _Embedded:
    """The common part of Siamese scorers: embeddings by an engine, which the digest includes."""

    wants: ClassVar = SHADES
    _embedder: Embedder

    @property
    def engine(self) -> str:
        """Name and version of the engine that embeds."""
        return with_version(self._embedder.engine)

    @property
    def passed_over(self) -> dict[str, str]:
        """Installed engines that `auto` could not choose, with the reason."""
        return self._embedder.choice.passed_over

    @property
    def digest(self) -> str:
        """Digest of architecture, weights, pixels and engine."""
        return self._embedder.digest

    @property
    def exported_bytes(self) -> int | None:
        """As `Embedder.exported_bytes`."""
        return self._embedder.exported_bytes

    def load(self) -> None:
        """Loads the network or its engine, which otherwise happens at the first image."""
        _ = self._embedder.embed

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Gives the tower's embeddings, float32 ndarray (B, D)."""
        return self._embedder.embed(images)


class BundledSiamese(_Embedded):
    """A bundled network; Keras, or another engine, is loaded for the first image."""

    def __init__(
        self,
        name: str,
        engine: str = "auto",
        *,
        data: str | None = None,
        progress: Progress = quiet,
    ) -> None:
        """Reads the card; the network is loaded at the first image.

        Args:
            name: Name of the bundled network.
            engine: Name of the engine; see `models.engines.Embedder`.
            data: Folder of Omniglot, for engines of static int8.
            progress: Shows the progress of choosing an engine.
        """
        self._bundle: Bundle = bundle(name)
        card = self._bundle.card
        self._network: dict[str, Any] = card["network"]
        self.pooling = pooling(self._network["join"], self._network["head"])
        digest = f"{_VERSION} {json.dumps(self._network)} {card['digest']}"
        self._embedder = Embedder(
            Origin(name, digest, data=data), lambda: self.model.embed, engine, progress
        )
        self.name = self._embedder.named(name)
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

    @cached_property
    def _head(self) -> dict[str, np.ndarray]:
        return {
            name.split(".")[-1]: array
            for name, array in self._bundle.arrays.items()
            if name.startswith("head.")
        }

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the head's logits, float32 ndarray (..., Q, S).

        Args:
            query: float32 ndarray (..., Q, D).
            support: float32 ndarray (..., S, D).
        """
        network = self._network
        return compare(network["join"], network["head"], self._head, query, support)


class CheckpointSiamese(_Embedded):
    """A network from a `.keras` file written by `wayshot train`, and the card beside it."""

    def __init__(
        self,
        path: str,
        engine: str = "auto",
        *,
        data: str | None = None,
        progress: Progress = quiet,
    ) -> None:
        """Loads the network, and reads the card if there is one.

        Args:
            path: Path of the `.keras` file.
            engine: Name of the engine; see `models.engines.Embedder`.
            data: Folder of Omniglot, for engines of static int8.
            progress: Shows the progress of choosing an engine.

        Raises:
            ModelError: The file or the card cannot be read.
        """
        from ...models.networks import load_checkpoint, tower_flops

        self.model = load_checkpoint(path)
        self.pooling = pooling(self.model.head.join, self.model.head.head)
        arrays = read_weights(self.model)
        covered = hashlib.sha256(json.dumps(self.model.get_config(), default=str).encode())
        for name, array in sorted(arrays.items()):
            covered.update(f"{name} {array.shape}\n".encode() + array.tobytes())
        origin = Origin(
            str(Path(path).absolute()),
            f"{_VERSION} {covered.hexdigest()}",
            fingerprint(arrays),
            data,
        )
        self._embedder = Embedder(origin, lambda: self.model.embed, engine, progress)
        self.name = self._embedder.named(Path(path).stem)
        self.parameters = self.model.count_params()
        self.flops = tower_flops(self.model.tower)
        self.scale = _scale(self.model.head.head)
        card = Path(path).with_suffix(".json")
        self.trained_on, self.training = _told(card) if card.exists() else (None, None)

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the head's logits, float32 ndarray (..., Q, S).

        Args:
            query: float32 ndarray (..., Q, D).
            support: float32 ndarray (..., S, D).
        """
        return self.model.compare(query, support)
