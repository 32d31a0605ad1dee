"""A subject: a scorer with fixed images, called in the same way as by an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np

from ...tasks import Images, Wants, wanted
from ...tasks.data import glyphs
from ..scorers import BATCH, Asking, BrokenScorerError, Traits
from .findings import RefusalError

Prepare = Callable[[np.ndarray, bool], np.ndarray]
"""Makes the array that a scorer gets instead of another; the second argument tells
whether it holds images (otherwise embeddings or labels)."""

_T = TypeVar("_T")
_SEED, _CLASSES = 3, 12


@dataclass(frozen=True, eq=False)
class Panel:
    """The fixed images, ndarrays (n, height, width) or (n, height, width, channels).

    Drawn by `tasks.glyphs` with a seed that no data set has.

    Attributes:
        whole: What full ink is: 1 or 255.
        of_ink: Whether all pixels are 0 or 1.
        support: One of each of 12 characters, by one drawer.
        queries: Two of each, by two others.
        others: More of the same alphabet.
    """

    whole: int
    of_ink: bool
    support: np.ndarray
    queries: np.ndarray
    others: np.ndarray


@lru_cache(maxsize=4)
def panel(wants: Wants | None = None) -> Panel:
    """Draws the fixed images.

    Args:
        wants: What they are turned into; None for 105 x 105 pixels of ink.
    """
    bits, rows = glyphs.generate(_SEED, alphabets=1)
    images = wanted(Images(bits), wants)[:]
    drawers = np.array([drawer for _, _, drawer in rows])
    support, first, second = (images[drawers == name][:_CLASSES] for name in ("01", "02", "03"))
    others = images[~np.isin(drawers, ("01", "02", "03"))]
    whole = int(images.max())
    of_ink = images.ndim == 3 and bool(np.isin(images, (0, 1)).all())
    return Panel(whole, of_ink, support, np.concatenate([first, second]), others)


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
        panel: The fixed images.
        written: Methods that have changed their input.
        queries: The query images.
        support: One image of each class.
        others: More images.
    """

    def __init__(
        self,
        scorer: Any,
        traits: Traits,
        remake: Callable[[], Any] | None = None,
        elsewhere: Callable[[], np.ndarray] | None = None,
        like: Wants | None = None,
    ) -> None:
        """Keeps the scorer; it is called at the first use of its answers.

        Args:
            scorer: The scorer.
            traits: The traits of the scorer.
            remake: Makes the scorer again, or None.
            elsewhere: Gives `reference` from another process, or None.
            like: What the data are, for a scorer that does not say what it
                wants; None for ink.
        """
        self.scorer, self.traits, self.level = scorer, traits, traits.level
        self.remake, self.elsewhere, self.like = remake, elsewhere, like
        self.written: set[str] = set()
        # What is not finite is a finding of its own.
        self._asking = Asking(scorer, traits, finite=False)
        self._width: int | None = None
        self.panel = images = panel(traits.wants or like)
        self.queries, self.support, self.others = images.queries, images.support, images.others

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
        """Embeds images in one batch.

        Args:
            images: uint8 ndarray (B, 105, 105).
            prepare: Makes the array that the scorer gets.

        Returns:
            ndarray (B, D).
        """
        embedded = self._answer("embed", prepare(images, True), width=self._width)
        self._width = embedded.shape[1]
        return embedded

    def batch(self, images: np.ndarray, company: np.ndarray | None = None) -> np.ndarray:
        """Fills images up to `BATCH`.

        Args:
            images: uint8 ndarray (B, 105, 105).
            company: Images to fill with; None for blank images, as in an
                evaluation.
        """
        filled = np.zeros((BATCH, *images.shape[1:]), dtype=images.dtype)
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
            labels: int ndarray (S,); None for one support image of each class.
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (Q, ways), higher means more alike.
        """
        labels = np.arange(len(support)) if labels is None else labels
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
            support: uint8 ndarray (S, 105, 105), one image of each class.
            prepare: Makes the arrays that the scorer gets.

        Returns:
            float64 ndarray (Q, S), higher means more alike.
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
        """Gives the scores of the fixed queries and support, float64 ndarray (24, 12)."""
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
        """Gives the scores of an image without ink, float64 ndarray (1, 12)."""
        if self.level == 1:
            # The batch ends with such images.
            return self.compare(self._embedded[None, -1:], self.embedded[1])[0]
        return self.ask(np.zeros_like(self.queries[:1]), self.support)

    @_Once
    def _embedded(self) -> np.ndarray:
        return self.embed(self.batch(np.concatenate([self.queries, self.support])))

    @_Once
    def span(self) -> float:
        """Gives the largest minus the smallest finite score of `reference`."""
        finite = self.reference[np.isfinite(self.reference)]
        return float(np.ptp(finite)) if finite.size else 0.0
