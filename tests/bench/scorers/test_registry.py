from __future__ import annotations

import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers import registry
from wayshot.bench.scorers.baselines import BASELINES
from wayshot.bench.scorers.registry import registered, resolve

HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(HERE)


def test_the_bundled_baselines_stay():
    assert {"chance", "pixel-cosine", "pixel-euclidean", "hausdorff"} <= set(BASELINES)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_registered_under_their_names(name):
    assert resolve(name)[1].name == name


def test_every_registered_scorer_says_what_it_was_trained_on():
    for name, make in registered().items():
        assert getattr(make(), "trained_on", None) is not None, name


@pytest.mark.parametrize("attribute", ["Pixels", "pixels", "make_pixels"])
def test_module_and_attribute_name_a_class_an_object_or_a_function(attribute):
    scorer, traits = resolve(f"example_scorers:{attribute}")
    assert type(scorer).__name__ == "Pixels" and traits.level == 1


def test_unknown_name_is_refused_with_the_closest():
    with pytest.raises(ScorerError, match="unknown scorer 'hausdorf'; closest: hausdorff"):
        resolve("hausdorf")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no_such_module:x", "ModuleNotFoundError"),
        ("example_scorers:nothing", "AttributeError"),
        ("example_scorers:not_a_scorer", "int has none of"),
        ("example_scorers:Raises.score", "TypeError"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(name, problem):
    with pytest.raises(ScorerError, match=problem) as caught:
        resolve(name)
    assert "\n" not in str(caught.value)


def test_a_scorer_that_fails_at_once_is_refused(tmp_path, monkeypatch):
    (tmp_path / "failing_scorer.py").write_text(
        "class Failing:\n    def score(self, q, s):\n        raise ValueError('no luck')\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ScorerError, match=r"fails on a first batch: score raised ValueError: no luck .given uint8"
    ):
        resolve("failing_scorer:Failing")


def test_a_scorer_may_import_its_neighbours_when_it_is_used(tmp_path, monkeypatch):
    (tmp_path / "neighbour.py").write_text("scale = 2\n")
    (tmp_path / "importing_scorer.py").write_text(
        "from example_scorers import Pairs\n"
        "class Late(Pairs):\n"
        "    def score(self, q, s):\n"
        "        import neighbour\n"
        "        return super().score(q, s) * neighbour.scale\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    assert resolve("importing_scorer:Late")[1].level == 2


def test_entry_points_are_scorers(monkeypatch):
    point = EntryPoint("plugged-in", "example_scorers:Pixels", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    monkeypatch.syspath_prepend(HERE)
    assert resolve("plugged-in")[1].level == 1


def test_an_entry_point_that_fails_is_refused_in_one_line(monkeypatch):
    point = EntryPoint("broken", "no_such_module:x", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(ScorerError, match=r"'broken' cannot be made .ModuleNotFoundError"):
        resolve("broken")


def test_an_entry_point_cannot_take_a_built_in_name(monkeypatch):
    digest = resolve("chance")[1].digest
    point = EntryPoint("chance", "example_scorers:Pixels", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert resolve("chance")[1].digest == digest


def test_missing_and_damaged_checkpoints_are_refused(tmp_path):
    with pytest.raises(ScorerError, match="no such file"):
        resolve(str(tmp_path / "none.keras"))
    (tmp_path / "text.keras").write_text("no zip")
    with pytest.raises(ScorerError, match=r"damaged, or not a .keras file"):
        resolve(str(tmp_path / "text.keras"))
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ScorerError, match="cannot be loaded"):
        resolve(str(tmp_path / "other.keras"))
