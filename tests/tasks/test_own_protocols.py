from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wayshot.tasks import RUNS, Protocol, TaskError, open_protocol, parse

letters = st.characters(codec="utf-8", exclude_characters="\n\r\0")

OWN = {
    "folder:letters@test-within-5w1s": Protocol("folder:letters", "test", "within", 5, 1),
    "images:/a b/birds-between-5w5s-q15": Protocol("images:/a b/birds", "all", "between", 5, 5, 15),
    "images:birds@84@color@train-within-5w1s": Protocol(
        "images:birds@84@color", "train", "within", 5, 1
    ),
    "images:x.npz@validation-between-5w1s-rot": Protocol(
        "images:x.npz", "validation", "between", 5, 1, rotations="classes"
    ),
    "arrays-within-5w1s": Protocol("arrays", "all", "within", 5, 1),
    "images:my@home/x-within-5w1s": Protocol("images:my@home/x", "all", "within", 5, 1),
    "folder:x@test@all-within-5w1s": Protocol("folder:x@test", "all", "within", 5, 1),
    "folder:x@all@all-within-5w1s": Protocol("folder:x@all", "all", "within", 5, 1),
    "folder:x@train@test-within-5w1s": Protocol("folder:x@train", "test", "within", 5, 1),
}


@pytest.mark.parametrize("name", OWN)
def test_names_of_data_of_ones_own_mean_what_they_say(name):
    assert parse(name) == OWN[name]
    assert OWN[name].name == name


@given(
    st.sampled_from(["folder", "images"]),
    st.lists(
        st.one_of(
            st.sampled_from(["@", "@test", "@all", "@84", "@gray", "-within-5w1s", "-test", "x"]),
            st.text(letters, min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=5,
    ).map("".join),
    st.sampled_from(["all", "train", "validation", "test"]),
)
def test_any_path_with_any_part_has_a_name_that_is_read_as_it(kind, path, part):
    asked = Protocol(f"{kind}:{path}", part, "within", 5, 1)
    assert parse(asked.name) == asked


def test_the_same_pictures_have_one_protocol_however_they_come():
    digests = {
        parse(f"{of}-within-5w1s").digest
        for of in ("images:a", "images:b/c@84", "images:x.npz", "arrays")
    }
    assert len(digests) == 1
    others = {
        parse(f"{of}-within-5w1s").digest for of in ("folder:a", "images:a@test", "folder:a@test")
    }
    assert len(digests | others) == 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("arrays-5w1s", "must say within or between"),
        ("arrays-test-within-5w1s", "arrays has the parts all"),
        ("images:x-5w1s", "must say within or between"),
    ],
)
def test_what_data_of_ones_own_do_not_have_is_refused(name, reason):
    with pytest.raises(TaskError, match=reason):
        parse(name)


def test_titles_and_descriptions_do_not_tell_where_pictures_lie():
    protocol = parse("images:/home/me/birds@84@test-within-5w1s")
    assert protocol.title == "images:birds@84@test-within-5w1s"
    assert protocol.describe().endswith("; images:birds@84 test")


def test_arrays_come_from_python_and_nothing_else_does(tiny):
    protocol = parse("arrays-within-5w1s")
    assert open_protocol(protocol, data=tiny).dataset is tiny
    with pytest.raises(TaskError, match=r"data=tasks.from_arrays\(images, labels\)"):
        open_protocol(protocol)
    for name in ("lake-within-5w1s", "images:x-within-5w1s"):
        with pytest.raises(TaskError, match="expected a protocol of arrays"):
            open_protocol(parse(name), data=tiny)
    with pytest.raises(TaskError, match=r"for data=, expected arrays-\.\.\."):
        open_protocol(RUNS, data=tiny)
