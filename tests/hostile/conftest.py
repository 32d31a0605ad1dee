from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot.bench.cli import main
from wayshot.results import judge, write

ENVIRONMENT = {"python": "3.11.7", "platform": "Linux", "machine": "x86_64", "cpus": 2}


@pytest.fixture
def wayshot(monkeypatch, capsys, tmp_path):
    """Runs a command in this process; gives status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture(scope="session")
def record():
    """Makes the record of a sound run."""
    return lambda: copy.deepcopy(
        {
            "protocol": {
                "name": "lake-within-5w1s",
                "digest": "p" * 64,
                "description": "5-way 1-shot",
                "fields": {"structure": "within", "ways": 5, "reuse": "independent"},
            },
            "dataset": {"name": "images_evaluation", "digest": "d" * 64, "images": 13180},
            "scorer": {
                "name": "pixel-cosine",
                "digest": "5c03e1" + "0" * 58,
                "level": 1,
                "parameters": 12,
                "leaked_characters": 0,
                "training": {"recipe": "r" * 64, "seed": 1},
            },
            "seed": 1,
            "episodes": 24,
            "episodes_digest": "3f9c1a77" + "0" * 56,
            "environment": ENVIRONMENT,
            "timings": {"total_seconds": 1.5},
        }
    )


def _trials(skill: float, name: str = "", episodes: int = 24, ways: int = 5) -> dict:
    target = np.random.default_rng(0).permuted(np.tile(np.arange(ways), (episodes, 1)), axis=1)
    target, generator = target.ravel(), np.random.default_rng(round(100 * skill))
    scores = generator.standard_normal((episodes * ways, ways)).astype(np.float32)
    scores[np.arange(len(target)), target] += skill
    alphabet = np.repeat(np.arange(episodes) % 6, ways)
    return {
        "episode": np.repeat(np.arange(episodes), ways),
        "query": np.tile(np.arange(ways), episodes).astype(np.int32),
        **judge(scores, target),
        "alphabet": pd.Categorical([f"{name}{one}" for one in alphabet]),
        "character": pd.Categorical([f"{name}{one}" for one in target]),
        "drawer": pd.Categorical([f"{name}{one % 3}" for one in range(len(target))]),
        "scores": scores,
    }


@pytest.fixture(scope="session")
def trials_of():
    """Makes trials with scores; a name is part of those of alphabets, characters and drawers."""
    return _trials


@pytest.fixture(scope="session")
def store():
    """Stores a run in a folder."""

    def store(folder: Path, record: dict, columns: dict) -> Path:
        return write(folder, record, [columns]).folder

    return store
