"""Questions: queries and their support, in memory, to be asked one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...tasks import Source
from ..errors import ScorerError
from ..scorers import BATCH, Asking, Traits, as_numbers, images_for, received, score

Answer = tuple[np.ndarray, int, int]
"""Scores of the ways, higher means more alike; nanoseconds of embedding, and of comparing."""

clock = time.perf_counter_ns
"""The monotonic clock with the finest resolution."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Queries of a protocol's first episodes.

    Attributes:
        images: ndarray (E, 1 + ways * shots, height, width), as the scorer
            wants it: for each episode, space for a query and then the support.
        query: ndarray (n, height, width).
        episode: The episode of each query.
        ways: Number of classes of an episode.
        shots: Number of support images of a class.
    """

    images: np.ndarray
    query: np.ndarray
    episode: list[int]
    ways: int
    shots: int

    @classmethod
    def of(cls, source: Source, count: int = BATCH, *, traits: Traits | None = None) -> Questions:
        """Takes the first queries of a protocol.

        Args:
            source: The episodes.
            count: Number of queries; there are fewer if block 0 has fewer.
            traits: The traits of the scorer that is asked; None for one that
                takes images as they are.

        Raises:
            ScorerError: The number of ways varies.
        """
        protocol = source.protocol
        if protocol.fewest_ways != protocol.ways:
            raise ScorerError(
                f"{protocol.name}: latency depends on the number of ways, which varies here; "
                "choose a protocol with a fixed number of ways"
            )
        block = source.block(0)
        episodes = block[: -(-count // block.query.shape[1])]
        images, queries = source.dataset.images, episodes.query.shape[1]
        images = images_for(traits, source) if traits else images
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
        """Gives the first query with its support."""
        return Questions(self.images[:1], self.query[:1], [0], self.ways, self.shots)

    @property
    def labels(self) -> np.ndarray:
        """The way of each support image of an episode."""
        return np.repeat(np.arange(self.ways), self.shots)

    def flip(self, row: int | slice, number: int) -> None:
        """Inverts a pixel of queries and of their support, or restores it.

        In this way no image is asked twice, because a scorer may cache images.

        Args:
            row: Row of the query, or `slice(None)` for all queries.
            number: Number that determines the pixel.
        """
        place = number % self.query[0].size
        episode = row if isinstance(row, slice) else self.episode[row]
        of = row, place
        query = self.query.reshape(len(self.query), -1)
        images = self.images.reshape(*self.images.shape[:2], -1)
        if query.dtype.kind == "f":
            query[of] = 1 - query[of]
            images[episode, 1:, place] = 1 - images[episode, 1:, place]
        else:
            query[of] ^= 1
            images[episode, 1:, place] ^= 1

    def scores(self, asking: Asking, answer: np.ndarray) -> np.ndarray:
        """Turns an answer into scores of ways.

        Args:
            asking: Calls the scorer.
            answer: ndarray (..., S) of support images, or of ways.

        Returns:
            ndarray (..., ways), higher means more alike.
        """
        scores = asking.turned(answer)
        return scores if self.shots == 1 else asking.pooled(scores, self.ways)

    def prepared(self, asking: Asking, support: np.ndarray) -> np.ndarray:
        """Gives the support embeddings to compare with: means of a class for prototypes.

        Args:
            asking: Calls the scorer.
            support: ndarray (ways * shots, D).
        """
        return asking.prepared(support.reshape(self.ways, self.shots, -1))


def embedded_support(asking: Asking, questions: Questions) -> np.ndarray:
    """Embeds the support of all episodes.

    Args:
        asking: Calls a scorer of level 1.
        questions: The queries with their support.

    Returns:
        ndarray (E, S, D), as from `Questions.prepared`.
    """
    # Copies, because a scorer may use the same array again in its next call.
    return np.stack(
        [
            questions.prepared(asking, received(asking.scorer.embed(images[1:])))
            for images in questions.images
        ]
    )


def ready(asking: Asking, questions: Questions, support: np.ndarray) -> Callable[[int], Answer]:
    """Makes the function that asks a query whose support is embedded already.

    Such a query costs one embedding and the comparisons.

    Args:
        asking: Calls a scorer of level 1.
        questions: The queries.
        support: The support embeddings, from `embedded_support`.

    Returns:
        A function of the row of the query. It waits until the scores are
        computed, on whichever device.
    """

    def ask(row: int) -> Answer:
        start = clock()
        embedded = as_numbers(asking.scorer.embed(questions.query[row : row + 1]))
        middle = clock()
        scores = as_numbers(asking.scorer.compare(embedded, support[questions.episode[row]]))
        end = clock()
        return questions.scores(asking, scores)[0], middle - start, end - middle

    return ask


def cold(asking: Asking, questions: Questions) -> Callable[[int], Answer]:
    """Makes the function that asks a query whose support is new.

    Such a query costs the embeddings of query and support, and the comparisons.

    Args:
        asking: Calls a scorer of any level; a scorer of level 1 gets query and
            support in one batch.
        questions: The queries.

    Returns:
        A function of the row of the query.
    """
    labels = questions.labels

    def embedding(row: int) -> Answer:
        images = questions.images[questions.episode[row]]
        images[0] = questions.query[row]
        start = clock()
        embedded = as_numbers(asking.scorer.embed(images))
        middle = clock()
        support = questions.prepared(asking, embedded[1:])
        scores = as_numbers(asking.scorer.compare(embedded[:1], support))
        end = clock()
        return questions.scores(asking, scores)[0], middle - start, end - middle

    def whole(row: int) -> Answer:
        query = questions.query[row : row + 1]
        support = questions.images[questions.episode[row], 1:]
        start = clock()
        if asking.traits.level == 2:
            scores = as_numbers(score(asking.scorer, query, support))
        else:
            scores = as_numbers(asking.scorer.classify(support, labels, query))
        end = clock()
        return questions.scores(asking, scores)[0], 0, end - start

    return embedding if asking.traits.level == 1 else whole
