"""A subject: a scorer with fixed images, called in the same way as by an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np

from ...tasks import Wants
from ..scorers import (
    DIGITS,
    TRIED,
    ULPS,
    Asking,
    BrokenScorerError,
    EpisodeSize,
    Traits,
    digits,
    nudged,
    rounding,
)
from .findings import RefusalError
from .panel import STANDARD, Panel, panel

Prepare = Callable[[np.ndarray, bool], np.ndarray]
"""Makes the array that a scorer gets instead of another; the second argument tells
whether it holds images (otherwise embeddings or labels)."""

_T = TypeVar("_T")

STEADY_ULPS = 8
"""Last digits of a score that are rounding where the same call is made twice."""


def copied(array: np.ndarray, image: bool) -> np.ndarray:
    """Copies an array, so that a scorer cannot change the original; a `Prepare`.

    Args:
        array: The array.
        image: Not used.
    """
    return array.copy()


class _Once(Generic[_T]):
    """A property that is computed once.

    `functools.cached_property` has one lock for all subjects in Python 3.11,
    which a hanging scorer would hold.
    """

    def __init__(self, find: Callable[[Any], _T]) -> None:
        self._find = find

    def __get__(self, subject: Any, owner: type) -> _T:
        found = vars(subject)[self._find.__name__] = self._find(subject)
        return found


class Subject:
    """A scorer with the fixed images.

    Attributes:
        scorer: The scorer.
        level: 1, 2 or 3.
        traits: The traits of the scorer.
        remake: Makes the scorer again, or None.
        elsewhere: Gives `reference` from another process, or None.
        like: What the data are, for a scorer that does not say what it wants.
        written: Methods that have changed their input.
    """

    def __init__(
        self,
        scorer: Any,
        traits: Traits,
        remake: Callable[[], Any] | None = None,
        elsewhere: Callable[[], np.ndarray] | None = None,
        like: Wants | None = None,
        size: EpisodeSize | None = None,
    ) -> None:
        """Keeps the scorer; it is called at the first use of its answers.

        Args:
            scorer: The scorer.
            traits: The traits of the scorer.
            remake: Makes the scorer again, or None.
            elsewhere: Gives `reference` from another process, or None.
            like: What the data are, for a scorer that does not say what it
                wants; None for ink.
            size: Size of the episodes about which a scorer of level 3 is
                asked; None for the first that it answers, of `STANDARD` and
                `TRIED`.
        """
        self.scorer, self.traits, self.level = scorer, traits, traits.level
        self.remake, self.elsewhere, self.like = remake, elsewhere, like
        self.written: set[str] = set()
        # What is not finite is a finding of its own.
        self._asking = Asking(scorer, traits, finite=False)
        self._width: int | None = None
        self._asked_size = size if self.level == 3 else STANDARD

    @_Once
    def size(self) -> EpisodeSize:
        """Gives the size of the episode about which the scorer is asked.

        Raises:
            RefusalError: It answers for none.
        """
        if self._asked_size is not None:
            return self._asked_size
        first: RefusalError | None = None
        for size in (STANDARD, *TRIED):
            images = panel(self.traits.wants or self.like, size)
            try:
                self.classify(images.queries, images.support, images.labels)
                return size
            except RefusalError as refusal:
                first = first or refusal
        assert first is not None
        raise first

    @_Once
    def panel(self) -> Panel:
        """Gives the fixed images."""
        return panel(self.traits.wants or self.like, self.size)

    @property
    def queries(self) -> np.ndarray:
        """The query images."""
        return self.panel.queries

    @property
    def support(self) -> np.ndarray:
        """The support images: one of each class, or as many as the episode has shots."""
        return self.panel.support

    @property
    def others(self) -> np.ndarray:
        """More images."""
        return self.panel.others

    def more_queries(self, times: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Gives the queries, and then others of the same classes by other drawers.

        Args:
            times: How many times as many as an episode has.

        Yields:
            Images as `queries`, and the class of each, int64 ndarray.
        """
        yield self.queries, self.panel.truth
        size, classes = self.size, self.panel.classes
        drawers = classes.shape[1] - size.shots
        for i in range(1, times):
            number = np.arange(size.queries) + i * size.queries
            drawer = size.shots + number // size.ways % max(drawers, 1)
            truth = number % size.ways
            yield classes[truth, drawer % classes.shape[1]], truth

    @property
    def singly(self) -> bool:
        """Whether the scorer takes but one query in a call."""
        return self._asking.singly

    def _answer(self, method: str, *arguments: np.ndarray, **options: Any) -> np.ndarray:
        """Calls a method of the scorer, and notes whether it writes into its arguments.

        Args:
            method: Name of the method of `Asking`.
            *arguments: Its arrays.
            **options: Its other arguments.

        Raises:
            RefusalError: The scorer raises, or its answer is not valid.
            ModelError: Its engine cannot run.
        """
        before = [argument.tobytes() for argument in arguments]
        try:
            return getattr(self._asking, method)(*arguments, **options)
        except BrokenScorerError as error:
            name = f"scorer {self.traits.name}: "
            raise RefusalError(str(error).removeprefix(name)) from error
        finally:
            if [argument.tobytes() for argument in arguments] != before:
                self.written.add(method)

    def _scores(self, method: str, *arguments: np.ndarray) -> np.ndarray:
        return self._answer(method, *arguments).astype(np.float64)

    def embed(self, images: np.ndarray, prepare: Prepare = copied) -> np.ndarray:
        """Embeds images in one batch, or in as many as the scorer needs.

        Args:
            images: uint8 ndarray (B, 105, 105).
            prepare: Makes the array that the scorer gets.

        Returns:
            ndarray (B, D).
        """
        parts, step = [], self.traits.batch
        for start in range(0, len(images), step):
            part = prepare(images[start : start + step], True)
            parts.append(self._answer("embed", part, width=self._width))
            self._width = parts[-1].shape[1]
        return np.concatenate(parts)

    def batch(self, images: np.ndarray, company: np.ndarray | None = None) -> np.ndarray:
        """Fills images up to whole batches.

        Args:
            images: uint8 ndarray (B, 105, 105).
            company: Images to fill with; None for blank images, as in an
                evaluation.
        """
        step = self.traits.batch
        filled = np.zeros((-(-len(images) // step) * step, *images.shape[1:]), dtype=images.dtype)
        filled[: len(images)] = images
        if company is not None:
            filled[len(images) :] = np.resize(company, filled[len(images) :].shape)
        return filled

    def compare(
        self, query: np.ndarray, support: np.ndarray, prepare: Prepare = copied
    ) -> np.ndarray:
        """Compares embeddings.

        Args:
            query: ndarray (..., Q, D).
            support: ndarray (..., S, D).
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (..., Q, S), higher means more alike.
        """
        return self._scores("compare", prepare(query, False), prepare(support, False))

    def score(
        self, query: np.ndarray, support: np.ndarray, prepare: Prepare = copied
    ) -> np.ndarray:
        """Scores pairs of images in one call.

        Args:
            query: uint8 ndarray (Q, 105, 105).
            support: uint8 ndarray (S, 105, 105).
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (Q, S), higher means more alike.
        """
        return self._scores("score", prepare(query, True), prepare(support, True))

    def classify(
        self,
        query: np.ndarray,
        support: np.ndarray,
        labels: np.ndarray | None = None,
        prepare: Prepare = copied,
    ) -> np.ndarray:
        """Classifies images.

        Args:
            query: uint8 ndarray (Q, 105, 105).
            support: uint8 ndarray (S, 105, 105).
            labels: int ndarray (S,); None for those of the fixed images.
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (Q, ways), higher means more alike.
        """
        if labels is None:
            labels = (
                self.panel.labels if len(support) == len(self.support) else np.arange(len(support))
            )
        return self._scores(
            "classify",
            prepare(support, True),
            prepare(labels, False),
            prepare(query, True),
        )

    def ask(self, query: np.ndarray, support: np.ndarray, prepare: Prepare = copied) -> np.ndarray:
        """Scores queries as an evaluation does, whatever the level.

        Args:
            query: uint8 ndarray (Q, 105, 105).
            support: uint8 ndarray (S, 105, 105), as many images of each class as the fixed
                images have, or one.
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (Q, ways), higher means more alike.
        """
        if self.level == 1:
            embedded = self.embed(self.batch(np.concatenate([query, support])), prepare)
            first, second = np.split(embedded[: len(query) + len(support)], [len(query)])
            return self.compare(first[None], second[None], prepare)[0]
        if self.level == 2:
            rows = [self.score(one[None], support, prepare) for one in query]
            return np.concatenate(rows)
        return self.classify(query, support, prepare=prepare)

    @_Once
    def reference(self) -> np.ndarray:
        """Gives the scores of the fixed queries and support, float64 ndarray (Q, ways)."""
        if self.level == 1:
            return self.compare(*self.embedded)[0]
        return self.ask(self.queries, self.support)

    @_Once
    def embedded(self) -> tuple[np.ndarray, np.ndarray]:
        """Gives the embeddings (1, 24, D) and (1, 12, D) of the fixed queries and support."""
        count = len(self.queries)
        known = self._embedded[None, : count + len(self.support)]
        return known[:, :count], known[:, count:]

    @_Once
    def blank(self) -> np.ndarray:
        """Gives the scores of an image without ink, float64 ndarray (Q, ways)."""
        if self.level == 1:
            # A batch mostly ends with such images.
            blank = np.zeros_like(self.queries[:1])
            full = len(self._embedded) == len(self.queries) + len(self.support)
            embedded = self.embed(self.batch(blank))[:1] if full else self._embedded[-1:]
            return self.compare(embedded[None], self.embedded[1])[0]
        count = len(self.queries) if self.level == 3 else 1
        return self.ask(np.zeros_like(self.queries[:count]), self.support)

    @_Once
    def _embedded(self) -> np.ndarray:
        return self.embed(self.batch(np.concatenate([self.queries, self.support])))

    @_Once
    def span(self) -> float:
        """Gives the largest minus the smallest finite score of `reference`."""
        finite = self.reference[np.isfinite(self.reference)]
        return float(np.ptp(finite)) if finite.size else 0.0

    @_Once
    def digits(self) -> float:
        """Gives some last digits of the largest score, as a share of the span."""
        return digits(self.reference, STEADY_ULPS) / self.span if self.span else 0.0

    @_Once
    def floor(self) -> float:
        """Gives the largest difference that sums in another order can make, as such a share.

        At level 1 it is what comes of the last digits of the embeddings. Where embeddings have
        much in common, as those behind a rectifier and an average do, their cosines are all
        near 1, and the last digits of 1 are no small part of their span.
        """
        if self.level > 1 or not self.span:
            return ULPS / STEADY_ULPS * self.digits
        query, support = (nudged(one, DIGITS) for one in self.embedded)
        nudge = self.compare(query, support)[0]
        return max(self.digits, rounding(nudge, self.reference) / self.span)

    @_Once
    def noise(self) -> float:
        """Gives how much equal calls differ, as a share of the span: 0 where they are equal."""
        first, second = (self.ask(self.queries, self.support) for _ in range(2))
        if not np.array_equal(np.isfinite(first), np.isfinite(second)):
            return np.inf
        apart = np.abs(first - second)[np.isfinite(first)].max(initial=0.0)
        return float(apart) / self.span if self.span else float(apart > 0) * np.inf
