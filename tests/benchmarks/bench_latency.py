"""Latency of a query, against what it cannot do without."""

from __future__ import annotations

import time

import numpy as np
from networks import bare_engines, source
from wayshot.bench.latencies.questions import Questions, embedded_support, ready
from wayshot.bench.latencies.scenarios import harness, stream
from wayshot.bench.scorers import Asking
from wayshot.models.networks.pixels import view
from yardsticks import Figure


def test_a_query_against_the_bare_engine(benchmark, conv4):
    """Support ready, 20 ways: p50 of the stream, and of the same calls by themselves."""
    scorer, known = conv4
    asking, questions = Asking(scorer, known), Questions.of(source())
    support = embedded_support(asking, questions)
    ask = ready(asking, questions, support)
    one = view(questions.query[:1], scorer.model.size, "area")
    run = bare_engines(scorer)[scorer.engine.split()[0].replace("tensorflow", "keras")]
    run(one)

    def bare(calls: int = 1000) -> float:
        times = []
        for _ in range(calls):
            start = time.perf_counter_ns()
            scorer.compare(run(one), support[0])
            times.append(time.perf_counter_ns() - start)
        return float(np.median(times)) / 1e9

    def streamed() -> float:
        found = stream(ask, asking, questions, 1000, 1e-9)
        return float(np.median(found.latency)) / 1e9

    streamed()
    pairs = [(streamed(), bare()) for _ in range(5)]
    benchmark.pedantic(streamed, rounds=1)
    took, beside = (min(some) for some in zip(*pairs, strict=True))
    Figure(
        f"p50 of one query at a time, conv-4, 20 ways, support ready ({scorer.engine})",
        "the engine alone on one shrunk image, and 20 comparisons",
        took,
        beside,
        took / beside,
        "at most 1.2",
    ).tell(benchmark)


def test_a_query_to_a_scorer_that_does_nothing(benchmark):
    questions = Questions.of(source())
    harness(questions)
    microseconds = min(harness(questions) for _ in range(5))
    benchmark.pedantic(harness, args=(questions,), rounds=1)
    Figure(
        "the harness alone, a query",
        "one microsecond",
        microseconds / 1e6,
        1e-6,
        microseconds,
        "at most 50",
    ).tell(benchmark)
