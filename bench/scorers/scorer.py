"""What a scorer is: anything that can say how alike images are.

Images are uint8 ndarrays of shape (B, height, width), ink = 1; of data in gray
or colour they are what the files are, see `tasks.Pictures`, and a scorer that
says what it `wants` gets that. Nothing need be subclassed; an object with the
methods of one of the three levels is a scorer. What it may say of itself is in
`ScorerAttributes`.
"""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...tasks import TaskError, Wants, is_own, read_part
from .failures import BrokenScorerError, answering
from .identities import Identity, Probes, identify
from .statements import count_of, is_count, number_of, text_of

BATCH = 256
"""Images in every call of `embed`; the last batch is filled up with blank ones."""

SCALES = ("log-odds", "probability")
"""What scores can be, besides higher the more alike."""

_MOST_NAMES, _LONGEST_NAME = 1_000_000, 1000
"""Characters that a scorer may say it was trained on, and letters of the name of each."""

POOLINGS = ("mean", "max", "prototype")
"""How several shots become one class; the last is for level 1 only."""


@runtime_checkable
class EmbeddingScorer(Protocol):
    """Level 1, the fast path: every image is embedded once."""

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds images (B, height, width) as an ndarray (B, D)."""
        ...

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares every query with every support embedding.

        Args:
            query: Embeddings (..., Q, D).
            support: Embeddings (..., S, D).

        Returns:
            ndarray (..., Q, S).
        """
        ...


@runtime_checkable
class PairScorer(Protocol):
    """Level 2: compares images directly; it is called once for each pair of images."""

    def score(self, query_images: np.ndarray, support_images: np.ndarray) -> np.ndarray:
        """Compares every query image with every support image.

        Args:
            query_images: uint8 ndarray (Q, height, width).
            support_images: uint8 ndarray (S, height, width).

        Returns:
            ndarray (Q, S).
        """
        ...


@runtime_checkable
class PairwiseScorer(Protocol):
    """Level 2 too: compares as many first as second images, as a service does."""

    def score_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Compares images that have the same place.

        Args:
            first: uint8 ndarray (n, height, width), all of one query image.
            second: uint8 ndarray (n, height, width), support images.

        Returns:
            ndarray (n,).
        """
        ...


@runtime_checkable
class FewShotClassifier(Protocol):
    """Level 3: a whole few-shot classifier; it is called once for each episode."""

    def classify(
        self, support_images: np.ndarray, support_labels: np.ndarray, query_images: np.ndarray
    ) -> np.ndarray:
        """Scores query images for each of the ways.

        Args:
            support_images: uint8 ndarray (S, height, width).
            support_labels: int ndarray (S,), from 0 to ways - 1.
            query_images: uint8 ndarray (Q, height, width).

        Returns:
            ndarray (Q, ways).
        """
        ...


Scorer = EmbeddingScorer | PairScorer | PairwiseScorer | FewShotClassifier
"""A scorer of any level."""


@dataclass(frozen=True)
class ScorerAttributes:
    """What a scorer may say of itself, each by an attribute of this name.

    All are optional: a scorer that lacks an attribute is taken to have the
    value that stands here.

    Attributes:
        name: What tables call it; None for what the user called it.
        smaller_is_closer: Whether its scores are distances.
        pooling: How several shots become one class: `mean` or `max` of their
            scores, or `prototype`, the mean of their embeddings.
        digest: Says which scorer it is; changes with weights and
            preprocessing. A scorer from outside that gives none is known by
            its state, its code and its answers to fixed images.
        trained_on: Names such as `Latin/character01` of all characters that it
            was trained on, () for none; or a part such as `lake-background` or
            `folder:letters@train`, or several; None if that is unknown.
        parameters: How many numbers were learned.
        flops: Floating-point operations to embed an image, or to score a pair.
        scale: `log-odds` or `probability`, if a score says how likely it is
            that two images show one character.
        engine: What computes, with its version.
        training: `recipe`, a digest of how it was trained, and `seed`: two
            trainings that differ in their seed alone have the same recipe.
        baseline: Whether it is there for others to be compared with; tables
            list baselines below all other scorers.
        wants: Which images it takes, as `tasks.Wants.read` has it: a kind such
            as `gray`, or a dict of `kind`, `size`, `channels` and `polarity`.
            Images are turned into that as `tasks.wanted` says. None for what
            the data are.
        batch: Images in every call of `embed`, and most support images in a
            call of `score`; None for `BATCH`.
        concurrency: Calls that may be made at the same time, as of a service.
    """

    name: str | None = None
    smaller_is_closer: bool = False
    pooling: str = "mean"
    digest: str = ""
    trained_on: str | Iterable[str] | None = None
    parameters: int | None = None
    flops: int | None = None
    scale: str | None = None
    engine: str | None = None
    training: dict[str, Any] | None = None
    baseline: bool = False
    wants: Any = None
    batch: int | None = None
    concurrency: int = 1

    @classmethod
    def of(cls, scorer: Any) -> ScorerAttributes:
        """Reads the attributes of any object, as they are."""
        said: dict[str, Any] = {
            one.name: getattr(scorer, one.name, one.default) for one in fields(cls)
        }
        for name in ("name", "pooling", "digest", "scale", "engine"):
            if isinstance(said[name], str):
                # One of a class of its own may say anything when it is printed.
                said[name] = str.__str__(said[name])
        return cls(**said)


@dataclass(frozen=True)
class Traits:
    """What the harness knows of a scorer.

    Attributes:
        name: What tables call it.
        level: 1, 2 or 3.
        pooling: One of `POOLINGS`.
        smaller_is_closer: Whether its scores are distances.
        digest: Covers what it says of itself (digest, pooling, direction, what
            it was trained on) and, where it is not of this project, what the
            user called it and, without a digest of its own, its state, code
            and answers.
        trained_on: Characters that it has seen, or None where it does not say.
        parameters: Numbers learned, or None where it does not say.
        flops: To embed an image, or score a pair; None where it does not say.
        scale: One of `SCALES`, or None where it does not say.
        training: `recipe` and `seed`, or None where it does not say.
        engine: What computes, with its version; None where it does not say.
        baseline: Whether tables list it below all other scorers.
        wants: Which images it takes; None for what the data are.
        identity: What it is known by; None where that is not known.
        batch: Images in every call of `embed`, and most support images in a
            call of `score`.
        concurrency: Calls that may be made at the same time.
        spec: What the user typed for it, label and keys with it; None where
            that is its name, or where it came as an object.
    """

    name: str
    level: int
    pooling: str
    smaller_is_closer: bool
    digest: str
    trained_on: frozenset[str] | None
    parameters: int | None
    flops: int | None = None
    scale: str | None = None
    training: dict[str, Any] | None = None
    engine: str | None = None
    baseline: bool = False
    wants: Wants | None = None
    identity: Identity | None = None
    batch: int = BATCH
    concurrency: int = 1
    spec: str | None = None


def is_part(name: str) -> bool:
    """Tells whether an entry of `trained_on` names a part such as `lake-background`."""
    return is_own(name) or "/" not in name


def _trained_on(seen: Any, name: str) -> frozenset[str] | None:
    # A layer or method of this name is something else.
    if not isinstance(seen, Iterable) or callable(seen):
        return None
    entries = [seen] if isinstance(seen, str) else list(islice(seen, _MOST_NAMES + 1))
    expected = (
        f"scorer {name!r}: trained_on must be a list of names such as Latin/character01, or a "
        "part such as lake-background"
    )
    if len(entries) > _MOST_NAMES:
        raise BrokenScorerError(f"{expected}; it has more than {_MOST_NAMES:,}")
    others = [one for one in entries if not isinstance(one, str)]
    if len(others) == len(entries) > 0:
        return None
    if others:
        raise BrokenScorerError(f"{expected}; it has a {type(others[0]).__name__} among them")
    names = frozenset(map(str.__str__, entries))
    for one in names:
        if len(one) > _LONGEST_NAME:
            raise BrokenScorerError(f"{expected}; it has one of {len(one):,} characters")
        if not is_part(one) and (isinstance(seen, str) or one.count("/") != 1):
            raise BrokenScorerError(f"{expected}; it has {one!r}")
        if is_part(one):
            try:
                read_part(one)
            except TaskError as error:
                raise BrokenScorerError(f"{expected}; {error}") from None
    return names


def _training(training: Any, name: str) -> dict[str, Any] | None:
    # PyTorch's modules have a flag of this name.
    if not isinstance(training, dict):
        return None
    seed = training.get("seed", 0)
    if not isinstance(training.get("recipe"), str) or not is_count(seed):
        raise BrokenScorerError(
            f"scorer {name!r}: training must be a dict of recipe (str) and seed (int)"
        )
    recipe = text_of(str.__str__(training["recipe"]), "recipe", name)
    return {"recipe": recipe, "seed": number_of(seed, "seed", name)}


def _direction(said: Any, name: str) -> bool:
    # A method or layer of this name is something else.
    if isinstance(said, bool | np.bool):
        return bool(said)
    if isinstance(said, str | bytes | numbers.Number):
        raise BrokenScorerError(
            f"scorer {name!r}: smaller_is_closer is of type {type(said).__name__}, expected True "
            "or False"
        )
    return False


def _wants(said: Any, name: str) -> Wants | None:
    # A method or layer of this name is something else.
    if said is None or not isinstance(said, str | list | tuple | dict | Wants):
        return None
    try:
        return Wants.read(said)
    except TaskError as error:
        raise BrokenScorerError(f"scorer {name!r}: {error}") from None


def _said(said: ScorerAttributes) -> Iterator[str]:
    """Gives the names of the attributes with which a scorer says something of itself.

    An attribute of another type, as layers and numbers of a network are, is part of its state.
    """
    kinds: dict[str, Any] = {
        "trained_on": str | list | tuple | set | frozenset,
        "digest": str | int,
        "training": dict,
        "wants": str | list | tuple | dict | Wants,
        **dict.fromkeys(("name", "pooling", "scale", "engine"), str),
        **dict.fromkeys(("smaller_is_closer", "baseline"), bool | np.bool),
        **dict.fromkeys(("parameters", "flops", "batch", "concurrency"), numbers.Integral),
    }
    for one in fields(said):
        value = getattr(said, one.name)
        if value is None or isinstance(value, kinds[one.name]):
            yield one.name


def traits(scorer: Any, name: str, source: str = "") -> Traits:
    """Finds out what a scorer is.

    Args:
        scorer: Any object.
        name: What the user called it; its own `name` is preferred.
        source: Digest of the code it comes from, where that is known.

    Raises:
        ScorerError: It lacks the methods of every level, or an attribute is wrong.
    """
    levels = (EmbeddingScorer, PairScorer | PairwiseScorer, FewShotClassifier)
    with answering(name, "an attribute"):
        level = next((i for i, one in enumerate(levels, start=1) if isinstance(scorer, one)), None)
        said = ScorerAttributes.of(scorer)
        trained_on = _trained_on(said.trained_on, name)
        training = _training(said.training, name)
        parameters = number_of(said.parameters, "parameters", name)
        flops = number_of(said.flops, "flops", name)
        batch = count_of(said.batch, "batch", name)
        concurrency = count_of(said.concurrency, "concurrency", name) or 1
        smaller_is_closer = _direction(said.smaller_is_closer, name)
        wants = _wants(said.wants, name)
    if level is None:
        raise BrokenScorerError(
            f"scorer {name!r}: a {type(scorer).__name__} has none of embed and compare, score, "
            "classify; wayshot.wrap makes a scorer of a trained model"
        )
    # An attribute of another type, as layers and numbers of a network are, is something else.
    pooling = said.pooling if isinstance(said.pooling, str) else ScorerAttributes.pooling
    scale = said.scale if isinstance(said.scale, str) else None
    allowed = POOLINGS if level == 1 else POOLINGS[:2]
    if pooling not in allowed and level < 3:
        raise BrokenScorerError(
            f"scorer {name!r}: pooling {pooling[:40]!r}, expected {' or '.join(allowed)}"
        )
    if scale is not None and scale not in SCALES:
        raise BrokenScorerError(
            f"scorer {name!r}: scale {scale[:40]!r}, expected {' or '.join(SCALES)}"
        )
    probes = Probes(scorer, level, name, wants, batch)
    with answering(name, "its state"):
        identity = identify(scorer, said.digest, name, source, tuple(_said(said)), probes)
    seen = sorted(trained_on or ()), trained_on is None
    whole = (identity.words, pooling, smaller_is_closer, *seen)
    return Traits(
        name=text_of(said.name, "name", name) or name,
        level=level,
        pooling=pooling,
        smaller_is_closer=smaller_is_closer,
        digest=hashlib.sha256(repr(whole).encode()).hexdigest(),
        trained_on=trained_on,
        parameters=parameters,
        flops=flops,
        scale=scale,
        training=training,
        engine=text_of(said.engine, "engine", name),
        baseline=said.baseline is True,
        wants=wants,
        identity=identity,
        batch=batch or BATCH,
        concurrency=concurrency,
    )
