"""Comparing: heads over many pairs, and distances between sets of ink."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from wayshot import tasks
from wayshot.bench.scorers.baselines import Hausdorff, _ink
from wayshot.models.networks.comparison import compare
from yardsticks import HAS_OMNIGLOT, Figure, matrix_peak, memory_rate, seconds_of

WIDTH, HIDDEN = 512, 512
EPISODES, AT_ONCE = 10_000, 64
PAIRS = EPISODES * 20 * 20


def _episodes(width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    query, support = rng.random((2, AT_ONCE, 20, width), dtype=np.float32)
    return query, support


def test_a_dense_head_over_four_million_pairs(benchmark):
    """20 queries by 20 ways in 10,000 episodes, in blocks as an evaluation has them."""
    rng = np.random.default_rng(1)
    weights = {
        "hidden_kernel": rng.standard_normal((WIDTH, HIDDEN), dtype=np.float32),
        "hidden_bias": rng.standard_normal(HIDDEN, dtype=np.float32),
        "weighting": rng.standard_normal(HIDDEN, dtype=np.float32),
        "bias": np.float32(0),
    }
    query, support = _episodes(WIDTH)

    def work() -> None:
        for _ in range(PAIRS // (AT_ONCE * 400)):
            compare("difference", "dense", weights, query, support)

    benchmark.pedantic(work, rounds=2)
    took = benchmark.stats.stats.min
    arithmetic = 2 * PAIRS * WIDTH * HIDDEN / matrix_peak()
    Figure(
        "dense head of 512 over 4,000,000 pairs",
        "its arithmetic at the matrix peak",
        took,
        arithmetic,
        arithmetic / took,
        "at least 0.7",
    ).tell(benchmark)


def test_a_weighted_difference_of_4096_features(benchmark):
    weights = {"weighting": np.ones(4096, np.float32), "bias": np.float32(0)}
    query, support = _episodes(4096)
    benchmark(compare, "difference", "weighted", weights, query, support)
    took = benchmark.stats.stats.min
    read = 2 * AT_ONCE * 400 * 4096 * 4 / memory_rate()
    Figure(
        f"weighted |a - b| of 4,096 features over {AT_ONCE * 400:,} pairs",
        "reading both embeddings of every pair from memory",
        took,
        read,
        took / read,
    ).tell(benchmark)


def _demo(queries: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """Pair by pair, all distances of the two sets of ink, as in the public demo."""
    points = [
        [
            found - found.mean(axis=0)
            for found in (np.argwhere(image).astype(float) for image in some)
        ]
        for some in (queries, supports)
    ]
    costs = np.empty((len(queries), len(supports)))
    for i, query in enumerate(points[0]):
        for j, support in enumerate(points[1]):
            apart = cdist(query, support)
            costs[i, j] = max(apart.min(axis=0).mean(), apart.min(axis=1).mean())
    return costs


@pytest.mark.skipif(not HAS_OMNIGLOT, reason="WAYSHOT_DATA is not set")
def test_hausdorff_against_distances_pair_by_pair(benchmark):
    """The 20 official runs; the yardstick does the same 8,000 pairs and gives the same answers."""
    source = tasks.open_protocol(tasks.parse("lake-runs"))
    images, runs = source.dataset.images, source.block(0)
    asked = [(images[runs.query[i]], images[runs.support[i, :, 0]]) for i in range(len(runs))]
    ours: list[np.ndarray] = []

    def work() -> None:
        # It remembers images; the yardstick does not.
        _ink.cache_clear()
        ours[:] = [Hausdorff().score(*one) for one in asked]

    benchmark.pedantic(work, rounds=3)
    theirs: list[np.ndarray] = []
    beside = seconds_of(lambda: theirs.extend(_demo(*one) for one in asked))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.argmin(axis=1), other.argmin(axis=1))
    took = benchmark.stats.stats.min
    Figure(
        "modified Hausdorff distance, the 20 official runs",
        "scipy's cdist pair by pair",
        took,
        beside,
        beside / took,
        "at least 20",
    ).tell(benchmark)
