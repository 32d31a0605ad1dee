from __future__ import annotations

import json

import pytest


@pytest.fixture
def stored(wayshot, characters, tmp_path):
    """Runs with scores, of two scorers."""
    words = ("run", f"folder:{characters}-within-5w1s", "--episodes", 80, "--runs", tmp_path)
    scorers = ("-s", "pixel-cosine", "-s", "pixel-euclidean")
    assert wayshot(*words, *scorers, "--scores")[0] == 0
    return tmp_path


def test_run_verifies(wayshot, characters, stored):
    words = ("run", f"folder:{characters}-within-5w1s", "--episodes", 80, "--runs", stored)
    status, out, err = wayshot(*words, "-s", "pixel-cosine", "--verification")
    assert status == 0 and "1 of 1 runs were stored" in err
    assert "auc" in out and "jackknife by alphabet" in out and "pixel-cosine" in out
    (one,) = json.loads(wayshot(*words, "-s", "pixel-cosine", "--verification", "--json")[1])[
        "results"
    ]
    assert 0.5 < one["verification"]["auc"]["value"] < 1


def test_runs_without_scores_are_run_again_for_them(wayshot, characters, tmp_path):
    words = ("run", f"folder:{characters}-within-5w1s", "--episodes", 80, "--runs", tmp_path)
    assert wayshot(*words, "-s", "pixel-cosine")[0] == 0
    assert not list(tmp_path.rglob("scores.parquet"))
    trials = next(tmp_path.rglob("trials.parquet")).read_bytes()
    assert wayshot(*words, "-s", "pixel-cosine", "--scores")[0] == 0
    assert len(list(tmp_path.rglob("scores.parquet"))) == 1
    assert next(tmp_path.rglob("trials.parquet")).read_bytes() == trials


def test_rescore_prints_every_interval_without_asking_the_scorer(wayshot, stored):
    status, out, _ = wayshot("rescore", stored)
    assert status == 0
    for wanted in ("population", "bootstrap", "sampler-z", "clopper-pearson", "hit@5", "eer"):
        assert wanted in out
    found = json.loads(wayshot("rescore", stored, "--json", "--level", "0.9")[1])["results"]
    assert [one["scorer"] for one in found] == ["pixel-cosine", "pixel-euclidean"]
    assert {one["accuracy"]["t"]["level"] for one in found} == {0.9}


def test_rescore_says_that_ties_share_the_credit(wayshot, characters, tmp_path):
    protocol = f"folder:{characters}-within-5w1s"
    words = ("run", protocol, "--episodes", 20, "--runs", tmp_path / "tied")
    assert wayshot(*words, "-s", "chance")[0] == 0
    assert "accuracy counts 1/m if the true class" in wayshot("rescore", tmp_path / "tied")[1]
    (found,) = json.loads(wayshot("rescore", tmp_path, "--json")[1])["results"]
    assert found["ranks"]["hit@1"] == 0


def test_verification_says_why_there_is_no_calibration(wayshot, stored):
    out = wayshot("rescore", stored)[1]
    assert "scores of pixel-cosine, pixel-euclidean are neither probabilities nor log-odds" in out
    assert "no calibration error and no Brier score" in out


def test_rescore_says_why_one_alphabet_is_not_verified(wayshot, five_characters, tmp_path):
    protocol = f"folder:{five_characters}-within-5w1s"
    words = ("run", protocol, "--episodes", 20, "--runs", tmp_path)
    assert wayshot(*words, "-s", "pixel-cosine", "--scores")[0] == 0
    status, out, err = wayshot("rescore", tmp_path)
    assert (status, err) == (0, "")
    assert "wilson" in out and "none (" in out and "no verification: trials of 1 alphabets" in out
    (found,) = json.loads(wayshot("rescore", tmp_path, "--json")[1])["results"]
    assert "trials of 1 alphabets" in found["verification"]["refused"]


def test_rescore_draws_curves(wayshot, stored, tmp_path):
    pytest.importorskip("matplotlib")
    status, _, err = wayshot("rescore", stored, "--picture", tmp_path / "curves.svg")
    assert (status, err) == (0, "")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    status, _, err = wayshot("rescore", stored, "--picture", tmp_path / "curves.doc")
    assert status == 2 and "expected .png or .svg" in err and len(err.splitlines()) == 1


def test_plan_from_stored_runs(wayshot, characters, stored):
    words = ("plan", f"folder:{characters}-within-5w1s", "--difference", 20, "--runs", stored)
    scorers = ("-s", "pixel-cosine", "-s", "pixel-euclidean")
    status, out, _ = wayshot(*words, *scorers)
    assert status == 0 and "points by a two-sided test" in out and "6 alphabets" in out
    assert json.loads(wayshot(*words, *scorers, "--json")[1])["difference"] == 0.2


def test_plan_from_a_guess(wayshot):
    status, out, _ = wayshot(
        "plan", "lake-within-20w1s", "--difference", "0.5", "--disagreement", 4
    )
    assert status == 0 and "at least 628 episodes" in out
    assert "Trials share images" in out and "as if trials were independent" in out
    words = ("--difference", "0.5", "--disagreement", 4)
    status, out, _ = wayshot("plan", "lake-within-20w1s-once", *words)
    assert status == 0 and ": 628 episodes." in out and "share images" not in out


def test_plan_for_a_margin(wayshot):
    words = ("plan", "lake-within-20w1s", "--margin", 0.5, "--disagreement", 4)
    out = " ".join(wayshot(*words)[1].split())
    assert "To show that two equally good scorers are as good as one another within 0.5" in out
    assert json.loads(wayshot(*words, "--json")[1])["equivalence"] is True
    for wrong in ((), ("--difference", 1, "--margin", 1)):
        status, _, err = wayshot("plan", "lake-within-20w1s", "--disagreement", 4, *wrong)
        assert status == 2 and "expected either a --difference or a --margin in points" in err


def test_plan_of_one_alphabet_is_by_character(wayshot, one_alphabet, tmp_path):
    both = ("-s", "pixel-cosine", "-s", "pixel-euclidean")
    words = (f"folder:{one_alphabet}-within-5w1s", *both, "--runs", tmp_path)
    assert wayshot("run", *words, "--episodes", 100)[0] == 0
    status, out, _ = wayshot("plan", *words, "--difference", 1)
    assert status == 0 and "no number of episodes is enough" in out
    assert "characters of one alphabet" in out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "either two stored runs"),
        (("-s", "a"), "either two stored runs"),
        (("-s", "a", "-s", "b", "--disagreement", 4), "either two stored runs"),
        (("-s", "a", "-s", "b", "--runs", "nowhere"), "no such folder"),
        (("--disagreement", "0.1"), "cannot differ by 0.5 points"),
    ],
)
def test_plans_of_nothing_end_with_one_line(wayshot, words, problem):
    status, out, err = wayshot("plan", "lake-within-20w1s", "--difference", "0.5", *words)
    assert (status, out) == (2, "")
    assert problem in err and len(err.splitlines()) == 1


def test_a_method_whose_name_would_be_misread_is_explained(wayshot, characters, tmp_path):
    words = ("run", f"folder:{characters}-within-5w1s", "--episodes", 30, "--runs", tmp_path)
    assert wayshot(*words, "-s", "chance")[0] == 0
    out = wayshot("rescore", tmp_path)[1]
    assert "constant: every trial has the same credit" in out
    assert "wilson: treats trials as independent" in out
