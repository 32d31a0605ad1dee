"""Embedding: towers against their arithmetic at the rate of matrix products."""

from __future__ import annotations

import numpy as np
import pytest
from wayshot.bench import resolve
from yardsticks import Figure, matrix_peak, seconds_of

GOALS = {"resnet18-eca": "at least 0.95", "conv-4": "at least 0.9"}


@pytest.mark.parametrize("tower", GOALS)
def test_embedding_against_arithmetic(benchmark, conv4, tower):
    """From 105 x 105 pixels to embeddings, by the engine that auto has chosen."""
    scorer, known = conv4 if tower == "conv-4" else resolve("siamese-resnet18-eca")
    images = (np.random.default_rng(0).random((256, 105, 105)) < 0.1).astype(np.uint8)
    scorer.embed(images)
    # About two seconds a round: the same power and heat as the matrix products.
    calls = max(int(2 / seconds_of(lambda: scorer.embed(images))), 1)

    def work() -> None:
        for _ in range(calls):
            scorer.embed(images)

    benchmark.pedantic(work, rounds=3)
    took = benchmark.stats.stats.min
    arithmetic = known.flops * calls * len(images) / matrix_peak()
    Figure(
        f"embedding {calls * len(images):,} images with {tower} ({scorer.engine})",
        f"its {known.flops / 1e6:,.1f} MFLOP an image at the matrix peak",
        took,
        arithmetic,
        arithmetic / took,
        GOALS[tower],
    ).tell(benchmark)
