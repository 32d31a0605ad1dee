"""What is said of an error in a scorer's own code."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from wayshot import wrap
from wayshot.bench.cli import main
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers import BrokenScorerError, answering, resolve
from wayshot.bench.scorers.failures import LONGEST, told

CODE = """
import numpy as np


def deep(images):
    return np.linalg.inv(images)


class Inverts:
    def embed(self, images):
        return deep(np.zeros((2, 2)))

    def compare(self, query, support):
        return query @ support.T


class Chained(Inverts):
    def embed(self, images):
        try:
            {}["weights"]
        except KeyError as error:
            raise ValueError("x" * 50_000) from error


class Makes(Inverts):
    def __init__(self):
        open("there/is/none.npz")
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.py").write_text(CODE)
    yield tmp_path
    sys.modules.pop("theirs", None)


def message(spec: str) -> str:
    with pytest.raises(ScorerError) as caught:
        resolve(spec)
    assert len(str(caught.value)) <= LONGEST and "\n" not in str(caught.value)
    return str(caught.value)


def test_the_last_line_of_the_users_own_code_is_named():
    assert (
        "embed raised LinAlgError: Singular matrix (given uint8 (256, 105, 105)), at theirs.py:6"
    ) in message("theirs:Inverts")
    assert "none.npz" in message("theirs:Makes") and "at theirs.py:27" in message("theirs:Makes")


def test_the_cause_is_told_however_long_the_error_is():
    line = message("theirs:Chained")
    assert "embed raised ValueError: xxx" in line and "(given uint8 (256, 105, 105))" in line
    assert line.endswith("at theirs.py:22, caused by KeyError: 'weights'")


def test_a_line_that_python_cannot_read_is_named(here):
    (here / "broken.py").write_text("x = 1\ny = (\n")
    assert "at broken.py:2" in message("broken.py:x")


def test_a_wrapped_model_says_the_line_of_its_function():
    def network(images):
        raise RuntimeError("no luck")

    line = network.__code__.co_firstlineno + 1
    with pytest.raises(ScorerError, match=f"no luck .*at .*test_failures.py:{line}$"):
        wrap(network, size=8).embed(np.zeros((1, 105, 105), np.uint8))


def test_an_error_in_an_installed_package_alone_has_no_line():
    with pytest.raises(BrokenScorerError) as caught, answering("x", "embed"):
        exec(compile("1 / 0", f"{sys.prefix}/lib/site-packages/p.py", "exec"), {"__name__": "p"})
    assert "raised ZeroDivisionError: division by zero, at " in str(caught.value)
    assert "test_failures.py" in str(caught.value)


def test_an_error_that_cannot_be_described_is_named():
    class OddError(Exception):
        def __str__(self):
            raise ValueError

    assert told("embed raised", OddError()) == "embed raised OddError"


@pytest.mark.parametrize("words", [["run", "glyphs-within-5w1s", "-s"], ["audit"], ["describe"]])
def test_the_whole_traceback_is_shown_where_it_is_asked_for(capsys, words):
    command = [*words, "theirs:Inverts", *(["--runs", "runs"] if words[0] == "run" else [])]
    for asked in (False, True):
        with pytest.raises(SystemExit):
            main([*command, *(["--traceback"] if asked else [])])
        err = capsys.readouterr().err
        assert ("in deep" in err and "np.linalg.inv(images)" in err) == asked
        assert "Singular matrix" in err


def test_the_traceback_of_a_worker_process_is_shown(capsys, here, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(here))
    words = ["glyphs-within-5w1s", "-s", "theirs:Inverts", "--jobs", "2", "--traceback"]
    with pytest.raises(SystemExit):
        main(["run", *words])
    assert "np.linalg.inv(images)" in capsys.readouterr().err


def test_no_colours_and_no_parts_of_words_are_told():
    line = told("embed raised", ValueError("\x1b[1mred\x1b[0m and \x1b[38;5;9mgreen\x1b[m"))
    assert line == "embed raised ValueError: red and green"
    words = " ".join(f"word{i:03}" for i in range(200))
    line = told("embed raised", ValueError(words), " (given two)")
    assert len(line) <= LONGEST and line.endswith(" (given two)")
    kept = line.removeprefix("embed raised ValueError: ").partition(" ...")[0]
    assert words.startswith(f"{kept} ")
    assert len(kept) > 200


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "size= and channels= say what it takes"),
        ({"size": 28}, "channels= say what it takes"),
        ({"size": 28, "channels": 1}, None),
    ],
)
def test_what_was_not_said_of_the_input_is_named(options, hint):
    def network(images):
        raise ValueError("shapes cannot be multiplied")

    with pytest.raises(ScorerError, match="multiplied") as caught:
        wrap(network, **options).embed(np.zeros((1, 105, 105), np.uint8))
    assert ("takes" not in str(caught.value)) if hint is None else (hint in str(caught.value))


def test_an_error_whose_cause_cannot_be_asked_for_is_told():
    class OddError(Exception):
        def __str__(self):
            raise KeyboardInterrupt

        @property
        def __cause__(self):  # pyright: ignore[reportIncompatibleVariableOverride]
            raise RuntimeError("no cause")

        def __eq__(self, other):
            raise RuntimeError("no object")

        __hash__ = None  # pyright: ignore[reportAssignmentType]

    assert told("it raised", OddError()) == "it raised OddError"


def test_half_letters_are_told_so_that_every_reader_of_json_takes_them():
    assert told("it raised", ValueError("a\ud800b")) == "it raised ValueError: a\\ud800b"
