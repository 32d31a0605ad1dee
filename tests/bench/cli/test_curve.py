import json
import re

import pytest


@pytest.fixture
def runs(wayshot, characters, tmp_path):
    """A folder of runs on two protocols that differ in their ways."""
    folder = tmp_path / "runs"
    protocols = [f"folder:{characters}-within-{ways}w1s" for ways in (3, 5)]
    words = "-s", "pixel-cosine", "-s", "chance", "--episodes", 40, "--runs", folder
    assert wayshot("run", *protocols, *words)[0] == 0
    return folder


def test_a_curve_from_ranks_agrees_with_a_run_of_fewer_ways(wayshot, runs):
    status, out, _ = wayshot("curve", "ways", runs, "-s", "pixel-cosine", "--json")
    (one,) = json.loads(out)["curves"]
    assert status == 0 and one["scorer"] == "pixel-cosine"
    assert [point["ways"] for point in one["points"]] == [2, 3, 4, 5]
    (fewer,) = one["runs"]
    assert fewer["ways"] == 3
    point = one["points"][1]["accuracy"]
    assert point["low"] <= fewer["accuracy"] <= point["high"]


def test_the_words_say_where_the_accuracy_is_reached_and_what_is_extrapolated(wayshot, runs):
    words = "curve", "ways", runs, "-s", "chance", "--accuracy", 40, "--beyond", 20
    status, out, _ = wayshot(*words)
    assert status == 0
    said = " ".join(out.split())
    assert "40 % is reached up to 2 ways (by the edges of the band: 2 to 2)" in said
    assert re.search(r" 20 [45]\.\d\d – extrapolated", said) and "20.00 to 20.00" in said
    assert "there is no check of what is extrapolated" in said


def test_a_picture_is_drawn(wayshot, runs, tmp_path):
    path = tmp_path / "curve.svg"
    assert wayshot("curve", "ways", runs, "--beyond", 9, "--picture", path)[0] == 0
    text = path.read_text()
    assert "pixel-cosine" in text and "chance" in text and "accuracy %" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shots",), "run a scorer with several numbers of shots"),
        (("shots", "--beyond", "9"), "wayshot curve ways"),
        (("ways", "--beyond", "5"), "not beyond the 5"),
        (("ways", "--picture", "curve.gif"), "expected .png or .svg"),
        (("ways", "--accuracy", "100"), "--accuracy"),
    ],
)
def test_what_cannot_be_said_is_one_line(wayshot, runs, words, says):
    status, out, err = wayshot("curve", words[0], runs, *words[1:])
    assert (status, out) == (2, "") and says in err and len(err.splitlines()) == 1


def test_runs_that_are_in_no_curve_are_told(wayshot, runs, characters):
    words = f"folder:{characters}-within-5w1s", "-s", "chance", "--episodes", 20, "--runs", runs
    wayshot("run", *words)
    status, _, err = wayshot("curve", "ways", runs)
    assert status == 0 and "left out: " in err and "another run has more episodes" in err
