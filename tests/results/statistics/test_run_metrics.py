import copy

import numpy as np
import pandas as pd
import pytest
from wayshot.results import INTERVALS, ResultError, judge, metrics, verification_of, write
from wayshot.results.statistics import estimate
from wayshot.results.statistics.calibration import calibration
from wayshot.results.statistics.verification import pairs, verify

RECORD = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64, "fields": {}},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 1},
    "scorer": {"name": "small", "digest": "s"},
    "seed": 1,
    "episodes": 24,
    "episodes_digest": "e" * 64,
    "environment": {},
    "timings": {},
}


@pytest.fixture
def store(tmp_path):
    def store(scale=None, keep=True, reuse="independent", mixed=False, alphabets=8):
        generator = np.random.default_rng(4)
        scores = generator.standard_normal((120, 5)).astype(np.float32)
        target = np.tile(np.arange(5), 24)
        scores[np.arange(120), target] += 1.5
        record = copy.deepcopy(RECORD)
        record["protocol"]["fields"]["reuse"] = reuse
        if scale:
            record["scorer"]["scale"] = scale
        if scale == "probability":
            scores = 1 / (1 + np.exp(-scores))
        names = pd.Categorical(np.repeat([f"alphabet{i % alphabets}" for i in range(8)], 15))
        episode = 7 + 3 * np.repeat(np.arange(24), 5)
        left = np.ones(120, bool)
        if mixed:
            names = names[np.arange(120) * 7 % 120]
            left[[3, 40]] = False
            scores[left & (episode == episode[3]), target[3]] = -np.inf
        scores, target, episode = scores[left], target[left], episode[left]
        record["n"] = len(target)
        columns = {
            "episode": episode,
            "query": target.astype(np.int32),
            **judge(scores, target),
            **dict.fromkeys(("alphabet", "character", "drawer"), names[left]),
        }
        if keep:
            columns["scores"] = scores
        return (
            write(tmp_path / f"{scale}{keep}{reuse}{mixed}{alphabets}", record, [columns]),
            scores,
            target,
        )

    return store


def test_every_interval_is_there_or_says_why_not(store):
    run, _, _ = store()
    found = metrics(run, 0.9)
    assert set(found["accuracy"]) == set(INTERVALS)
    for interval, one in found["accuracy"].items():
        if "refused" not in one:
            assert one == estimate(run.trials, interval, 0.9).as_json()
    assert {one for one in INTERVALS if "refused" in found["accuracy"][one]} == {"open", "t-run"}
    assert "-once" in found["accuracy"]["open"]["refused"]
    assert "refused" not in metrics(store(reuse="once")[0])["accuracy"]["open"]


def test_ranks_are_those_of_the_scores(store):
    run, scores, target = store()
    rank = 1 + (scores > scores[np.arange(120), target][:, None]).sum(axis=1)
    found = metrics(run)["ranks"]
    assert found["hit@1"] == pytest.approx((rank == 1).mean())
    assert found["hit@2"] == pytest.approx((rank <= 2).mean())
    assert found["mean reciprocal rank"] == pytest.approx((1 / rank).mean())


def test_verification_is_that_of_the_stored_scores(store):
    run, scores, target = store()
    found = verification_of(run)
    expected = verify(scores, target, np.repeat(np.arange(8), 15))
    assert found["verification"] == {name: one.as_json() for name, one in expected.items()}
    assert found["calibration"] is None
    assert metrics(run)["verification"] == found["verification"]


@pytest.mark.parametrize("scale", ["log-odds", "probability"])
def test_probabilities_are_checked_where_the_scorer_gives_them(store, scale):
    run, scores, target = store(scale)
    score, same, _ = pairs(scores, target)
    probability = score.astype(float)
    if scale == "log-odds":
        probability = 1 / (1 + np.exp(-probability))
    weight = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    expected = calibration(probability, same, weight=weight)
    assert verification_of(run)["calibration"] == {
        "expected calibration error": pytest.approx(expected.ece),
        "brier": pytest.approx(expected.brier),
    }


def test_between_alphabets_verification_knows_those_of_all_classes(store):
    run, scores, target = store(mixed=True)
    cluster = run.trials["alphabet"].cat.codes.to_numpy()
    classes = np.full(scores.shape, -1)
    for one, other in np.ndindex(len(target), len(target)):
        if run.trials["episode"][one] == run.trials["episode"][other]:
            classes[one, target[other]] = cluster[other]
    assert (classes != cluster[:, None]).any() and (classes == -1).any()
    expected = verify(scores, target, cluster, classes=classes)
    found = verification_of(run)["verification"]
    assert found == {name: one.as_json() for name, one in expected.items()}
    assert found != {name: one.as_json() for name, one in verify(scores, target, cluster).items()}


def test_what_says_nothing_of_verification_loses_nothing_else(store):
    run, _, _ = store(alphabets=1)
    found = metrics(run)
    assert found["ranks"] and "value" in found["accuracy"]["wilson"]
    assert "trials of 1 alphabets" in found["verification"]["refused"]
    with pytest.raises(ResultError, match="trials of 1 alphabets"):
        verification_of(run)


def test_without_scores_there_is_no_verification(store):
    run, _, _ = store(keep=False)
    assert "verification" not in metrics(run)
    with pytest.raises(ResultError, match="run it with --verification"):
        verification_of(run)
