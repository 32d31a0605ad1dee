"""Questions: queries and their support, in memory, to be asked one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...models import ModelError
from ...tasks import Source
from ..errors import ScorerError
from ..scorers import BATCH, Traits

Answer = tuple[np.ndarray, int, int]
"""Scores of the ways, higher more alike, and the nanoseconds of embedding and of comparing."""

clock = time.perf_counter_ns
"""Monotonic, and the finest there is."""


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Turns whatever a scorer raises into one line for the user.

    Args:
        name: Of the scorer.
    """
    try:
        yield
    except (ScorerError, ModelError):
        raise
    except (Exception, SystemExit) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise ScorerError(f"scorer {name}: raised {problem}") from error


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

    def pooled(self, known: Traits, scores: np.ndarray) -> np.ndarray:
        """Turns scores (..., S) of support images, or of ways, into scores (..., ways)."""
        if known.smaller_is_closer:
            # Unsigned numbers would wrap when a distance is turned into a score.
            scores = -scores.astype(np.float64, copy=False)
        if self.shots == 1 or scores.shape[-1] == self.ways:
            return scores
        by_shot = scores.reshape(*scores.shape[:-1], self.ways, self.shots)
        return by_shot.max(axis=-1) if known.pooling == "max" else by_shot.mean(axis=-1)

    def prepared(self, known: Traits, support: np.ndarray) -> np.ndarray:
        """Support embeddings (ways * shots, D) as they are compared: perhaps their means."""
        if known.pooling == "prototype" and self.shots > 1:
            return support.reshape(self.ways, self.shots, -1).mean(axis=1)
        return support


def embedded_support(scorer: Any, known: Traits, questions: Questions) -> np.ndarray:
    """Embeds the support of all episodes: ndarray (E, S, D), as it is compared."""
    return np.stack(
        [
            questions.prepared(known, np.asarray(scorer.embed(images[1:])))
            for images in questions.images
        ]
    )


def ready(
    scorer: Any, known: Traits, questions: Questions, support: np.ndarray
) -> Callable[[int], Answer]:
    """The support is embedded already: a query costs one embedding and the comparisons.

    Args:
        scorer: Of level 1.
        known: What is known of it.
        questions: The queries.
        support: As from `embedded_support`.

    Returns:
        Asks about the query of a row. `np.asarray` waits until the numbers are
        there, whichever device they come from.
    """

    def ask(row: int) -> Answer:
        start = clock()
        embedded = np.asarray(scorer.embed(questions.query[row : row + 1]))
        middle = clock()
        scores = np.asarray(scorer.compare(embedded, support[questions.episode[row]]))
        end = clock()
        return questions.pooled(known, scores)[0], middle - start, end - middle

    return ask


def cold(scorer: Any, known: Traits, questions: Questions) -> Callable[[int], Answer]:
    """A query costs everything: its support has never been seen.

    Args:
        scorer: Of any level; one that embeds is given query and support in one
            batch.
        known: What is known of it.
        questions: The queries.

    Returns:
        Asks about the query of a row.
    """
    labels = questions.labels

    def embedding(row: int) -> Answer:
        images = questions.images[questions.episode[row]]
        images[0] = questions.query[row]
        start = clock()
        embedded = np.asarray(scorer.embed(images))
        middle = clock()
        support = questions.prepared(known, embedded[1:])
        scores = np.asarray(scorer.compare(embedded[:1], support))
        end = clock()
        return questions.pooled(known, scores)[0], middle - start, end - middle

    def whole(row: int) -> Answer:
        query = questions.query[row : row + 1]
        support = questions.images[questions.episode[row], 1:]
        start = clock()
        if known.level == 2:
            scores = np.asarray(scorer.score(query, support))
        else:
            scores = np.asarray(scorer.classify(support, labels, query))
        end = clock()
        return questions.pooled(known, scores)[0], 0, end - start

    return embedding if known.level == 1 else whole
