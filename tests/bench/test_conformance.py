from __future__ import annotations

import json
from dataclasses import replace

import pytest
from wayshot.bench import conformance
from wayshot.bench.conformance import PATH, Check, checks, conform
from wayshot.tasks import TaskError


@pytest.fixture
def few(monkeypatch):
    """Puts other checks in place of the real ones."""

    def few(*those):
        monkeypatch.setattr(conformance, "checks", lambda data, progress: list(those))

    return few


def check(expected, found, **fields) -> Check:
    return Check("x", "a book", expected, lambda: found, **fields)


def test_what_the_command_expects_is_what_the_tests_know(golden):
    content, truth = json.loads(PATH.read_text()), golden("omniglot")
    assert content["lake_runs"] == golden("lake_runs")
    assert content["pixels"] == {name: one["pixels"] for name, one in truth["parts"].items()}
    for what in ("characters", "alphabets", "leaked", "once"):
        assert content[what] == truth[what]


def test_published_numbers_of_parameters_are_checked():
    networks = json.loads(PATH.read_text())["networks"]
    found = {(one["name"], one["trainable"], one["parameters"]) for one in networks}
    assert ("koch, whole network", False, 38_951_745) in found
    assert ("resnet18-eca, whole network", False, 11_705_483) in found
    assert ("conv-4, tower", True, 111_936) in found


def test_this_installation_conforms(omniglot):
    answers = list(conform(omniglot))
    assert len(answers) > 35
    assert [one.name for one in answers if one.status != "ok"] == []


@pytest.mark.usefixtures("no_omniglot")
def test_frozen_episodes_of_glyphs_are_those_of_this_version():
    """A change of NumPy or of the code that moves them needs a new version of protocols."""
    frozen = [one for one in checks() if "episodes of glyphs" in one.name]
    assert len(frozen) >= 4
    assert {one.name: one.find() for one in frozen} == {one.name: one.expected for one in frozen}


@pytest.mark.slow
@pytest.mark.usefixtures("no_omniglot")
def test_without_omniglot_what_takes_it_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr(conformance, "_parameters", lambda network, trainable: 0)
    answers = list(conform())
    skipped = [one for one in answers if one.status == "skipped"]
    assert len(skipped) > 20
    assert all(".zip" in one.reason and one.found is None for one in skipped)
    assert {one.status for one in answers if "glyphs" in one.name} == {"ok"}
    assert {one.status for one in answers if "parameters" in one.name} == {"differs"}


@pytest.mark.parametrize(
    ("expected", "found", "status"),
    [
        (5, 5, "ok"),
        (5, 6, "differs"),
        (380, 380.0, "ok"),
        (380, 380.0000001, "differs"),
        (5.705338304664185, 5.705338304664186, "ok"),
        (5.705338304664185, 5.7053383047, "differs"),
        ([45, 35], [45.0, 35.0], "ok"),
        ([45, 35], [45.0, 35.25], "differs"),
        ([45, 35], [45.0], "differs"),
        ("abc", "abc", "ok"),
        ("abc", "abd", "differs"),
        (5, None, "differs"),
        (5, "5", "differs"),
    ],
)
def test_a_value_that_differs_is_told(few, expected, found, status):
    few(check(expected, found))
    (answer,) = conform()
    assert (answer.status, answer.found) == (status, found)


def test_what_goes_wrong_is_found_and_not_raised(few):
    def fails():
        raise TaskError("images_evaluation.zip:\ndamaged")

    few(replace(check(5, 5), find=fails), check(1, 1))
    answers = list(conform())
    assert [one.status for one in answers] == ["differs", "ok"]
    assert answers[0].found == "images_evaluation.zip: damaged"


def test_the_command_prints_a_table_and_ends_with_1_where_something_differs(wayshot, few):
    digest = "0123456789abcdef" * 4
    few(
        check(1028, 1028),
        check([45, 35], [45.0, 35.0]),
        check(digest, digest),
        check(5, 5, parts=("all_runs",)),
    )
    status, out, _ = wayshot("conformance", "--data", "nowhere")
    assert status == 0
    assert "1,028" in out and "45 35" in out and "0123456789ab…" in out
    assert "all_runs.zip not in nowhere" in out
    assert out.endswith("3 ok, 0 differs, 1 skipped\n")
    few(check(5, 6), check(5, "no\x1b[2Jthing"))
    status, out, _ = wayshot("conformance")
    assert status == 1
    assert "\x1b" not in out and "0 ok, 2 differs, 0 skipped" in out
    status, out, _ = wayshot("conformance", "--json")
    assert status == 1
    assert json.loads(out)["differs"] == 2
    assert json.loads(out)["checks"][0] == {
        "name": "x",
        "source": "a book",
        "expected": 5,
        "found": 6,
        "status": "differs",
        "reason": "",
    }
