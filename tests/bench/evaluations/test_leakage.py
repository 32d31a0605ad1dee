from __future__ import annotations

import pytest
from example_scorers import Pixels
from wayshot import tasks
from wayshot.bench.errors import ScorerError
from wayshot.bench.evaluations import Settings
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.scorers import traits


@pytest.fixture
def run(tmp_path):
    """Runs a scorer that says what it was trained on; gives leaked characters and warnings."""

    def call(trained_on, protocol):
        class Trained(Pixels):
            pass

        Trained.trained_on = trained_on
        said = []
        settings = Settings(audit=False, warn=said.append)
        found = evaluate(
            Trained(), protocol, name="trained", episodes=20, root=tmp_path, settings=settings
        )
        lines = [line for line in said if "trained_on" in line]
        return found.record["scorer"]["leaked_characters"], lines

    return call


@pytest.mark.parametrize("said", ["glyphs-evaluation", ["glyphs-evaluation", "glyphs-background"]])
def test_a_part_leaks_what_it_has(said, run):
    leaked, lines = run(said, "glyphs-within-5w1s")
    assert leaked > 20 and not lines


@pytest.mark.parametrize("said", ["glyphs-background", "lake-background", ("vinyals-train",)])
def test_another_part_and_other_data_leak_nothing(said, run):
    assert run(said, "glyphs-within-5w1s") == (0, [])


def test_a_part_of_ones_own_data_leaks(characters, run):
    name = f"folder:{characters}"
    leaked, lines = run(name, f"{name}-within-5w1s")
    assert leaked and not lines


def test_a_part_of_omniglot_leaks(omniglot, run):
    assert run("lake-background", "lake-within-5w1s") == (0, [])
    assert run("vinyals-train", "lake-within-5w1s")[0] > 0


@pytest.mark.parametrize(
    "said", [["Latin/char1", "Greek/char2"], ["character01/Tavika"], ["a/b"] * 3]
)
def test_names_of_which_none_is_in_the_data_are_no_clean_bill(said, source, run):
    leaked, (line,) = run(said, source())
    assert leaked is None and min(said) in line and "leakage is unknown" in line


def test_names_of_the_other_part_are_a_clean_bill(run):
    names = tasks.load("glyphs", "background").characters
    said = list(names["alphabet"] + "/" + names["character"])
    assert run(said, "glyphs-within-5w1s") == (0, [])
    assert run([], "glyphs-within-5w1s") == (0, [])


def test_a_network_of_ones_own_recipe_need_not_have_seen_the_data(source, run, monkeypatch):
    monkeypatch.setattr(Pixels, "training", {"recipe": "r", "seed": 1}, raising=False)
    assert run(["Latin/character01"], source()) == (0, [])


@pytest.mark.parametrize("said", ["lake", "Latin", ["lake-backgrond"], ["a/b/c"]])
def test_what_is_no_part_and_no_name_is_refused(said):
    class Trained(Pixels):
        trained_on = said

    with pytest.raises(ScorerError, match="part such as lake-background"):
        traits(Trained(), "x")
