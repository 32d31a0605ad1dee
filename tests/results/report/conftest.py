"""Runs and images for reports: 6 alphabets, 3 scorers, images that were drawn for the test."""

from __future__ import annotations

import string
from functools import partial

import numpy as np
import pandas as pd
import pytest
from wayshot.results import judge, write

SHAPE = 12


class Drawn:
    """Images of 6 alphabets of 6 characters by 4 drawers; an episode is of the first of them."""

    licence = "Images that a test has drawn."

    def __init__(self, ink: bool = True, alphabets: tuple[str, ...] = tuple("ABCDEF")):
        self.ink = ink
        self._names = [
            (alphabet, f"character{c:02}", f"{d:02}")
            for alphabet in alphabets
            for c in range(6)
            for d in range(4)
        ]
        drawn = np.random.default_rng(5).random((len(self._names), SHAPE, SHAPE)) < 0.3
        self.images = drawn.astype(np.uint8) * (1 if ink else 200)

    def episode(self, number):
        first = 24 * (number % 6)
        support = first + 4 * np.arange(4)[:, None]
        return support, support[:, 0] + 1

    def names(self, rows):
        return [self._names[row] for row in rows]

    def of_character(self, alphabet, character):
        wanted = alphabet, character
        return [row for row, name in enumerate(self._names) if name[:2] == wanted]

    def pixels(self, rows):
        return self.images[list(rows)]


@pytest.fixture(scope="session")
def drawn():
    return Drawn


@pytest.fixture(scope="session")
def store_below():
    """Stores the runs of some scorers on the same episodes below a folder, and gives them."""

    def store_below(
        root,
        *scorers,
        episodes=24,
        protocol="lake-within-4w1s",
        ways=4,
        shots=1,
        alphabets=tuple(string.ascii_uppercase[:6]),
        scores=True,
        **more,
    ):
        runs = []
        alphabet = np.repeat(np.arange(episodes) % 6, ways)
        way = np.tile(np.arange(ways), episodes)
        for place, scorer in enumerate(scorers):
            rng = np.random.default_rng(place)
            drawn = rng.normal(size=(len(way), ways)).astype(np.float32)
            drawn[np.arange(len(way)), way] += 2.0 - 0.7 * place + 0.3 * alphabet
            names = {
                "alphabet": pd.Categorical.from_codes(alphabet, list(alphabets)),
                "character": pd.Categorical([f"character{one:02}" for one in way]),
                "drawer": pd.Categorical(["01"] * len(way)),
            }
            columns = {
                "episode": np.repeat(np.arange(episodes), ways),
                "query": way.astype(np.int32),
                **judge(drawn, way),
                **names,
                **({"scores": drawn} if scores else {}),
            }
            record = {
                "protocol": {
                    "name": protocol,
                    "digest": protocol.encode().hex()[:64].ljust(64, "0"),
                    "description": f"{ways}-way {shots}-shot",
                    "fields": {"split": "lake", "ways": ways, "shots": shots},
                },
                "dataset": {"name": "drawn", "digest": "d" * 64, "images": 144},
                "scorer": {
                    "name": scorer,
                    "digest": scorer.encode().hex()[:64].ljust(64, "0"),
                    "parameters": 1000 * (len(scorers) - place),
                    "leaked_characters": 0,
                    "scale": "log-odds",
                }
                | more.get("scorer", {}),
                "seed": 1,
                "episodes": episodes,
                "episodes_digest": f"{protocol}{ways}".encode().hex()[:64].ljust(64, "0"),
                "environment": {"python": "3.11", "packages": {"numpy": "2"}},
                "timings": {"total_seconds": 1.0},
            }
            if "latency" in more:
                record["latency"] = {"p50_ms": more["latency"] * (place + 1)}
            folder = root / "runs" / f"{len(list(root.glob('runs/*')))}"
            runs.append(write(folder, record, [columns]))
        return runs

    return store_below


@pytest.fixture
def stored(tmp_path, store_below):
    """Stores the runs of some scorers on the same episodes, and gives them."""
    return partial(store_below, tmp_path)


@pytest.fixture(scope="session")
def card():
    """The card of a training with a history."""
    return {
        "name": "net",
        "seed": 3,
        "digest": "c" * 64,
        "parameters": 1234,
        "seconds": 60,
        "hardware": "x86_64, 2 cores",
        "software": {"backend": "tensorflow"},
        "recipe": {"classes": {"batch": 10}, "pairs": {"batch": 5}},
        "steps": {"classes": 20, "pairs": 10},
        "validation": {"within": 0.9},
        "history": [
            {"stage": stage, "step": step, "loss": loss, "accuracy": {"within": value}}
            for stage, step, loss, value in (
                ("classes", 10, 2.0, 0.5),
                ("classes", 20, 1.0, 0.8),
                ("pairs", 10, 0.01, 0.9),
            )
        ],
    }
