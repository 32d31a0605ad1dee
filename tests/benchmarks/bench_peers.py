"""Peers: the same episodes by others' code, from their packages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from networks import evaluation, source
from wayshot.bench.work import Bench
from yardsticks import Figure

EPISODES = 1000
PEER = os.environ.get("WAYSHOT_EASYFSL")
"""Python of the environment where easyfsl is."""


@pytest.mark.skipif(not PEER, reason="WAYSHOT_EASYFSL names no Python with easyfsl")
def test_episodes_against_easyfsl(benchmark, conv4, tmp_path, monkeypatch):
    """Embeddings are ready on both sides.

    Ours is the whole evaluation: episodes are drawn, embeddings read from the
    cache, compared, and the trials are stored. Theirs has its episodes drawn
    and its embeddings in memory; both must get the same accuracy.
    """
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    scorer, traits = conv4
    asked = source()
    evaluation(scorer, traits, asked, tmp_path / "first", EPISODES, cache=True).run()
    runs = []

    def ours() -> None:
        where = tmp_path / str(len(runs))
        runs.append(evaluation(scorer, traits, asked, where, EPISODES, cache=True).run())

    benchmark.pedantic(ours, rounds=5)
    episodes = asked.block(0)[:EPISODES]
    dataset = asked.dataset
    given = tmp_path / "given.npz"
    np.savez(
        given,
        embeddings=Bench(scorer, traits, asked).embed(np.arange(len(dataset))),
        labels=dataset.character_codes,
        support=episodes.support,
        query=episodes.query,
        target=episodes.target,
    )
    script = Path(__file__).parent / "peers" / "easyfsl_episodes.py"
    said = subprocess.run(
        [PEER, str(script), str(given)], check=True, capture_output=True, text=True
    )
    theirs = json.loads(said.stdout.splitlines()[-1])
    assert theirs["accuracy"] == pytest.approx(runs[0].trials["credit"].mean(), abs=2e-4)
    took = benchmark.stats.stats.min
    Figure(
        "1,000 episodes of 20 ways, from cached embeddings to stored trials",
        "easyfsl on the same episodes and embeddings",
        took,
        theirs["seconds"],
        theirs["seconds"] / took,
        "at least 50",
    ).tell(benchmark)
