import copy

import numpy as np
import pandas as pd
import pytest
from wayshot.results import INTERVALS, ResultError, estimate, judge, metrics, verification_of, write
from wayshot.results.calibration import calibration
from wayshot.results.verification import pairs, verify

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
    def store(scale=None, keep=True, reuse="independent", mixed=False):
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
        names = pd.Categorical(np.repeat([f"alphabet{i}" for i in range(8)], 15))
        if mixed:
            names = names[np.arange(120) * 7 % 120]
        columns = {
            "episode": np.repeat(np.arange(24), 5),
            "query": target.astype(np.int32),
            **judge(scores, target),
            **dict.fromkeys(("alphabet", "character", "drawer"), names),
        }
        if keep:
            columns["scores"] = scores
        return write(tmp_path / f"{scale}{keep}{reuse}{mixed}", record, [columns]), scores, target

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
    cluster = np.repeat(np.arange(8), 15)[np.arange(120) * 7 % 120]
    classes = np.repeat(cluster.reshape(24, 5), 5, axis=0)
    assert (classes != cluster[:, None]).any()
    expected = verify(scores, target, cluster, classes=classes)
    found = verification_of(run)["verification"]
    assert found == {name: one.as_json() for name, one in expected.items()}
    assert found != {name: one.as_json() for name, one in verify(scores, target, cluster).items()}


def test_without_scores_there_is_no_verification(store):
    run, _, _ = store(keep=False)
    assert "verification" not in metrics(run)
    with pytest.raises(ResultError, match="run it with --verification"):
        verification_of(run)
