"""Scenarios: how queries are sent to a scorer, following MLPerf's LoadGen where possible.

Single stream: a query is asked when the query before is answered. Each query is
timed, until there are enough queries and enough time has passed. There are two
modes: ready, with the support embedded beforehand, and cold. Offline: all
queries at once. An evaluation embeds in batches of `scorer.BATCH`; here a query
is one image, as in applications. Source: Reddi et al. 2020, MLPerf Inference
Benchmark, which requires 60 s or more, and only one percentile.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...results.statistics import percentiles, too_short
from ..scorers import Asking, Chance, as_numbers, score, traits
from .confirmation import Sample, confirmed
from .questions import Answer, Questions, clock, embedded_support, ready

QUERIES = 1024
"""Default of the smallest number of queries in a single stream."""

LONGEST = 60.0
"""Default of the seconds after which a stream ends with fewer queries."""

_HARNESS_QUERIES = 2000

_SAMPLES = 16
"""Answers at the beginning of a stream, and later ones, that are kept."""

_EVERY = 7
"""Of so many later answers, one is kept, and of those the last."""


@dataclass(frozen=True)
class Stream:
    """The times of queries that were asked one after the other, in nanoseconds.

    Attributes:
        latency: int64 ndarray (n,): from the query to the scores of its ways.
        embedding: int64 ndarray (n,): the part for embedding images.
        comparison: int64 ndarray (n,): the part for comparing embeddings.
        total: From the first query to the last answer, including checks.
        samples: Some of the answers: the first, the last, and some between.
    """

    latency: np.ndarray
    embedding: np.ndarray
    comparison: np.ndarray
    total: int
    samples: tuple[Sample, ...] = ()


def stream(
    ask: Callable[[int], Answer],
    asking: Asking,
    questions: Questions,
    queries: int,
    seconds: float,
    tick: Callable[[int], None] = lambda done: None,
) -> Stream:
    """Asks one query after the other.

    Args:
        ask: Asks the query of a row, from `questions.ready` or
            `questions.cold`.
        asking: Calls the same scorer.
        questions: The queries, which are repeated; each time another pixel of
            the images is inverted.
        queries: The smallest number of queries.
        seconds: The shortest time. The stream ends after `LONGEST` in any case,
            or after `seconds` if that is longer.
        tick: Is called with the progress, in hundredths.

    Raises:
        ScorerError: An answer is not a finite number for each way.
    """
    latency: list[int] = []
    embedding: list[int] = []
    comparison: list[int] = []
    first: list[Sample] = []
    last: deque[Sample] = deque(maxlen=_SAMPLES)
    longest, shown = max(seconds, LONGEST), 0
    begun = clock()
    for number in itertools.count():
        row = number % len(questions)
        questions.flip(row, number)
        start = clock()
        scores, embedded, compared = ask(row)
        end = clock()
        questions.flip(row, number)
        asking.checked(scores, (questions.ways,))
        asking.check_finite(scores)
        if number < _SAMPLES or number % _EVERY == 0:
            (first if number < _SAMPLES else last).append(Sample(row, number, np.array(scores)))
        latency.append(end - start)
        embedding.append(embedded)
        comparison.append(compared)
        passed = (end - begun) / 1e9
        done = max(min((number + 1) / queries, passed / seconds), passed / longest)
        if (hundredths := min(int(100 * done), 100)) > shown:
            tick(hundredths - shown)
            shown = hundredths
        if done >= 1:
            break
    total = clock() - begun
    return Stream(
        np.array(latency, dtype=np.int64),
        np.array(embedding, dtype=np.int64),
        np.array(comparison, dtype=np.int64),
        total,
        (*first, *last),
    )


def single(
    ask: Callable[[int], Answer],
    asking: Asking,
    questions: Questions,
    queries: int,
    seconds: float,
    tick: Callable[[int], None],
    support: np.ndarray | None = None,
) -> dict[str, Any]:
    """Asks one query after the other, after a warm-up.

    Args:
        ask: As for `stream`.
        asking: As for `stream`.
        questions: As for `stream`.
        queries: As for `stream`.
        seconds: As for `stream`.
        tick: As for `stream`.
        support: The support embeddings, where they are ready.

    Returns:
        A dict: number of `queries`, `seconds`, `percentiles` of the latency,
        whether all are `valid`, `mean_ms`, the mean time of each part, and
        `answers`, as from `confirmed`.
    """
    stream(ask, asking, questions, min(queries, 10), min(seconds, 0.5))
    found = stream(ask, asking, questions, queries, seconds, tick)
    count = len(found.latency)
    shares = percentiles(found.latency, found.total / 1e9)
    answers = confirmed(asking, questions, support, found.samples)
    if answers["reason"]:
        shares = {
            name: {**one, "valid": False, "reason": answers["reason"]}
            for name, one in shares.items()
        }
    rest = found.total - found.embedding.sum() - found.comparison.sum()
    return {
        "queries": count,
        "seconds": found.total / 1e9,
        "percentiles": shares,
        "valid": all(one["valid"] for one in shares.values()),
        "answers": answers,
        "mean_ms": {
            "embedding": found.embedding.mean() / 1e6 if asking.traits.level == 1 else None,
            "comparison": found.comparison.mean() / 1e6,
            "harness": float(rest) / count / 1e6,
        },
    }


def _batches(
    asking: Asking, questions: Questions, support: np.ndarray | None
) -> list[Callable[[], tuple[np.ndarray, int]]]:
    """Makes functions that answer all queries: each gives scores, and the time of embedding."""
    if support is not None:
        near = support[questions.episode]

        def together() -> tuple[np.ndarray, int]:
            start = clock()
            embedded = as_numbers(asking.scorer.embed(questions.query))
            end = clock()
            scores = as_numbers(asking.scorer.compare(embedded[:, None], near))
            return questions.scores(asking, scores)[:, 0], end - start

        return [together]
    labels = questions.labels

    def episode(number: int) -> tuple[np.ndarray, int]:
        near = questions.images[number, 1:]
        query = questions.query[np.equal(questions.episode, number)]
        if asking.traits.level == 2:
            scores = as_numbers(score(asking.scorer, query, near))
        else:
            scores = as_numbers(asking.scorer.classify(near, labels, query))
        return questions.scores(asking, scores), 0

    return [lambda number=number: episode(number) for number in range(len(questions.images))]


def offline(
    asking: Asking,
    questions: Questions,
    support: np.ndarray | None,
    seconds: float,
    tick: Callable[[int], None],
) -> dict[str, Any]:
    """Asks all queries at once, repeatedly: level 1 in one batch, others episode by episode.

    Args:
        asking: Calls the scorer.
        questions: The queries.
        support: The support embeddings for level 1, from
            `questions.embedded_support`; else None.
        seconds: The shortest time, in seconds.
        tick: Is called with the progress, in hundredths.

    Returns:
        A dict: number of `queries`, `seconds`, the throughput
        `queries_per_second`, that of embedding alone `images_per_second`,
        whether it is `valid`, and the `reason` if not.
    """
    batches = _batches(asking, questions, support)
    batches[0]()
    answered = embedding = shown = number = 0
    everything, begun, passed = slice(None), clock(), 0.0
    while passed < seconds:
        questions.flip(everything, number)
        for batch in batches:
            scores, embedded = batch()
            asking.checked(scores, (len(scores), questions.ways))
            asking.check_finite(scores)
            answered, embedding = answered + len(scores), embedding + embedded
            passed = (clock() - begun) / 1e9
            if (hundredths := min(int(100 * passed / seconds), 100)) > shown:
                tick(hundredths - shown)
                shown = hundredths
            if passed >= seconds:
                break
        questions.flip(everything, number)
        number += 1
    total = (clock() - begun) / 1e9
    return {
        "queries": answered,
        "seconds": total,
        "queries_per_second": answered / total,
        "images_per_second": answered / (embedding / 1e9) if embedding else None,
        "valid": not too_short(total),
        "reason": too_short(total),
    }


def harness(questions: Questions) -> float:
    """Measures the microseconds per query of a stream with a scorer that does nothing."""
    scorer = Chance()
    asking = Asking(scorer, traits(scorer, scorer.name))
    ask = ready(asking, questions, embedded_support(asking, questions))
    return stream(ask, asking, questions, _HARNESS_QUERIES, 1e-9).total / _HARNESS_QUERIES / 1e3
