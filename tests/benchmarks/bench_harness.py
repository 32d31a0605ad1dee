"""Speed figures, each beside a yardstick measured in the same run: make bench.

Without WAYSHOT_DATA the built-in glyphs take the place of Omniglot's evaluation
set, and the official runs are left out.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from wayshot import tasks
from wayshot.bench import Evaluation, Settings, resolve
from wayshot.models.pixels import shrink, tower_matrix

HAS_OMNIGLOT = bool(os.environ.get("WAYSHOT_DATA"))
PROTOCOL = "lake-within-20w1s" if HAS_OMNIGLOT else "glyphs-within-20w1s"
EPISODES = 10_000


def best_of(action, rounds: int = 3) -> float:
    """The shortest time of several, in seconds: what the machine can do undisturbed."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.fixture(scope="module")
def source() -> tasks.Source:
    return tasks.open_protocol(tasks.parse(PROTOCOL), seed=1)


@pytest.fixture(scope="module")
def network():
    """The bundled network, with start-up behind it."""
    scorer, traits = resolve("siamese-small")
    scorer.embed(np.zeros((256, 105, 105), np.uint8))
    return scorer, traits


@pytest.fixture(scope="module")
def tower_seconds(network, source) -> float:
    """One predict call of the tower alone on all images, at its best batch size."""
    scorer, _ = network
    images = source.dataset.images[:]
    small = shrink(images, tower_matrix(images.shape[1], scorer.model.size))
    times = {}
    for batch in (64, 128, 256, 512, 1024):
        scorer.model.tower.predict(small[:batch], batch_size=batch, verbose=0)
        times[batch] = best_of(
            lambda batch=batch: scorer.model.tower.predict(small, batch_size=batch, verbose=0)
        )
    best = min(times, key=times.__getitem__)
    rates = {batch: round(len(images) / seconds) for batch, seconds in times.items()}
    print(f"\ntower alone, images/s by batch size: {rates}, best {best}: {times[best]:.2f} s")
    return times[best]


@pytest.fixture
def evaluate(network, source, tmp_path, monkeypatch):
    """Evaluates the network into a fresh folder each time."""
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    numbers = itertools.count()

    def call(cache: bool) -> None:
        Evaluation(
            *network,
            source,
            episodes=EPISODES,
            root=tmp_path / str(next(numbers)),
            settings=Settings(cache=cache),
        ).run()

    return call


def test_evaluation_against_the_tower_alone(benchmark, evaluate, tower_seconds):
    """Sampling, shrinking, embedding, comparing 4,000,000 pairs, storing 200,000 trials."""
    benchmark.pedantic(evaluate, args=(False,), rounds=3)
    ratio = benchmark.stats.stats.min / tower_seconds
    benchmark.extra_info["ratio to the tower alone"] = ratio
    print(f"\n{EPISODES} episodes of {PROTOCOL}: {ratio:.2f} times the tower alone (goal 1.3)")


def test_evaluation_from_the_cache_against_the_first(benchmark, evaluate):
    start = time.perf_counter()
    evaluate(True)
    first = time.perf_counter() - start
    benchmark.pedantic(evaluate, args=(True,), rounds=5)
    ratio = first / benchmark.stats.stats.median
    benchmark.extra_info["times faster than the first"] = ratio
    print(f"\nfrom the cache: {ratio:.1f} times faster than the first run (goal 10)")


def test_sampling_a_million_episodes(benchmark, source):
    def sample() -> None:
        for _ in source.blocks(1_000_000):
            pass

    benchmark.pedantic(sample, rounds=1)
    print(f"\n1,000,000 episodes sampled in {benchmark.stats.stats.min:.2f} s (goal 10)")


def test_loading_packed_images(benchmark, source):
    del source  # It has filled the cache.
    split, part = ("lake", "evaluation") if HAS_OMNIGLOT else ("glyphs", "evaluation")
    benchmark.pedantic(tasks.load, args=(split, part), rounds=5)
    print(f"\npacked images loaded in {benchmark.stats.stats.median:.3f} s (goal 0.2)")


@pytest.mark.skipif(not HAS_OMNIGLOT, reason="WAYSHOT_DATA is not set")
def test_official_runs_with_the_baselines_as_a_command(benchmark, tmp_path):
    """The whole command in a process of its own, imports included."""
    numbers = itertools.count()

    def command() -> None:
        words = ["run", "lake-runs", "-s", "hausdorff", "-s", "pixel-cosine", "-s", "chance"]
        code = "from wayshot.bench.cli import main; main()"
        out = Path(tmp_path / str(next(numbers)))
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--out", str(out), "--json"],
            capture_output=True,
            check=True,
        )
        errors = [one["errors"] for one in json.loads(done.stdout)["results"]]
        assert errors == [155, 313, 380]

    benchmark.pedantic(command, rounds=1)
    print(f"\nlake-runs, three baselines: {benchmark.stats.stats.min:.1f} s (goal 20)")
