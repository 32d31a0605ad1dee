"""One word for one thing: the options of all commands, and their old spellings."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from wayshot.bench.cli import group
from wayshot.bench.cli.common import Option


def below(
    command: click.Command, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """All commands that are not groups, by their words."""
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from below(command.get_command(context, name), (*words, name))


COMMANDS = dict(below(group))


def with_option(name: str) -> set[str]:
    """The commands that have an option."""
    return {
        words
        for words, command in COMMANDS.items()
        if any(name in parameter.opts for parameter in command.params)
    }


@pytest.fixture
def stored(wayshot, characters, tmp_path):
    """A protocol, and the folder of two scorers' runs."""
    protocol, folder = f"folder:{characters}-within-5w1s", tmp_path / "stored"
    words = ("-s", "pixel-cosine", "-s", "chance", "--episodes", 30, "--runs", folder)
    assert wayshot("run", protocol, *words)[0] == 0
    return protocol, folder


def test_every_option_can_have_old_spellings_and_variables():
    for command in COMMANDS.values():
        for parameter in command.params:
            assert isinstance(parameter, Option | click.Argument), (command.name, parameter.name)


def test_every_command_can_answer_in_json():
    assert with_option("--json") == set(COMMANDS) and len(COMMANDS) == 21


def test_a_folder_of_runs_is_the_option_runs_in_every_command():
    assert with_option("--runs") == {
        *("run", "sweep", "latency", "plan", "compare"),
        *("table", "report", "figure", "curve", "rescore", "card"),
    }
    assert with_option("--out") == {"episodes", "train", "data sheet", "report", "figure"}
    assert with_option("--in") == set()


def test_old_spellings_of_a_folder_of_runs_still_work_and_are_in_no_help(wayshot, stored, tmp_path):
    protocol, folder = stored
    words = ("run", protocol, "-s", "chance", "--episodes", 30, "--json")
    answers = [wayshot(*words, spelling, folder) for spelling in ("--runs", "--out")]
    assert answers[0] == answers[1]
    assert answers[0][2].startswith("1 of 1 runs were stored")
    words = ("plan", protocol, "--difference", 20, "-s", "pixel-cosine", "-s", "chance")
    answers = [wayshot(*words, spelling, folder) for spelling in ("--runs", "--in")]
    assert answers[0] == answers[1] and answers[0][0] == 0
    for command in ("run", "latency", "plan", "compare"):
        text = wayshot(command, "--help")[1]
        assert "--runs DIR" in text and "--out" not in text and "--in " not in text


@pytest.mark.parametrize("command", ["table", "rescore"])
def test_folders_of_runs_are_plain_words_or_options_alike(wayshot, stored, tmp_path, command):
    protocol, folder = stored
    other = tmp_path / "other"
    wayshot("run", protocol, "-s", "pixel-euclidean", "--episodes", 30, "--runs", other)
    ways = [(folder, other), ("--runs", folder, "--runs", other), (other, "--runs", folder)]
    answers = [wayshot(command, *words, "--json") for words in ways]
    found = [sorted(json.loads(out)["results"], key=str) for _, out, _ in answers]
    assert len(found[0]) == 3 and found[0] == found[1] == found[2]


def test_what_is_typed_goes_before_what_a_variable_says(wayshot, stored, tmp_path, monkeypatch):
    protocol, folder = stored
    other = tmp_path / "other"
    wayshot("run", protocol, "-s", "pixel-euclidean", "--episodes", 30, "--runs", other)
    monkeypatch.setenv("WAYSHOT_TABLE_RUNS", str(folder))
    assert len(json.loads(wayshot("table", "--json")[1])["results"]) == 2
    for words in ((other,), ("--runs", other)):
        (one,) = json.loads(wayshot("table", *words, "--json")[1])["results"]
        assert one["scorer"] == "pixel-euclidean"


@pytest.mark.parametrize("variable", ["WAYSHOT_RUN_RUNS", "WAYSHOT_RUN_OUT"])
def test_old_variables_of_an_option_still_work(wayshot, stored, monkeypatch, variable):
    protocol, folder = stored
    monkeypatch.setenv(variable, str(folder))
    status, _, err = wayshot("run", protocol, "-s", "chance", "--episodes", 30)
    assert status == 0 and "1 of 1 runs were stored" in err


def test_a_picture_is_the_option_picture_in_every_command():
    assert with_option("--picture") == {"table", "rescore", "compare", "curve"}
    for old in ("--diagram", "--pareto", "--curves"):
        assert with_option(old) == set()


def test_old_spellings_of_a_picture_still_work_and_are_in_no_help(wayshot, stored, tmp_path):
    protocol, folder = stored
    words = ("run", protocol, "--episodes", 30, "--scores", "-s", "pixel-euclidean")
    wayshot(*words, "--runs", folder)
    three = ("pixel-cosine", "pixel-euclidean", "chance", folder)
    for spelling in ("--picture", "--diagram"):
        path = tmp_path / f"{spelling}.svg"
        assert wayshot("compare", *three, spelling, path)[0] == 0 and path.exists()
    for spelling in ("--picture", "--curves"):
        path = tmp_path / f"{spelling}.svg"
        assert wayshot("rescore", folder, spelling, path)[0] == 0 and path.exists()
    # No latency is stored, which is found out when the picture is drawn.
    answers = [wayshot("table", folder, name, "x.svg") for name in ("--picture", "--pareto")]
    assert answers[0] == answers[1] and "no latency" in answers[0][2]
    for command in ("compare", "rescore", "table"):
        text = wayshot(command, "--help")[1]
        assert "--picture FILE" in text
        assert not any(old in text for old in ("--diagram", "--pareto", "--curves"))


def test_a_scorer_is_the_option_scorer_in_every_command():
    reading = {"table", "compare", "audit", "report", "figure", "curve"}
    wanted = {"run", "latency", "plan", *reading}
    assert with_option("-s") == with_option("--scorer") == wanted
    assert with_option("--protocol") == reading


def test_scorers_are_plain_words_or_options_alike(wayshot, stored):
    _, folder = stored
    names = ("pixel-cosine", "chance")
    ways = [names, ("-s", names[0], "--scorer", names[1]), (names[0], "-s", names[1])]
    answers = [wayshot("compare", *words, "--runs", folder, "--json") for words in ways]
    assert answers[0][0] == 0 and answers[0] == answers[1] == answers[2]
    verdicts = [
        [one["scorer"] for one in json.loads(wayshot("audit", *words, "--json")[1])["results"]]
        for words in (["chance"], ["-s", "chance"])
    ]
    assert verdicts == [["chance"], ["chance"]]


def test_a_table_can_be_of_chosen_scorers(wayshot, stored):
    for words, wanted in ((("-s", "chance"), ["chance"]), ((), ["pixel-cosine", "chance"])):
        found = json.loads(wayshot("table", stored[1], *words, "--json")[1])["results"]
        assert sorted(one["scorer"] for one in found) == sorted(wanted)


@pytest.mark.parametrize("variable", ["WAYSHOT_RUN_SCORER", "WAYSHOT_RUN_SCORERS"])
def test_a_variable_of_several_values_is_split_as_a_shell_does(
    wayshot, stored, tmp_path, monkeypatch, variable
):
    protocol, folder = stored
    monkeypatch.setenv(variable, f"chance '{tmp_path}/a folder/x.keras' pixel-cosine")
    words = ("run", protocol, "--episodes", 30, "--runs", folder)
    status, _, err = wayshot(*words)
    assert status == 2 and f"checkpoint {tmp_path}/a folder/x.keras: no such file" in err
    monkeypatch.setenv(variable, " chance  pixel-cosine ")
    status, _, err = wayshot(*words)
    assert status == 0 and "2 of 2 runs were stored" in err


@pytest.mark.parametrize("name", ["--runs", "--scorer", "--protocol"])
def test_every_option_that_can_be_repeated_splits_its_variable_so(wayshot, monkeypatch, name):
    variable = f"WAYSHOT_TABLE_{name[2:].upper()}"
    monkeypatch.setenv(variable, "'no closing mark")
    status, out, err = wayshot("table", "nowhere" if name != "--runs" else "--json")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert f"{variable} cannot be split" in err and name in err


def test_the_help_of_every_command_ends_with_examples_that_can_be_typed(wayshot):
    # The group of commands about data has no parameters, but a help as well.
    for name, command in (COMMANDS | {"data": group.get_command(None, "data")}).items():
        status, text, _ = wayshot(*name.split(), "--help")
        lines = text.rpartition("Example")[2].strip().splitlines()[1:]
        assert status == 0 and lines, name
        for line in lines:
            words = shlex.split(line)
            words = words[words.index("wayshot") + 1 :]
            assert " ".join(words).startswith(name)
            rest = words[len(name.split()) :]
            assert isinstance(command, click.Group) or command.make_context(name, rest)


def test_the_help_of_every_option_is_whole_sentences():
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if isinstance(parameter, Option) and not parameter.hidden:
                text = re.sub(r"\s*\[[^]]*\]$", "", (parameter.help or "").strip())
                assert text.endswith("."), (words, parameter.name)
                assert text.lstrip("\b\n")[0].isupper(), (words, parameter.name)


@pytest.mark.parametrize(
    ("typed", "closest"), [("tabel", "table"), ("rn", "run"), ("latencies", "latency")]
)
def test_a_mistyped_command_is_told_the_closest(wayshot, typed, closest):
    status, out, err = wayshot(typed, "runs")
    assert (status, out) == (2, "")
    assert f"No such command '{typed}'; closest: {closest}" in err


def test_a_word_that_is_like_no_command_is_told_all(wayshot):
    err = wayshot("xyzzy")[2]
    assert "No such command 'xyzzy'; expected run, table, compare" in err
