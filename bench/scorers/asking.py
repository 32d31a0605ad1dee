"""Asking: the only place where a scorer is called, and where its answers are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tasks import Images, Pictures, Source, TaskError, Wanted, wanted
from ..errors import ScorerError
from .failures import BrokenScorerError, NotFiniteError, answering, place
from .pairwise import score
from .precision import received
from .scorer import Traits
from .validity import valid

_LARGEST_WHOLE = 2**53
"""Largest whole number up to which float64 has all of them."""


def images_for(traits: Traits, source: Source) -> Images | Pictures | Wanted:
    """Gives the images of episodes as a scorer wants them.

    Args:
        traits: The traits of the scorer.
        source: The episodes.

    Raises:
        ScorerError: It does not take images of this kind.
    """
    try:
        return wanted(source.dataset.images, traits.wants)
    except TaskError as error:
        raise ScorerError(f"scorer {traits.name}: {error}") from None


class Asking:
    """Calls a scorer, and checks its answers.

    Attributes:
        scorer: The scorer.
        traits: The traits of the scorer.
        finite: Whether scores and embeddings must be finite.
        singly: Whether `classify` gets one query in a call, because the
            scorer refuses several.
    """

    def __init__(self, scorer: Any, traits: Traits, *, finite: bool = True) -> None:
        """Keeps the scorer.

        Args:
            scorer: The scorer.
            traits: The traits of the scorer.
            finite: Whether scores and embeddings must be finite.
        """
        self.scorer, self.traits, self.finite = scorer, traits, finite
        self.singly, self._answered = False, False

    def broken(self, problem: str) -> BrokenScorerError:
        """Makes the error that says what is wrong with the scorer."""
        return BrokenScorerError(f"scorer {self.traits.name}: {problem}")

    def _call(
        self, method: str, shape: tuple[int | None, ...], arguments: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        with answering(self.traits.name, method, *arguments):
            if method == "score":
                answer = received(score(self.scorer, *arguments))
            else:
                answer = received(getattr(self.scorer, method)(*arguments))
        return self.checked(answer, shape, method)

    def checked(
        self, answer: np.ndarray, shape: tuple[int | None, ...], method: str = ""
    ) -> np.ndarray:
        """Checks that an answer consists of numbers and has the right shape.

        Args:
            answer: The answer of the scorer.
            shape: The shape that it must have; None for any length.
            method: Name of the method that gave it.

        Returns:
            The answer.

        Raises:
            BrokenScorerError: It has another type or shape.
        """
        return valid(answer, shape, self.traits.name, method)

    def check_finite(self, answer: np.ndarray, method: str = "") -> None:
        """Checks that an answer is finite, if it must be.

        Args:
            answer: The answer of the scorer.
            method: Name of the method that gave it.

        Raises:
            BrokenScorerError: A number is NaN or infinite.
        """
        if self.finite and answer.dtype.kind == "f" and not np.isfinite(answer).all():
            method = f"{method} " if method else ""
            place = tuple(int(index[0]) for index in np.nonzero(~np.isfinite(answer)))
            problem = self.broken(f"{method}gave NaN or infinity, expected finite numbers")
            raise NotFiniteError(str(problem), place)

    def turned(self, scores: np.ndarray) -> np.ndarray:
        """Turns an answer into floats where higher means more alike.

        Args:
            scores: The answer of the scorer.

        Raises:
            BrokenScorerError: They are whole numbers that floats do not tell apart.
        """
        if scores.dtype.kind in "iu" and scores.dtype.itemsize == 8 and scores.size:
            largest = max(int(scores.max()), -int(scores.min()))
            if largest > _LARGEST_WHOLE:
                raise self.broken(
                    f"gave the whole number {largest}, expected at most 2^53; give float64"
                )
        # Converted, because the negative of an unsigned number would wrap around.
        small = scores.dtype.kind == "f" and scores.dtype.itemsize <= 4
        scores = scores.astype(np.float32 if small else np.float64, copy=False)
        return -scores if self.traits.smaller_is_closer else scores

    def _scores(self, method: str, shape: tuple[int, ...], *arguments: np.ndarray) -> np.ndarray:
        return self._judged(self._call(method, shape, arguments), method)

    def _judged(self, answer: np.ndarray, method: str) -> np.ndarray:
        scores = self.turned(answer)
        self.check_finite(scores, method)
        return scores

    def embed(
        self, images: np.ndarray, width: int | None = None, count: int | None = None
    ) -> np.ndarray:
        """Embeds images.

        Args:
            images: uint8 ndarray (B, height, width).
            width: Dimensions that the embeddings must have; None for any.
            count: Number of images that are used; the others only fill the
                batch. None for all.

        Returns:
            ndarray (count, D).
        """
        embedded = self._call("embed", (len(images), width), (images,))[:count]
        self.check_finite(embedded, "embed")
        return embedded

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares every query with every support embedding.

        Args:
            query: ndarray (..., Q, D).
            support: ndarray (..., S, D).

        Returns:
            ndarray (..., Q, S), higher means more alike.
        """
        shape = (*query.shape[:-1], support.shape[-2])
        try:
            return self._scores("compare", shape, query, support)
        except NotFiniteError:
            raise
        except BrokenScorerError as error:
            if query.ndim == 2 or not self._takes_matrices(query, support):
                raise
            where = place(error)
            raise self.broken(
                f"compare answers for {query.shape[-2:]} and {support.shape[-2:]}, but not for "
                f"{query.shape} and {support.shape}: episodes stand in front, expected code for "
                f"(..., Q, D) and (..., S, D){f', at {where}' if where else ''}"
            ) from error

    def _takes_matrices(self, query: np.ndarray, support: np.ndarray) -> bool:
        """Tells whether `compare` answers for one episode without the others."""
        first = tuple(one.reshape(-1, *one.shape[-2:])[0] for one in (query, support))
        try:
            self._scores("compare", (len(first[0]), len(first[1])), *first)
        except BrokenScorerError:
            return False
        return True

    def score(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares every query image with every support image.

        Args:
            query: uint8 ndarray (Q, height, width).
            support: uint8 ndarray (S, height, width).

        Returns:
            ndarray (Q, S), higher means more alike.
        """
        return self._scores("score", (len(query), len(support)), query, support)

    def classify(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Classifies images.

        A scorer that refuses several queries is asked one at a time from then on, if it
        answers that.

        Args:
            support: uint8 ndarray (S, height, width).
            labels: int ndarray (S,), from 0 to ways - 1.
            query: uint8 ndarray (Q, height, width).

        Returns:
            ndarray (Q, ways), higher means more alike.
        """
        if self.singly:
            return self._singly(support, labels, query)
        ways = int(labels.max()) + 1
        # A scorer may write into what it is given, and then refuse it.
        kept = None if self._answered else (support.copy(), labels.copy(), query.copy())
        try:
            scores = self._call("classify", (len(query), ways), (support, labels, query))
        except BrokenScorerError:
            if kept is None or len(query) == 1:
                raise
            support, labels, query = kept
            if not self._takes_one(support, labels, query):
                raise
            try:
                # What failed by chance is not asked singly ever after.
                given = support.copy(), labels.copy(), query.copy()
                scores = self._call("classify", (len(query), ways), given)
            except BrokenScorerError:
                self.singly = True
                return self._singly(support, labels, query)
        self._answered = True
        return self._judged(scores, "classify")

    def _takes_one(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> bool:
        try:
            self._one(support.copy(), labels.copy(), query[:1].copy())
        except BrokenScorerError:
            return False
        return True

    def _one(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Gives the scores (1, ways) of one query, for which (ways,) will do."""
        ways = int(labels.max()) + 1
        with answering(self.traits.name, "classify", support, labels, query):
            answer = received(self.scorer.classify(support, labels, query))
        answer = answer[None] if answer.ndim == 1 else answer
        return self.checked(answer, (1, ways), "classify")

    def _singly(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        # Copies, because a scorer may write into what it is given, and the next query needs it.
        rows = [
            self._one(support.copy(), labels.copy(), query[i : i + 1])
            for i in range(len(query) - 1)
        ]
        rows.append(self._one(support, labels, query[-1:]))
        return self._judged(np.concatenate(rows), "classify")

    def pooled(self, scores: np.ndarray, ways: int) -> np.ndarray:
        """Turns scores of support images into scores of ways.

        Args:
            scores: ndarray (..., ways * shots), or (..., ways) of prototypes.
            ways: Number of ways.

        Returns:
            ndarray (..., ways).

        Raises:
            BrokenScorerError: Finite scores have an infinite mean.
        """
        if scores.shape[-1] == ways:
            return scores
        by_shot = scores.reshape(*scores.shape[:-1], ways, -1)
        if self.traits.pooling == "max":
            return by_shot.max(axis=-1)
        with np.errstate(over="ignore"):
            pooled = by_shot.mean(axis=-1)
        if self.finite and not np.isfinite(pooled).all():
            raise self.broken("scores are so large that their mean over the shots is infinite")
        return pooled

    def prepared(self, support: np.ndarray) -> np.ndarray:
        """Turns support embeddings (..., ways, shots, D) into those to compare, (..., S, D)."""
        if self.traits.pooling == "prototype" and support.shape[-2] > 1:
            with np.errstate(over="ignore"):
                return support.mean(axis=-2)
        return support.reshape(*support.shape[:-3], -1, support.shape[-1])
