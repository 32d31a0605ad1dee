"""Commands that read: as quick as importing what they stand on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot import results
from yardsticks import Figure, side_by_side

RUNS, EPISODES, ALPHABETS = 10, 10_000, 20
"""Runs of each of so many scorers on so many protocols: 100 of 10,000 trials."""


def _record(protocol: int, scorer: int) -> dict:
    name = f"lake-{'within' if protocol % 2 else 'between'}-{protocol + 5}w1s"
    return {
        "protocol": {"name": name, "digest": f"{protocol:064x}", "description": name},
        "dataset": {"name": "simulated", "digest": "0" * 64, "images": 1},
        "scorer": {
            "name": f"scorer-{scorer}",
            "digest": f"{scorer:064x}",
            "level": 1,
            "pooling": "mean",
            "smaller_is_closer": False,
            "parameters": None,
            "leaked_characters": None,
        },
        "seed": 1,
        "episodes": EPISODES,
        "episodes_digest": f"{protocol:064x}",
        "environment": {},
        "timings": {},
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A hundred stored runs of 10,000 trials."""
    root = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    number = np.arange(EPISODES)
    for protocol in range(RUNS):
        alphabet = rng.integers(0, ALPHABETS, EPISODES)
        target = rng.integers(0, 20, EPISODES)
        names = {
            "alphabet": pd.Categorical.from_codes(alphabet, [f"A{i:02}" for i in range(ALPHABETS)]),
            "character": pd.Categorical.from_codes(
                rng.integers(0, 40, EPISODES), [f"character{i:02}" for i in range(40)]
            ),
            "drawer": pd.Categorical.from_codes(number % 20, [f"{i:02}" for i in range(20)]),
        }
        for scorer in range(RUNS):
            scores = rng.standard_normal((EPISODES, 20), dtype=np.float32)
            scores[number, target] += 3 + scorer / 5 + rng.standard_normal(ALPHABETS)[alphabet]
            columns = {"episode": number, "query": np.zeros(EPISODES, np.int32), **names}
            record = _record(protocol, scorer)
            place = results.place(
                root, record["protocol"]["name"], record["scorer"]["name"], f"{scorer:064x}"
            )
            results.write(place, record, [columns | results.judge(scores, target)])
    return root


def _process(code: str, *words: str) -> None:
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "words",
    [
        ("list", "scorers"),
        ("table", "{runs}"),
        ("table", "{runs}", "--format", "csv"),
        ("compare", "scorer-1", "scorer-2", "{runs}"),
    ],
    ids=["list", "table", "table as CSV", "compare"],
)
def test_commands_against_their_imports(benchmark, runs, words):
    words = [word.format(runs=runs) for word in words]

    def command() -> None:
        _process("from wayshot.bench.cli import main; main()", *words)

    command()
    took, beside = side_by_side(command, lambda: _process("import pandas, scipy.stats"), rounds=5)
    benchmark.pedantic(command, rounds=1)
    shown = " ".join(word for word in words if not word.startswith("/"))
    Figure(
        f"wayshot {shown}, 100 runs of 10,000 trials",
        "python -c 'import pandas, scipy.stats'",
        took,
        beside,
        took / beside,
        "at most 1.3",
    ).tell(benchmark)
