import copy
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot.results import Run, judge, write

RECORD = {
    "protocol": {
        "name": "lake-within-5w1s",
        "digest": "p" * 64,
        "fields": {"structure": "within", "ways": 5, "reuse": "independent"},
    },
    "dataset": {"name": "omniglot", "digest": "d" * 64},
    "scorer": {"name": "scorer", "digest": "s" * 64},
    "seed": 1,
    "episodes_digest": "e" * 64,
}


STORED = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64, "description": "5-way 1-shot"},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 32460},
    "scorer": {
        "name": "pixel-cosine",
        "digest": "5c03e1" + "0" * 58,
        "parameters": 12,
        "leaked_characters": 0,
    },
    "seed": 71,
    "episodes": 2000,
    "episodes_digest": "3f9c1a77" + "0" * 56,
    "environment": {},
    "timings": {"total_seconds": 1.5},
}


@pytest.fixture(scope="session")
def run_of():
    """Makes a run of trials in memory; a record that differs from `RECORD` as said."""

    def run_of(trials, scorer="scorer", protocol=(), fields=(), folder=None, **record):
        whole = {**RECORD, "episodes": trials["episode"].nunique(), "n": len(trials), **record}
        whole["scorer"] = {"name": scorer, "digest": scorer.ljust(64, "0")}
        whole["protocol"] = {**RECORD["protocol"], **dict(protocol)}
        whole["protocol"]["fields"] = {**RECORD["protocol"]["fields"], **dict(fields)}
        run = Run(Path(folder or f"runs/{scorer}"), whole)
        run.__dict__["trials"] = trials
        return run

    return run_of


def _jackknife(values, cluster):
    without = np.array([np.mean(values[cluster != one]) for one in np.unique(cluster)])
    count = len(without)
    return (count - 1) / count * np.sum((without - without.mean()) ** 2), without


def _satterthwaite(cluster):
    def form(means):
        return _jackknife(means[cluster], cluster)[0]

    units = np.eye(cluster.max() + 1)
    matrix = np.array(
        [[form(one + other) - form(one) - form(other) for one in units] for other in units]
    )
    return np.trace(matrix) ** 2 / np.sum(matrix**2)


@pytest.fixture(scope="session")
def jackknife():
    """Gives the variance of a mean over trials, what it is of, and degrees of freedom.

    Each cluster's trials are left out in turn; the variance is a quadratic form
    in the means of clusters, whose matrix its values for sums of two tell.
    """

    def jackknife(values, cluster):
        return *_jackknife(values, cluster), _satterthwaite(cluster)

    return jackknife


def _trials(credit, alphabet, episode, ways=5):
    n = len(credit)
    episode = np.asarray(episode)
    query = pd.Series(episode).groupby(episode).cumcount().to_numpy()
    return pd.DataFrame(
        {
            "episode": episode,
            "query": query,
            "target": query % ways,
            "predicted": query % ways,
            "credit": np.asarray(credit, float),
            "margin": np.zeros(n, np.float32),
            "rank": np.ones(n, np.float32),
            "alphabet": pd.Categorical(alphabet),
            "character": pd.Categorical([f"character{number:02}" for number in query % ways]),
            "drawer": pd.Categorical(["01"] * n),
        }
    )


@pytest.fixture(scope="session")
def plain_trials():
    """Makes trials of credits; every episode is one query, or as said."""

    def make(credit, alphabet, episode=None):
        return _trials(credit, alphabet, np.arange(len(credit)) if episode is None else episode)

    return make


@pytest.fixture(scope="session")
def draw_pair():
    """Draws the trials of two scorers on the same episodes, of one alphabet each or of several."""

    def draw(seed, mixed, episodes=24, ways=4, alphabets=6, scorers=2, ties=True):
        generator = np.random.default_rng(seed)
        alphabet_of_class = np.repeat(np.arange(alphabets), ways + 1)
        of_class = [np.flatnonzero(alphabet_of_class == one) for one in range(alphabets)]
        within = np.r_[np.arange(alphabets), generator.integers(0, alphabets, episodes - alphabets)]
        classes = np.stack(
            [
                generator.permutation(len(alphabet_of_class) if mixed else of_class[one])[:ways]
                for one in within
            ]
        )
        target = np.tile(np.arange(ways), episodes)
        difficulty = generator.standard_normal(alphabets)[alphabet_of_class[classes.ravel()]]
        drawn = []
        for place in range(scorers):
            scores = generator.standard_normal((episodes * ways, ways))
            skill = 1 + 0.5 * place + 0.4 * difficulty
            scores[np.arange(len(target)), target] += skill
            if ties:
                scores = np.round(scores)
            judged = judge(scores, target)
            drawn.append(
                pd.DataFrame(
                    {
                        "episode": np.repeat(np.arange(episodes), ways),
                        "query": target.astype(np.int32),
                        **judged,
                        "alphabet": np.array(list(string.ascii_uppercase))[
                            alphabet_of_class[classes.ravel()]
                        ],
                        "character": [f"character{one:02}" for one in classes.ravel()],
                        "drawer": "01",
                    }
                )
            )
        return drawn

    return draw


@pytest.fixture
def store(tmp_path):
    """Stores runs that differ from `STORED` as said, each in a folder of its own."""
    count = 0

    def store(credit=None, alphabets=6, scorer=None, protocol=None, trials=None, **fields):
        nonlocal count
        count += 1
        if credit is None:
            credit = np.random.default_rng(count).integers(0, 2, 60)
        n = len(credit)
        zeros, names = np.zeros(n), [f"alphabet{number % alphabets}" for number in range(n)]
        record = {**copy.deepcopy(STORED), **fields}
        record["scorer"] |= scorer or {}
        record["protocol"] |= protocol or {}
        columns = {
            "episode": np.arange(n),
            "query": zeros.astype(np.int32),
            "target": zeros.astype(np.int16),
            "predicted": zeros.astype(np.int16),
            "credit": np.asarray(credit, float),
            "margin": zeros.astype(np.float32),
            "rank": np.ones(n, np.float32),
            "alphabet": pd.Categorical(names),
            "character": pd.Categorical(names),
            "drawer": pd.Categorical(names),
        }
        return write(tmp_path / f"run{count}", record, [{**columns, **(trials or {})}])

    return store
