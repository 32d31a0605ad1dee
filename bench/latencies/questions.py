"""Questions: queries and their support, in memory, to be asked one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...tasks import Source
from ..errors import ScorerError
from ..scorers import BATCH, Asking

Answer = tuple[np.ndarray, int, int]
"""Scores of the ways, higher more alike, and the nanoseconds of embedding and of comparing."""

clock = time.perf_counter_ns
"""Monotonic, and the finest there is."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Queries of a protocol's first episodes.

    Attributes:
        images: uint8 ndarray (E, 1 + ways * shots, side, side): room for a
            query, then the support of each episode.
        query: uint8 ndarray (n, side, side).
        episode: The episode of each query.
        ways: Classes to choose from.
        shots: Support images of each.
    """

    images: np.ndarray
    query: np.ndarray
    episode: list[int]
    ways: int
    shots: int

    @classmethod
    def of(cls, source: Source, count: int = BATCH) -> Questions:
        """Takes the first queries of a protocol.

        Args:
            source: Where the episodes come from.
            count: How many queries; fewer where there are no more.

        Raises:
            ScorerError: The number of ways varies.
        """
        protocol = source.protocol
        if protocol.fewest_ways != protocol.ways:
            raise ScorerError(
                f"{protocol.name}: latency depends on the number of ways, which varies here; "
                "choose a protocol of one number of ways"
            )
        block = source.block(0)
        episodes = block[: -(-count // block.query.shape[1])]
        images, queries = source.dataset.images, episodes.query.shape[1]
        support = images[episodes.support.reshape(len(episodes), -1)]
        return cls(
            np.concatenate([np.zeros_like(support[:, :1]), support], axis=1),
            images[episodes.query.ravel()[:count]],
            np.repeat(np.arange(len(episodes)), queries)[:count].tolist(),
            protocol.ways,
            protocol.shots,
        )

    def __len__(self) -> int:
        return len(self.query)

    def first(self) -> Questions:
        """The first of them alone."""
        return Questions(self.images[:1], self.query[:1], [0], self.ways, self.shots)

    @property
    def labels(self) -> np.ndarray:
        """The way of each support image of an episode."""
        return np.repeat(np.arange(self.ways), self.shots)

    def flip(self, row: int | slice, number: int) -> None:
        """Flips a pixel of queries and of their support, or flips it back.

        So that no image is asked about twice, as a scorer may remember images.

        Args:
            row: Of the query, or `slice(None)` for all of them.
            number: Another one for another pixel.
        """
        place = number % self.query[0].size
        episode = row if isinstance(row, slice) else self.episode[row]
        self.query.reshape(len(self.query), -1)[row, place] ^= 1
        self.images.reshape(*self.images.shape[:2], -1)[episode, 1:, place] ^= 1

    def scores(self, asking: Asking, answer: np.ndarray) -> np.ndarray:
        """Turns scores (..., S) of support images, or of ways, into scores (..., ways)."""
        scores = asking.turned(answer)
        return scores if self.shots == 1 else asking.pooled(scores, self.ways)

    def prepared(self, asking: Asking, support: np.ndarray) -> np.ndarray:
        """Support embeddings (ways * shots, D) as they are compared: perhaps their means."""
        return asking.prepared(support.reshape(self.ways, self.shots, -1))


def embedded_support(asking: Asking, questions: Questions) -> np.ndarray:
    """Embeds the support of all episodes: ndarray (E, S, D), as it is compared."""
    return np.stack(
        [
            questions.prepared(asking, np.asarray(asking.scorer.embed(images[1:])))
            for images in questions.images
        ]
    )


def ready(asking: Asking, questions: Questions, support: np.ndarray) -> Callable[[int], Answer]:
    """The support is embedded already: a query costs one embedding and the comparisons.

    Args:
        asking: Asks a scorer of level 1.
        questions: The queries.
        support: As from `embedded_support`.

    Returns:
        Asks about the query of a row. `np.asarray` waits until the numbers are
        there, whichever device they come from.
    """

    def ask(row: int) -> Answer:
        start = clock()
        embedded = np.asarray(asking.scorer.embed(questions.query[row : row + 1]))
        middle = clock()
        scores = np.asarray(asking.scorer.compare(embedded, support[questions.episode[row]]))
        end = clock()
        return questions.scores(asking, scores)[0], middle - start, end - middle

    return ask


def cold(asking: Asking, questions: Questions) -> Callable[[int], Answer]:
    """A query costs everything: its support has never been seen.

    Args:
        asking: Asks a scorer of any level; one that embeds is given query and
            support in one batch.
        questions: The queries.

    Returns:
        Asks about the query of a row.
    """
    labels = questions.labels

    def embedding(row: int) -> Answer:
        images = questions.images[questions.episode[row]]
        images[0] = questions.query[row]
        start = clock()
        embedded = np.asarray(asking.scorer.embed(images))
        middle = clock()
        support = questions.prepared(asking, embedded[1:])
        scores = np.asarray(asking.scorer.compare(embedded[:1], support))
        end = clock()
        return questions.scores(asking, scores)[0], middle - start, end - middle

    def whole(row: int) -> Answer:
        query = questions.query[row : row + 1]
        support = questions.images[questions.episode[row], 1:]
        start = clock()
        if asking.traits.level == 2:
            scores = np.asarray(asking.scorer.score(query, support))
        else:
            scores = np.asarray(asking.scorer.classify(support, labels, query))
        end = clock()
        return questions.scores(asking, scores)[0], 0, end - start

    return embedding if asking.traits.level == 1 else whole
