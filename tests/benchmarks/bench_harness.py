"""The harness: whole evaluations against the embedding that they cannot do without."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from networks import PROTOCOL, bare_engines, evaluation, source
from wayshot import tasks
from wayshot.bench import resolve
from wayshot.bench.machine import limited
from wayshot.models.networks.pixels import view
from yardsticks import KIND, Figure, seconds_of, side_by_side

EPISODES = 10_000


@pytest.fixture(scope="module")
def asked() -> tasks.Source:
    return source()


@pytest.fixture
def evaluate(asked, tmp_path, monkeypatch):
    """Evaluates a network into a fresh folder each time."""
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    numbers = itertools.count()

    def call(network, cache: bool, episodes: int = EPISODES):
        root = tmp_path / str(next(numbers))
        return evaluation(*network, asked, root, episodes, cache=cache).run()

    return call


def _fastest(scorer, seen: np.ndarray):
    """Embeds all images in batches of 256 by the fastest engine on its own; and its name."""
    engines = bare_engines(scorer)
    for run in engines.values():
        run(seen[:256])
    rates = {
        name: min(seconds_of(lambda run=run: run(seen[:256])) for _ in range(5))
        for name, run in engines.items()
    }
    best = min(rates, key=rates.__getitem__)

    def whole() -> None:
        for start in range(0, len(seen), 256):
            engines[best](seen[start : start + 256])

    return whole, best


def test_episodes_against_the_bare_engine(benchmark, conv4, asked, evaluate):
    """Sampling, shrinking, embedding, comparing 4,000,000 pairs, storing 200,000 trials."""
    seen = view(asked.dataset.images[:], conv4[0].model.size, "area")
    bare, engine = _fastest(conv4[0], seen)
    bare()
    took, beside = side_by_side(lambda: evaluate(conv4, cache=False), bare, rounds=5)
    benchmark.pedantic(evaluate, args=(conv4, False), rounds=1)
    Figure(
        f"{EPISODES:,} episodes of {PROTOCOL}, conv-4, from packed images to stored trials",
        f"embedding its {len(seen):,} images, shrunk already, with {engine} alone",
        took,
        beside,
        took / beside,
        "at most 1.25",
    ).tell(benchmark)


def test_episodes_against_the_usual_loop(benchmark, conv4, asked, evaluate):
    """One `predict` of the pair network a trial, as published notebooks have it."""
    scorer, _ = conv4
    trials = 200
    block, images = asked.block(0), asked.dataset.images
    size = scorer.model.size

    def loop() -> None:
        for episode, query in itertools.islice(np.ndindex(block.query.shape), trials):
            near = view(images[block.support[episode, :, 0]], size, "area")
            one = view(images[block.query[episode, query][None]], size, "area")
            scorer.model.predict([np.repeat(one, len(near), axis=0), near], verbose=0).argmax()

    loop()
    took, beside = side_by_side(lambda: evaluate(conv4, cache=False), loop, rounds=2)
    benchmark.pedantic(evaluate, args=(conv4, False), rounds=1)
    # All trials of the episodes, at the pace of the 200.
    beside *= EPISODES * block.query.shape[1] / trials
    Figure(
        f"the same {EPISODES:,} episodes",
        f"one predict a trial, extrapolated from {trials}",
        took,
        beside,
        beside / took,
        "at least 300",
    ).tell(benchmark)


def test_episodes_from_the_cache_against_the_first_time(benchmark, evaluate):
    network = resolve("siamese-small")
    network[0].embed(np.zeros((256, 105, 105), np.uint8))
    beside = seconds_of(lambda: evaluate(network, cache=True))
    benchmark.pedantic(evaluate, args=(network, True), rounds=5)
    took = benchmark.stats.stats.median
    Figure(
        f"{EPISODES:,} episodes with siamese-small, embeddings in the cache",
        "the first time",
        took,
        beside,
        beside / took,
        "at least 10",
    ).tell(benchmark)


def test_a_million_episodes_against_ten_thousand(benchmark, evaluate):
    """Pixel cosine; the first run has left its embeddings in the cache."""
    network = resolve("pixel-cosine")
    evaluate(network, cache=True)
    beside = min(seconds_of(lambda: evaluate(network, cache=True)) for _ in range(3))
    start = time.perf_counter()
    benchmark.pedantic(evaluate, args=(network, True, 100 * EPISODES), rounds=1)
    took = time.perf_counter() - start
    Figure(
        "1,000,000 episodes of 20 ways, pixel cosine",
        f"{EPISODES:,} of them",
        took,
        beside,
        took / beside,
        "at most 100",
    ).tell(benchmark)


def test_sampling_a_million_episodes(benchmark, asked):
    def sample() -> None:
        for _ in asked.blocks(1_000_000):
            pass

    with limited(1):
        benchmark.pedantic(sample, rounds=1)
    took = benchmark.stats.stats.min
    Figure(
        "sampling 1,000,000 episodes on one core", "one second", took, 1, took, "at most 10"
    ).tell(benchmark)


def test_loading_packed_images(benchmark, asked):
    del asked  # It has filled the cache.
    benchmark.pedantic(tasks.load, args=(KIND, "evaluation"), rounds=5)
    took = benchmark.stats.stats.median
    Figure("loading packed images", "one second", took, 1, took, "at most 0.2").tell(benchmark)
