"""Wrapped models: trained models of any library as scorers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ScorerError
from ..failures import BrokenScorerError, answering
from ..scorer import Scorer
from .arguments import checked, preparation
from .inputs import shades_wanted
from .kinds import kind_of, made, read
from .model import Model
from .services import RETRIES, TIMEOUT, Service, served
from .similarities import DISTANCES, SIMILARITIES, episode_by_episode, flat, pair_by_pair

_VERSION = "wrap 1"
"""Part of the digest; to be raised if the same model comes to give other answers."""

PAIRS = ("stacked", "inputs", "channels")
"""How a network takes two images: the query above the support image, as two inputs, or as
channels of one image."""

_LOG = logging.getLogger("wayshot")


class _Wrapped:
    """The common part: preprocessing, batches, and what the scorer says of itself."""

    def __init__(
        self,
        model: Model,
        prepare: Callable[[np.ndarray], np.ndarray],
        *,
        settings: str,
        whole: bool,
        batch: int,
        concurrency: int | None,
        digest: str | int | None,
        name: str | None,
        trained_on: str | Iterable[str] | None,
        smaller_is_closer: bool,
        wants: dict[str, Any],
        hint: str,
    ) -> None:
        self.wants, self._hint = wants, hint
        self._model, self._prepare, self._batch = model, prepare, batch
        self._settings, self._declared, self.holds_code = settings, digest, not whole
        if concurrency is not None:
            # So that the calls of the harness are requests, several of them at a time.
            self.batch, self.concurrency = batch, concurrency
        self.name, self.trained_on = name, trained_on
        self.smaller_is_closer = smaller_is_closer
        self.parameters = model.parameters

    @property
    def wrapped(self) -> Any:
        """The model."""
        return self._model.model

    @cached_property
    def flops(self) -> int | None:
        """Operations to embed an image or to score a pair, where the library can count them."""
        kinds = (np.zeros((1, 105, 105), np.uint8), np.zeros((1, 105, 105, 3), np.uint8))
        for blank in kinds:
            with suppress(Exception):
                count = max(1, self._model.batch or 1)
                inputs = self._inputs(self._prepare(blank.repeat(count, axis=0)))
                total = self._model.flops(*inputs)
                return None if total is None else total // count
        return None

    def _inputs(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """Gives the model's inputs for prepared images, or for pairs of each with itself."""
        return (images,)

    @property
    def digest(self) -> str:
        """Digest of the file, or what the user gave; "" for a model that is known by content."""
        own = f"{_VERSION} {self._settings}"
        if not self.holds_code:
            return f"{own} {self._model.weights()}"
        return "" if self._declared is None else f"{own} {self._declared}"

    def _calling(
        self, what: str, *arrays: np.ndarray, hint: str = ""
    ) -> AbstractContextManager[None]:
        return answering(self.name or type(self._model.model).__name__, what, *arrays, hint=hint)

    def _prepared(self, images: np.ndarray) -> np.ndarray:
        with self._calling("the transform", images):
            return self._prepare(images)

    def _run(self, *inputs: np.ndarray) -> np.ndarray:
        """Runs the model on inputs (n, ...), in batches; gives (n, ...)."""
        count, fixed = len(inputs[0]), self._model.batch
        step, parts = fixed or self._batch, []
        for start in range(0, count, step):
            part = [one[start : start + step] for one in inputs]
            short = len(part[0])
            if fixed is not None and short < fixed:
                part = [
                    np.pad(one, ((0, fixed - short), *((0, 0),) * (one.ndim - 1))) for one in part
                ]
            with self._calling("the model", *part, hint=self._hint):
                answer = self._model.run(*part)
            if answer.ndim == 0 or len(answer) != len(part[0]):
                raise BrokenScorerError(
                    f"scorer {self.name or type(self._model.model).__name__}: the model gave "
                    f"shape {answer.shape} for {len(part[0])} images, expected one row for each"
                )
            # A copy, because a model may use the same array again in its next call.
            parts.append(np.array(answer[:short]))
        return np.concatenate(parts)


class WrappedTower(_Wrapped):
    """A model that embeds images, with a similarity or a head."""

    def __init__(self, *args: Any, similarity: Callable[..., Any], **options: Any) -> None:
        """Keeps the similarity.

        Args:
            *args: As for every wrapped model.
            similarity: From (..., Q, D) and (..., S, D) to (..., Q, S).
            **options: As for every wrapped model.
        """
        super().__init__(*args, **options)
        self._similarity = similarity

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds uint8 images (B, height, width), ink = 1, as (B, D)."""
        answer = self._run(self._prepared(images))
        return answer.reshape(len(answer), -1)

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares every query with every support embedding.

        Args:
            query: ndarray (..., Q, D).
            support: ndarray (..., S, D).

        Returns:
            ndarray (..., Q, S).
        """
        with self._calling("the comparison", query, support):
            return self._similarity(query, support)


class WrappedPairs(_Wrapped):
    """A network that takes two images."""

    def __init__(self, *args: Any, pairs: str, **options: Any) -> None:
        """Keeps how the two images are put together.

        Args:
            *args: As for every wrapped model.
            pairs: One of `PAIRS`.
            **options: As for every wrapped model.
        """
        super().__init__(*args, **options)
        self._pairs = pairs

    def _joined(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
        if self._pairs == "inputs":
            return first, second
        height, channels = {"first": (2, 1), "last": (1, -1)}.get(self._model.layout, (1, 1))
        axis = height if self._pairs == "stacked" else channels
        return (np.concatenate([first, second], axis=axis),)

    def _inputs(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._joined(images, images)

    def score(self, query_images: np.ndarray, support_images: np.ndarray) -> np.ndarray:
        """Scores every pair.

        Args:
            query_images: uint8 ndarray (Q, height, width), ink = 1.
            support_images: uint8 ndarray (S, height, width).

        Returns:
            ndarray (Q, S).
        """
        queries, supports = self._prepared(query_images), self._prepared(support_images)
        shape = len(queries), len(supports)
        scores, step = [], 16 * self._batch
        for start in range(0, shape[0] * shape[1], step):
            rows, columns = np.unravel_index(
                range(start, min(start + step, shape[0] * shape[1])), shape
            )
            answer = self._run(*self._joined(queries[rows], supports[columns]))
            with self._calling("the model", query_images, support_images):
                scores.append(flat(answer, len(rows)))
        return np.concatenate(scores).reshape(shape)

    def hint(self) -> None:
        """Says how the network would be faster, if a part is applied to each image alone."""
        blank = self._prepared(np.zeros((1, 105, 105), dtype=np.uint8))
        with self._calling("the model", blank, hint=self._hint):
            tower = self._model.tower(*self._joined(blank, blank))
        if tower is not None:
            _LOG.warning(
                "%s: every pair is computed by itself. If its part %r embeds one image, "
                "wrap(the part, head=the rest) is some 300 times faster.",
                self.name or type(self._model.model).__name__,
                tower,
            )


def _model(model: Any, device: str | None) -> tuple[Model, str]:
    """Gives a model, and the digest of its file if it is one."""
    if isinstance(model, str | Path):
        return read(Path(model).expanduser(), device)
    kind = kind_of(model)
    if kind is None or (isinstance(model, type)):
        what = (
            f"the class {model.__name__}"
            if isinstance(model, type)
            else f"a {type(model).__name__}"
        )
        raise BrokenScorerError(
            f"{what} cannot be wrapped, expected a trained model of PyTorch, Keras, ONNX Runtime, "
            "LiteRT or scikit-learn, the path of a file, or a function on arrays"
        )
    return made(kind, model, device), ""


def wrap(
    model: Any,
    *,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    ink: float | None = None,
    paper: float | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    transform: Callable[..., Any] | None = None,
    compare: str | Callable[..., Any] | None = None,
    head: Callable[..., Any] | None = None,
    pairs: str | None = None,
    smaller_is_closer: bool = False,
    batch: int = 64,
    concurrency: int | None = None,
    retries: int = RETRIES,
    timeout: float = TIMEOUT,
    device: str | None = None,
    digest: str | int | None = None,
    name: str | None = None,
    trained_on: str | Iterable[str] | None = None,
) -> Scorer:
    """Makes a scorer of a trained model.

    Args:
        model: A module of PyTorch, a program of `torch.export`, a model or layer of Keras, a
            session of ONNX Runtime, an interpreter of LiteRT, a fitted object of scikit-learn
            with `transform` or `predict_proba`, a function on float32 arrays; or the path of
            a `.onnx`, `.tflite`, `.pt2` or `.keras` file; or an object with
            `score_pairs(first, second)`. It is set to inference.
        size: Height and width of the model's input in pixels, one number or two; None for
            what the model says, or else 105.
        channels: Channels of its input; None for what the model says, or else 1.
        ink: Value of ink before `mean` and `std`; None for 1, and for what the files have where
            the data are gray. In colour, shades are from 0 to 1 as in the files.
        paper: Value of paper; None for 0, and likewise.
        mean: Subtracted, one number or one a channel; None for what a model of timm says, or
            else 0.
        std: Divided by, one number or one a channel; None for what a model of timm says, or
            else 1.
        transform: Does all of that instead: a transform of torchvision, an image processor of
            Hugging Face, a layer of Keras, a module of PyTorch, or a function from float32
            (B, 105, 105), ink = 1, to the model's input. `inputs.Transform` says what each
            gets.
        compare: `cosine` (also None), `euclidean`, `dot`, or a function from (Q, D) and (S, D)
            to (Q, S).
        head: A trained head: called with the embeddings of n pairs, two tensors (n, D) of the
            model's library, it gives (n,) or (n, 1).
        pairs: For a network that takes two images: `stacked` (the query above the support
            image), `inputs` (two inputs) or `channels` (two images as channels of one). The
            size is that of one image. None for a network that takes one image.
        smaller_is_closer: Whether function, head or network give distances.
        batch: Most images at once; a model with a fixed batch gets that.
        concurrency: Calls that are made at the same time, for a function or an object with
            `score_pairs` that asks a service; None for one that computes here.
        retries: How often a request to a service is made again after a failure of the
            connection, and after `timeout`.
        timeout: Seconds after which a request to a service has got no answer.
        device: Where it computes, as its library calls it; None leaves it where it is.
        digest: Says which model it is; to be changed with the model. None for a model that is
            known by its weights, code and answers.
        name: What tables call it.
        trained_on: Names such as `Latin/character01` of all characters that it has seen, or a
            part such as `lake-background`.

    Returns:
        A scorer of level 1, or of level 2 with `pairs`.

    Raises:
        ScorerError: The object is no model, or the arguments do not fit each other.
    """
    arguments = checked(
        {
            "size": size,
            "channels": channels,
            "ink": ink,
            "paper": paper,
            "mean": mean,
            "std": std,
            "transform": transform,
            "head": head,
            "smaller_is_closer": smaller_is_closer,
            "batch": batch,
            "concurrency": concurrency,
            "retries": retries,
            "timeout": timeout,
            "device": device,
            "digest": digest,
            "name": name,
            "trained_on": trained_on,
        }
    )
    device = arguments["device"]
    own, file = _model(model, device)
    if concurrency is not None or isinstance(own, Service):
        requests = arguments["concurrency"] = arguments["concurrency"] or 1
        own = served(own, requests, arguments["retries"], arguments["timeout"])
    elif (retries, timeout) != (RETRIES, TIMEOUT):
        raise ScorerError("retries and timeout are for services; give concurrency too")
    if pairs is None and own.inputs == 2:
        pairs = "inputs"
    if pairs is not None and pairs not in PAIRS:
        raise ScorerError(f"pairs {pairs!r}, expected {', '.join(PAIRS)}")
    if own.inputs > 2 or (own.inputs == 2 and pairs != "inputs"):
        raise ScorerError(f"the model has {own.inputs} inputs, expected one, or two images")
    if (pairs is not None) + (head is not None) + (compare is not None) > 1:
        raise ScorerError("compare, head and pairs exclude each other; give one of them")
    if compare is not None and not callable(compare) and compare not in (*SIMILARITIES,):
        raise ScorerError(
            f"compare {compare!r}, expected {', '.join(SIMILARITIES)}, or a function of "
            "(Q, D) and (S, D)"
        )
    known = own.channels or 1
    if pairs == "channels":
        known = max(1, known // 2)
    depth = arguments["channels"] or known
    prepare, settings = preparation(arguments, own, depth, pairs)
    unsaid = [
        f"{one}="
        for one in ("size", "channels")
        if transform is None
        and arguments[one] is None
        and getattr(own, one) is None
        and not isinstance(own, Service)
    ]
    by_name = compare if isinstance(compare, str) else "cosine" if compare is None else None
    plain = head is None and pairs is None and by_name is not None
    if plain and smaller_is_closer and by_name not in DISTANCES:
        raise ScorerError(
            f"compare {by_name!r} is higher the more alike; leave smaller_is_closer out"
        )
    options: dict[str, Any] = {
        "settings": f"{settings} {by_name if plain else ''} {pairs} {device} {file}",
        # Code is known by its answers alone; a file has none.
        "whole": bool(file) and transform is None and (plain or pairs is not None),
        **{one: arguments[one] for one in ("batch", "concurrency", "digest", "name", "trained_on")},
        "smaller_is_closer": arguments["smaller_is_closer"] or (plain and by_name in DISTANCES),
        "wants": shades_wanted(depth, ink, paper),
        "hint": f"; {' and '.join(unsaid)} say what it takes" if unsaid else "",
    }
    if pairs is not None:
        scorer = WrappedPairs(own, prepare, pairs=pairs, **options)
        scorer.hint()
        return scorer
    if head is not None:
        similarity: Any = lambda query, support: pair_by_pair(  # noqa: E731
            lambda first, second: own.join(head, first, second), query, support
        )
    elif by_name is None:
        function: Any = compare
        similarity = lambda query, support: episode_by_episode(function, query, support)  # noqa: E731
    else:
        similarity = SIMILARITIES[by_name]
    return WrappedTower(own, prepare, similarity=similarity, **options)
