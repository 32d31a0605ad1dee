"""Peers: the same episodes by others' code, from their packages."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from networks import evaluation, source
from wayshot.bench.evaluations.work import Bench
from yardsticks import Figure, seconds_of

EPISODES = 1000
PEER = os.environ.get("WAYSHOT_EASYFSL")
"""Python of the environment where easyfsl is."""


@pytest.mark.skipif(not PEER, reason="WAYSHOT_EASYFSL names no Python with easyfsl")
def test_episodes_against_easyfsl(benchmark, conv4, tmp_path, monkeypatch):
    """Embeddings are in memory and ready on both sides, with the same accuracy.

    Ours draws its episodes, which theirs has drawn before. The second figure
    is the whole evaluation, embeddings read from the cache on disk and trials
    stored, against theirs, which stores nothing.
    """
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    scorer, traits = conv4
    asked = source()
    evaluation(scorer, traits, asked, tmp_path / "first", EPISODES, cache=True).run()
    bench, rows = Bench(scorer, traits, asked), np.arange(len(asked.dataset))
    embeddings = bench.embed(rows)
    bench.hold("in memory", rows, embeddings)
    found: dict[str, np.ndarray] = {}
    benchmark.pedantic(
        lambda: found.update(bench.try_episodes(0, EPISODES, "in memory")), rounds=10
    )
    numbers = itertools.count()

    def whole() -> None:
        where = tmp_path / str(next(numbers))
        evaluation(scorer, traits, asked, where, EPISODES, cache=True).run()

    stored = min(seconds_of(whole) for _ in range(5))
    episodes = asked.block(0)[:EPISODES]
    given = tmp_path / "given.npz"
    np.savez(
        given,
        embeddings=embeddings,
        labels=asked.dataset.character_codes,
        support=episodes.support,
        query=episodes.query,
        target=episodes.target,
    )
    script = Path(__file__).parent / "peers" / "easyfsl_episodes.py"
    said = subprocess.run(
        [PEER, str(script), str(given)], check=True, capture_output=True, text=True
    )
    theirs = json.loads(said.stdout.splitlines()[-1])
    assert theirs["accuracy"] == pytest.approx(found["credit"].mean(), abs=2e-4)
    took, beside = benchmark.stats.stats.min, theirs["seconds"]
    other = "easyfsl on the same episodes and embeddings, in memory"
    for work, seconds, goal in (
        ("1,000 episodes of 20 ways, embeddings in memory", took, "at least 50"),
        ("the same, from cached embeddings to stored trials", stored, ""),
    ):
        Figure(work, other, seconds, beside, beside / seconds, goal).tell(benchmark)
