"""Siamese networks as scorers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.bundle import Bundle, bundle, read_weights
from ..models.choice import Choice, Ticker, backend, choose, silent
from ..models.comparison import compare
from ..models.engines import ENGINES, KERAS, Embed, find, load, with_version
from ..models.errors import ModelError
from ..models.exporting import Origin, exported, fingerprint
from ..tasks import TaskError
from ..tasks.images import read_regular, readable

if TYPE_CHECKING:
    from ..models.siamese import Siamese

_VERSION = "siamese 4"
"""Raised when the same weights begin to give other answers."""

_LARGEST_CARD = 2**22
"""Bytes of a card that is read."""


def _scale(head: str) -> str | None:
    """A plain similarity has no bias and no factor, so that it is no logit."""
    return None if head == "similarity" else "log-odds"


def _training(card: dict[str, Any]) -> dict[str, Any]:
    """Tells a network's recipe, in every field, and its seed."""
    recipe = json.dumps(card["recipe"], sort_keys=True).encode()
    return {"recipe": hashlib.sha256(recipe).hexdigest(), "seed": card["seed"]}


def _told(card: Path) -> tuple[list[str], dict[str, Any]]:
    """What a card beside a checkpoint, maybe a stranger's, tells: characters, and `_training`."""
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


def _pooling(join: str) -> str:
    """Mean embeddings where products compare; elsewhere heads know only real images."""
    return "prototype" if join in ("product", "cosine") else "mean"


class Embedder:
    """Embeds with one network and one engine; nothing is loaded before the first image."""

    def __init__(
        self, origin: Origin, keras: Callable[[], Embed], engine: str, ticker: Ticker
    ) -> None:
        """Keeps what to do.

        Args:
            origin: The network.
            keras: Loads it in Keras.
            engine: One of `models.engines.ENGINES`; one of Keras's backends,
                which has to be that of this process; `keras` for whichever
                that is; `auto` for the fastest of all that are installed and
                agree with Keras.
            ticker: Shows the progress of `auto`'s choice.

        Raises:
            ModelError: There is no such engine, or it is not installed.
        """
        if engine in KERAS and engine != backend():
            raise ModelError(
                f"engine {engine}: Keras is set to {backend()}; set KERAS_BACKEND={engine}"
            )
        if engine not in ("auto", "keras", *KERAS):
            find(engine)
        self._origin, self._keras, self._asked, self._ticker = origin, keras, engine, ticker

    @cached_property
    def choice(self) -> Choice:
        """The engine that is used; where it was chosen, how."""
        if self._asked == "auto":
            return choose(self._origin, self._keras, self._ticker)
        return Choice(backend() if self._asked == "keras" else self._asked, {}, {})

    @property
    def engine(self) -> str:
        """Name of the engine that is used."""
        return self.choice.engine

    @property
    def digest(self) -> str:
        """The network's digest, and the engine's name: its last digits are its own."""
        plain = self.engine == "tensorflow"
        return self._origin.digest + ("" if plain else f" engine {self.engine}")

    @property
    def exported_bytes(self) -> int | None:
        """Size on disk of what an inference engine runs; None where Keras runs the network."""
        engine = ENGINES.get(self.engine)
        if engine is None:
            return None
        path = exported(self._origin, engine.form, engine.precision).path
        return sum(part.stat().st_size for part in path.parent.glob(f"{path.stem}.*"))

    def named(self, name: str) -> str:
        """What the network is called: another name where it has another precision."""
        engine = ENGINES.get(self._asked)
        if engine is None or engine.precision == "f32":
            return name
        return f"{name} ({engine.library} {engine.precision})"

    @cached_property
    def embed(self) -> Embed:
        """The embedding, from images (B, side, side) to float32 (B, D)."""
        if self.engine in ENGINES:
            return load(ENGINES[self.engine], self._origin)
        return self._keras()


class _Embedded:
    """What networks have in common: embeddings by some engine, which the digest covers."""

    _embedder: Embedder

    @property
    def engine(self) -> str:
        """Name and version of the engine that embeds."""
        return with_version(self._embedder.engine)

    @property
    def passed_over(self) -> dict[str, str]:
        """Engines that are installed and that `auto` could not take, and why."""
        return self._embedder.choice.passed_over

    @property
    def digest(self) -> str:
        """Covers architecture, weights, pixels and engine."""
        return self._embedder.digest

    @property
    def exported_bytes(self) -> int | None:
        """As `Embedder.exported_bytes`."""
        return self._embedder.exported_bytes

    def load(self) -> None:
        """Loads the network, or its engine, as the first image would."""
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
        ticker: Ticker = silent,
    ) -> None:
        self._bundle: Bundle = bundle(name)
        card = self._bundle.card
        self._network: dict[str, Any] = card["network"]
        self.pooling = _pooling(self._network["join"])
        digest = f"{_VERSION} {json.dumps(self._network)} {card['digest']}"
        self._embedder = Embedder(
            Origin(name, digest, data=data), lambda: self.model.embed, engine, ticker
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
        """Gives the head's logits, float32 ndarray (..., Q, S)."""
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
        ticker: Ticker = silent,
    ) -> None:
        from ..models import dissect, load_checkpoint

        self.model = load_checkpoint(path)
        self.pooling = _pooling(self.model.head.join)
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
        self._embedder = Embedder(origin, lambda: self.model.embed, engine, ticker)
        self.name = self._embedder.named(Path(path).stem)
        self.parameters = self.model.count_params()
        self.flops = sum(layer.flops for layer in dissect(self.model.tower))
        self.scale = _scale(self.model.head.head)
        card = Path(path).with_suffix(".json")
        self.trained_on, self.training = _told(card) if card.exists() else (None, None)
        self.compare = self.model.compare
