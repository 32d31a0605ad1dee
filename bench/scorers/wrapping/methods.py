"""Whole few-shot methods, which are given the support of every episode."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ...errors import ScorerError
from ..failures import answering
from ..scorer import FewShotClassifier
from .arguments import checked, preparation
from .inputs import shades_wanted
from .model import Model
from .outputs import as_array
from .torch_models import check_shaped

_VERSION = "fewshot 1"


class _Method:
    """The common part: preprocessing, errors, and what the scorer says of itself."""

    def __init__(
        self,
        method: Any,
        prepare: Callable[[np.ndarray], np.ndarray],
        settings: str,
        name: str | None,
        digest: str | int | None,
        wants: dict[str, Any],
    ) -> None:
        self._method, self._prepare, self.name, self.wants = method, prepare, name, wants
        self._settings, self._declared, self.holds_code = settings, digest, True

    @property
    def wrapped(self) -> Any:
        """The method."""
        return self._method

    @property
    def digest(self) -> str:
        """What the user gave; "" for a method that is known by content."""
        return "" if self._declared is None else f"{_VERSION} {self._settings} {self._declared}"

    def _calling(self, what: str, *arrays: np.ndarray) -> AbstractContextManager[None]:
        return answering(self.name or type(self._method).__name__, what, *arrays)

    def _answer(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def classify(
        self, support_images: np.ndarray, support_labels: np.ndarray, query_images: np.ndarray
    ) -> np.ndarray:
        """Scores query images for each of the ways.

        Args:
            support_images: uint8 ndarray (S, height, width), ink = 1.
            support_labels: int ndarray (S,), from 0 to ways - 1.
            query_images: uint8 ndarray (Q, height, width).

        Returns:
            ndarray (Q, ways).
        """
        with self._calling("the transform", support_images):
            support, query = self._prepare(support_images), self._prepare(query_images)
        return self._answer(support, support_labels, query)


class _Estimator(_Method):
    """An estimator of scikit-learn, fitted anew on the support of every episode."""

    def _answer(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        fitted = sys.modules["sklearn.base"].clone(self._method)
        with self._calling("fit", support, labels):
            fitted.fit(support, labels)
        ways = int(labels.max()) + 1
        by_probability = hasattr(fitted, "predict_proba")
        with self._calling("predict_proba" if by_probability else "decision_function", query):
            if by_probability:
                answer = as_array(fitted.predict_proba(query))
            else:
                answer = as_array(fitted.decision_function(query))
        if answer.ndim == 1:
            # Of two classes, estimators give the score of the second alone.
            answer = np.stack([-answer, answer], axis=1)
        scores = np.full((len(query), ways), -np.inf if not by_probability else 0.0)
        scores[:, np.asarray(fitted.classes_, dtype=int)] = answer
        return scores


class _TensorMethod(_Method):
    """A method that is given tensors of PyTorch, or arrays where it is no module."""

    def _tensors(self, *arrays: np.ndarray) -> list[Any]:
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(self._method, torch.nn.Module):
            return list(arrays)
        self._method.eval()
        held = next(self._method.parameters(), None)
        device = None if held is None else held.device
        return [torch.from_numpy(np.ascontiguousarray(one)).to(device) for one in arrays]


class _ProcessSupport(_TensorMethod):
    """A method of easyfsl: `process_support_set`, then a call with the queries."""

    def _answer(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        pictures, ways, asked = self._tensors(support, labels.astype(np.int64), query)
        # Not without gradients: some of its methods are fitted to the support.
        with self._calling("process_support_set", support, labels):
            self._method.process_support_set(pictures, ways)
        with self._calling("forward", query):
            return as_array(self._method(asked))


class _Adapt(_TensorMethod):
    """A method with `adapt(support, labels)`, which gives a function of the queries."""

    def _answer(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        pictures, ways, asked = self._tensors(support, labels.astype(np.int64), query)
        with self._calling("adapt", support, labels):
            adapted = self._method.adapt(pictures, ways)
        with self._calling("the adapted model", query):
            return as_array(adapted(asked))


def fewshot(
    method: Any,
    *,
    transform: Callable[..., Any] | None = None,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    ink: float | None = None,
    paper: float | None = None,
    digest: str | int | None = None,
    name: str | None = None,
) -> FewShotClassifier:
    """Makes a scorer of a method that is given the support of every episode.

    Args:
        method: An object with `process_support_set(images, labels)` which is then called with
            the queries (easyfsl); an object with `adapt(images, labels)` that gives a function
            of the queries; or an estimator of scikit-learn, which is fitted anew to every
            support.
        transform: Makes the method's input, as in `wrap`. None for float32 (B, channels, size,
            size) of a method, or (B, size * size) of an estimator.
        size: Height and width in pixels, one number or two; None for 105.
        channels: Number of channels; None for 1.
        ink: Value of ink, as in `wrap`.
        paper: Value of paper, likewise.
        digest: Says which method it is, as in `wrap`.
        name: What tables call it.

    Returns:
        A scorer of level 3.

    Raises:
        ScorerError: The object has none of these methods, or an argument is wrong.
    """
    arguments = checked(
        {
            "transform": transform,
            "size": size,
            "channels": channels,
            "ink": ink,
            "paper": paper,
            "digest": digest,
            "name": name,
        }
    )
    depth = arguments["channels"] or 1
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    kind: type[_Method] | None = None
    if base is not None and isinstance(method, base):
        if hasattr(method, "predict_proba") or hasattr(method, "decision_function"):
            kind = _Estimator
    elif hasattr(method, "process_support_set"):
        kind = _ProcessSupport
    elif hasattr(method, "adapt"):
        kind = _Adapt
    if kind is None:
        raise ScorerError(
            f"a {type(method).__name__} is no few-shot method, expected process_support_set and "
            "a call, or adapt, or a scikit-learn estimator with predict_proba or "
            "decision_function; an object with classify is a scorer as it is"
        )
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(method, torch.nn.Module):
        check_shaped(method)
    own = Model(method)
    own.layout = "flat" if kind is _Estimator else "first"
    prepare, settings = preparation(arguments, own, depth)
    wants = shades_wanted(depth, ink, paper)
    return kind(method, prepare, settings, arguments["name"], arguments["digest"], wants)
