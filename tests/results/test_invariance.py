"""What must not matter does not: the order and cutting of episodes, the places of classes."""

import copy
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from wayshot.results import judge, metrics, write
from wayshot.results.statistics.comparison import compare

RECORD = {
    "protocol": {"name": "lake-between-5w1s", "digest": "p" * 64, "fields": {}},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 1},
    "scorer": {"name": "one", "digest": "1", "scale": "log-odds"},
    "seed": 1,
    "episodes": 40,
    "episodes_digest": "e" * 64,
    "environment": {},
    "timings": {},
}


def draw(seed):
    """Scores (scorers, episodes, queries, ways) with ties, and each class's alphabet."""
    generator = np.random.default_rng(seed)
    scores = np.round(generator.standard_normal((2, 40, 5, 5)) * 4) / 4
    scores += 1.25 * np.eye(5)
    return scores, generator.integers(0, 6, (40, 5))


def run_of(folder, scores, alphabets, cuts=()):
    """Stores one scorer's trials, in chunks that end at the cuts."""
    episodes, queries, ways = scores.shape
    chunks = []
    for rows in np.split(np.arange(episodes), sorted(cuts)):
        target = np.tile(np.arange(ways), len(rows))
        flat = scores[rows].reshape(-1, ways)
        codes = alphabets[rows].ravel()
        names = pd.Categorical.from_codes(codes, [f"alphabet{i}" for i in range(6)])
        chunks.append(
            {
                "episode": np.repeat(rows, queries),
                "query": target.astype(np.int32),
                **judge(flat, target),
                **dict.fromkeys(("alphabet", "character", "drawer"), names),
                "scores": flat,
            }
        )
    return write(Path(folder), copy.deepcopy(RECORD), chunks)


def figures(scores, alphabets, cuts=()):
    """Every number that a run, and its comparison with another, comes to."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            run_of(f"{folder}/{i}", one, alphabets, cuts if i == 0 else ())
            for i, one in enumerate(scores)
        ]
        compared = compare(*runs).as_json()
        found = metrics(runs[0])
    numbers = {}

    def flatten(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                flatten(f"{name}.{key}", inner)
        elif isinstance(value, float | int) and not isinstance(value, bool):
            numbers[name] = value

    flatten("metrics", found)
    flatten("compared", compared)
    return numbers


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert other[name] == pytest.approx(one[name], rel=1e-9, abs=1e-9), name


few = hypothesis.settings(max_examples=8)


@few
@hypothesis.given(st.integers(0, 2**32))
def test_the_order_of_episodes_does_not_matter(seed):
    scores, alphabets = draw(seed)
    order = np.random.default_rng(seed).permutation(40)
    same(figures(scores, alphabets), figures(scores[:, order], alphabets[order]))


@few
@hypothesis.given(st.integers(0, 2**32))
def test_the_places_of_classes_do_not_matter(seed):
    scores, alphabets = draw(seed)
    places = np.random.default_rng(seed).permutation(5)
    # Without ties, of which the first class is said to be predicted.
    scores = scores + np.random.default_rng(seed + 1).uniform(0, 0.01, scores.shape)
    moved = scores[:, :, places][..., places]
    same(figures(scores, alphabets), figures(moved, alphabets[:, places]))


@few
@hypothesis.given(st.integers(0, 2**32), st.lists(st.integers(1, 39), max_size=5, unique=True))
def test_blocks_can_be_split_and_merged(seed, cuts):
    scores, alphabets = draw(seed)
    same(figures(scores, alphabets), figures(scores, alphabets, cuts))
