"""Variables of the environment that set options, and those that nothing reads."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from wayshot.bench.cli import group, variables


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    variables._say.cache_clear()
    for name in list(os.environ):
        if name.startswith("WAYSHOT_") and name != "WAYSHOT_CACHE":
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("unknown", "closest"),
    [
        ("WAYSHOT_RUN_EPISODE", "WAYSHOT_RUN_EPISODES"),
        ("WAYSHOT_RNU_EPISODES", "WAYSHOT_RUN_EPISODES"),
        ("WAYSHOT_CASHE", "WAYSHOT_CACHE"),
        ("WAYSHOT_DATA_FETCH_FORM", "WAYSHOT_DATA_FETCH_FROM"),
        ("WAYSHOT_TABLE_DECIMAL", "WAYSHOT_TABLE_DECIMALS"),
    ],
)
def test_a_variable_that_nothing_reads_is_said_once_with_the_closest(
    wayshot, monkeypatch, unknown, closest
):
    monkeypatch.setenv(unknown, "1")
    status, _, err = wayshot("data", "path")
    assert status == 0 and len(err.splitlines()) == 1
    assert unknown in err and err.endswith(f"the closest is {closest}\n")
    assert wayshot("data", "path")[2] == ""


def test_a_variable_that_is_like_no_other_has_no_closest(wayshot, monkeypatch):
    monkeypatch.setenv("WAYSHOT_XYZ", "1")
    assert wayshot("data", "path")[2].endswith("WAYSHOT_XYZ; see wayshot --help\n")


def test_what_the_terminal_is_told_of_a_variable_has_no_control_characters(wayshot, monkeypatch):
    monkeypatch.setenv("WAYSHOT_X\x1b[2J", "1")
    assert "\x1b" not in wayshot("data", "path")[2]


def names(command: click.Command, prefix: str = "WAYSHOT") -> set[str]:
    """By click's own rule, the variables of a command and of those below it."""
    found = set()
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found |= names(command.get_command(context, name), f"{prefix}_{name.upper()}")
    options = [one for one in command.params if isinstance(one, click.Option) and one.expose_value]
    return found | {f"{prefix}_{one.name.upper()}" for one in options}


def test_every_variable_that_is_read_is_known(wayshot, monkeypatch):
    read = names(group)
    assert {"WAYSHOT_RUN_SCORERS", "WAYSHOT_DATA_VERIFY_AS_JSON"} <= read and len(read) > 80
    for name in (*read, "WAYSHOT_DATA", "WAYSHOT_CACHE", "WAYSHOT_EASYFSL", "WAYSHOT_RUN_JSON"):
        # An empty one sets nothing.
        monkeypatch.setenv(name, "")
    assert wayshot("data", "path")[2] == ""


def test_help_is_quick_whatever_variables_are_set():
    code = (
        "import contextlib, sys\nfrom wayshot.bench.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print('loaded:', {'pandas', 'wayshot.bench.cli.run'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "WAYSHOT_RUN_EPISODE": "1"},
    )
    assert answer.returncode == 0 and answer.stderr == ""
    assert answer.stdout.splitlines()[-1] == "loaded: set()"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("WAYSHOT_RUN_EPISODES", "many", ["run"]),
        ("WAYSHOT_RUN_SCORER", "no-such-scorer", ["run", "glyphs-within-5w1s"]),
        ("WAYSHOT_RUN_SCORERS", "no-such-scorer", ["run", "glyphs-within-5w1s"]),
        ("WAYSHOT_RUN_UNTIL_HALFWIDTH", "-2", ["run"]),
        ("WAYSHOT_TABLE_INTERVAL", "wide", ["table"]),
        ("WAYSHOT_TABLE_MOST", "3", ["table", "--most"]),
        ("WAYSHOT_LATENCY_SCORER", "nothing.onnx", ["latency"]),
        ("WAYSHOT_TABLE_RUNS", "nowhere/at-all", ["table"]),
    ],
)
def test_an_error_in_a_variable_names_the_variable(wayshot, monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    status, out, err = wayshot(*words)
    assert (status, out) == (2, "")
    assert (variable in err) == ("--most" not in words)


def test_an_error_in_what_is_typed_names_no_variable(wayshot, monkeypatch):
    monkeypatch.setenv("WAYSHOT_RUN_SCORER", "chance")
    monkeypatch.setenv("WAYSHOT_RUN_EPISODES", "5")
    for words in (["-s", "no-such-scorer"], ["--episodes", "many"], ["--seed", "-1"]):
        status, _, err = wayshot("run", "glyphs-within-5w1s", *words)
        assert status == 2 and "WAYSHOT" not in err
