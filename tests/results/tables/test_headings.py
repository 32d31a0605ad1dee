from __future__ import annotations

from types import SimpleNamespace

import pytest
from wayshot.results.tables.headings import in_words


def run(structure, official=False, name=""):
    record = {"protocol": {"fields": {"structure": structure} if structure else {}}}
    return SimpleNamespace(record=record, is_official=official, protocol=name)


def of(*names):
    runs = {}
    for name in names:
        structure = next((one for one in ("within", "between", "runs") if one in name), "between")
        runs[name] = run(structure, name == "lake-runs", name)
    return [column.words or ("", "") for column in in_words(runs)]


@pytest.mark.parametrize(
    ("name", "structure", "episodes"),
    [
        ("lake-within-20w1s", "within alphabets", "20-way 1-shot"),
        ("lake-between-5w5s", "between alphabets", "5-way 5-shot"),
        ("vinyals-20w1s-rot", "between alphabets", "20-way 1-shot, rotated"),
        (
            "folder:mine@test-within-5to20w2s-q3",
            "within alphabets",
            "5- to 20-way 2-shot, 3 queries",
        ),
        ("glyphs-within-5w1s-q2-once", "within alphabets", "5-way 1-shot, 2 queries, images once"),
        (
            "lake-within-5w1s (seed 2, 60 episodes, ab)",
            "within alphabets",
            "5-way 1-shot (seed 2, 60",
        ),
        ("lake-runs", "official runs", "20-way 1-shot"),
    ],
)
def test_protocols_have_headings_in_the_words_of_the_field(name, structure, episodes):
    ((group, heading),) = of(name)
    assert group == structure and heading.startswith(episodes)


def test_data_are_named_only_where_they_differ():
    assert of("lake-within-5w1s", "lake-runs") == [
        ("within alphabets", "5-way 1-shot"),
        ("official runs", "20-way 1-shot"),
    ]
    assert [group for group, _ in of("lake-within-5w1s", "vinyals-5w1s")] == [
        "lake, within alphabets",
        "vinyals, between alphabets",
    ]
    assert [group for group, _ in of("lake-within-5w1s", "lake-background-within-5w1s")] == [
        "lake, within alphabets",
        "lake-background, within alphabets",
    ]


def test_columns_that_would_look_alike_keep_their_names():
    same = {"a-5w1s": run("within"), "a-within-5w1s": run("within"), "a-20w1s": run("within")}
    found = in_words(same)
    assert [column.words is None for column in found] == [True, True, False]
    assert [column.heading for column in found] == [*same]


def test_unusual_names_have_no_words():
    assert of("mine") == [("", "")]
    assert in_words({"lake-within-5w1s": run(None)})[0].words is None
