from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wayshot.tasks import from_arrays
from wayshot.tasks.data.words import are_missing, words_of

MISSING = [
    ["a", "b", None, "d"],
    ["a", "b", float("nan"), "d"],
    [0, 1, float("nan"), 2],
    ["a", "b", pd.NA, "d"],
    ("a", "b", pd.NaT, "d"),
    np.array([0.0, 1.0, np.nan, 2.0]),
    np.array(["a", "b", None, "d"], dtype=object),
    np.ma.masked_array([0, 1, 2, 3], [0, 0, 1, 0]),
    pd.Series(["a", "b", None, "d"]),
    pd.Series([0, 1, None, 2], dtype="Int64"),
    pd.Series(["a", "b", None, "d"], dtype="string"),
    pd.Series(["a", "b", None, "d"], dtype="category"),
    np.array([[0.0], [1.0], [np.nan], [2.0]]),
]


@pytest.mark.parametrize("values", MISSING, ids=range(len(MISSING)))
@pytest.mark.parametrize("what", ["labels", "groups", "drawers"])
def test_a_missing_name_is_refused_and_no_class(values, what, draw, refused):
    names = {"labels": list("abcd"), what: values}
    message = refused(from_arrays, draw(4, 8, 8), **names)
    assert message.startswith(f"{what}: 1 of 4 are missing (NaN or None; the first is number 2, ")
    assert "expected a name for each image; leave out images" in message


@pytest.mark.parametrize("values", [["a", "", "b", "c"], ["a", " \t", "b", "c"]])
def test_an_empty_name_is_refused(values, refused):
    assert "drawers: one is empty or has a NUL" in refused(words_of, values, 4, "drawers")


@pytest.mark.parametrize(
    "values",
    [None, [None] * 4, [float("nan")] * 4, pd.Series([None] * 4), np.full(4, np.nan)],
    ids=range(5),
)
def test_groups_and_drawers_that_are_all_missing_are_none(values, draw, refused):
    assert are_missing(values)
    table = from_arrays(draw(4, 8, 8), list("aabb"), values, drawers=values).table
    assert set(table["alphabet"]) == {"all"} and table["drawer"].nunique() == 4
    if values is not None:
        assert "labels: 4 of 4 are missing" in refused(from_arrays, draw(4, 8, 8), values)


@pytest.mark.parametrize("values", ["abcd", [], ["nan", "None"], [[1], [2, 3]], np.arange(3)])
def test_what_is_there_is_not_missing(values):
    assert not are_missing(values)


def test_words_that_look_like_missing_ones_are_words():
    assert words_of(["nan", "None", "NA"], 3, "labels") == ["nan", "None", "NA"]


@pytest.mark.parametrize("kind", [np.float32, np.int64, bool, list])
@pytest.mark.parametrize("what", ["labels", "groups"])
def test_one_hot_names_are_answered_with_the_way_out(kind, what, draw, refused):
    values = np.eye(3)[[0, 1, 2, 0]]
    values = values.tolist() if kind is list else values.astype(kind)
    message = refused(from_arrays, draw(4, 8, 8), **{"labels": list("abcd"), what: values})
    assert message == f"{what} are one-hot, 4 x 3; give class numbers: {what}.argmax(axis=1)"


def test_one_hot_labels_in_a_file_are_refused_too(tmp_path, draw, refused):
    from wayshot.tasks.data import album

    np.savez(tmp_path / "set.npz", images=draw(4, 8, 8), labels=np.eye(4)[[0, 1, 1, 0]])
    assert "labels are one-hot, 4 x 4; give class" in refused(album.load, str(tmp_path / "set.npz"))
