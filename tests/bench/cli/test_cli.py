from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wayshot import tasks
from wayshot.bench import ScorerError
from wayshot.bench.cli.common import patience

HERE = Path(__file__).parents[1]


def trials_bytes(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("trials.parquet")}


def test_run_prints_a_table_and_stores_the_runs(wayshot, protocol, tmp_path):
    words = ("run", protocol, "-s", "pixel-cosine", "-s", "chance", "--runs", tmp_path)
    status, out, _ = wayshot(*words, "--episodes", 50)
    assert status == 0
    # Lines break where the name of the folder makes them.
    unwrapped = " ".join(out.split())
    assert "pixel-cosine" in out and "20.0 ± 0.0" in out and "6 clusters" in unwrapped
    assert len(trials_bytes(tmp_path)) == 2
    status, table, _ = wayshot("table", tmp_path)
    assert status == 0 and sorted(table.splitlines()) == sorted(out.splitlines())


def test_run_prints_json(wayshot, protocol, tmp_path):
    words = ("--episodes", 40, "--runs", tmp_path, "--json")
    status, out, _ = wayshot("run", protocol, "-s", "chance", *words)
    (result,) = json.loads(out)["results"]
    assert status == 0
    assert (result["protocol"], result["scorer"]) == (tasks.parse(protocol).title, "chance")
    assert (result["n"], result["errors"]) == (200, 160)
    accuracy = result["accuracy"]
    assert accuracy["value"] == pytest.approx(0.2) and accuracy["level"] == 0.95
    assert {"low", "high", "method", "clusters"} <= set(accuracy)
    assert json.loads(wayshot("table", tmp_path, "--json")[1])["results"] == [result]


def test_options_are_read_from_the_environment(wayshot, protocol, tmp_path, monkeypatch):
    monkeypatch.setenv("WAYSHOT_RUN_EPISODES", "7")
    monkeypatch.setenv("WAYSHOT_RUN_RUNS", str(tmp_path))
    _, out, _ = wayshot("run", protocol, "-s", "chance", "--json")
    assert json.loads(out)["results"][0]["episodes"] == 7


@pytest.mark.parametrize("scorer", ["example_scorers:Pixels", "hausdorff"])
def test_trials_are_the_same_bytes_with_one_process_or_two(wayshot, protocol, tmp_path, scorer):
    for jobs in (1, 2):
        words = ("--jobs", jobs, "--runs", tmp_path / str(jobs), "--episodes", 60, "--no-cache")
        status, _, err = wayshot("run", protocol, "-s", scorer, *words)
        assert status == 0, err
    assert trials_bytes(tmp_path / "1") == trials_bytes(tmp_path / "2") != {}


@pytest.mark.parametrize(
    "kill", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(wayshot, characters, tmp_path, kill):
    protocol = f"folder:{characters}-between-5w1s"
    words = ["run", protocol, "-s", "example_scorers:Slow", "--episodes", "600", "--runs"]
    # A shell that starts tests in the background has made them deaf to SIGINT.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from wayshot.bench.cli import main; main()"
    command = [sys.executable, "-c", code, *words, str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "killed").glob(".partial/*/pairs-*.npz"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(kill)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (130 if kill == signal.SIGINT else -kill)
    if kill == signal.SIGINT:
        assert err.splitlines()[-1].startswith("wayshot: interrupted")
    assert trials_bytes(tmp_path / "killed") == {}
    assert wayshot("table", tmp_path / "killed")[0] == 2
    done = len(list((tmp_path / "killed").glob(".partial/*/pairs-*.npz")))
    assert done >= 3
    for root in ("killed", "whole"):
        assert wayshot(*words, tmp_path / root)[0] == 0
    assert trials_bytes(tmp_path / "killed") == trials_bytes(tmp_path / "whole") != {}


@pytest.mark.slow
def test_processes_with_the_same_run_end_with_one_run(protocol, tmp_path):
    words = ["run", protocol, "-s", "example_scorers:Slow", "--episodes", "15", "--runs"]
    code = "from wayshot.bench.cli import main; main()"
    command = [sys.executable, "-c", code, *words, str(tmp_path), "--json"]
    processes = [
        subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
    assert len(trials_bytes(tmp_path)) == 1
    assert not list((tmp_path / ".partial").iterdir())


def test_a_scorer_that_fails_on_a_first_batch_is_an_error_row_and_others_are_run(
    wayshot, protocol, tmp_path
):
    words = ("-s", "example_scorers:Raises", "-s", "chance", "--episodes", 20, "--runs", tmp_path)
    status, out, err = wayshot("run", protocol, *words)
    assert status == 1 and len(trials_bytes(tmp_path)) == 1
    for said in (out, err):
        (line,) = (one for one in said.splitlines() if "failed: " in one)
        assert "out of luck" in line and "chance" not in line


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["run", "lake-run", "-s", "chance"], "unknown protocol 'lake-run'; closest: lake-runs"),
        (["run", "{protocol}", "-s", "chence"], "unknown scorer 'chence'; closest: chance"),
        (["run", "{folder}-within-9w1s", "-s", "chance"], "9 ways are impossible"),
        (["run", "folder:none-within-5w1s", "-s", "chance"], "folder:none: no such folder"),
        (["run", "lake-within-1w1s", "-s", "chance"], "1 ways leave nothing to choose"),
        (["run", "{protocol}", "-s", "none.keras"], "checkpoint none.keras: no such file"),
        (["run", "{protocol}", "-s", "chance", "--runs", "{file}"], "cannot write into"),
        (["run", "{protocol}", "-s", "chance", "--episodes", "0"], "0 is not in the range"),
        (["run", "{protocol}", "-s", "chance", "--seed", "-1"], "-1 is not in the range"),
        (["run", "{protocol}", "-s", "chance", "--colour"], "No such option"),
        (["table", "nowhere"], "nowhere: no such folder"),
        (["table", "{empty}"], "no stored runs in"),
        (["describe", "lake-runz"], "nothing is called 'lake-runz'"),
        (["describe", "keble"], "nothing is called 'keble'"),
        (["list", "dogs"], "'dogs' is not one of"),
        (["describe", "recipe", "koc"], "'koc' is neither a readable file nor one of"),
        (["describe", "backbone", "vgg"], "unknown backbone 'vgg'; closest: vgg16"),
        (["describe", "keras:Nothing"], "keras.applications has no 'Nothing'"),
        (["train", "no-such-recipe"], "neither a readable file nor one of"),
        (["train", "koch", "--precision", "double"], "'double' is not one of"),
        (["train", "koch", "--on", "{folder}", "--out", "{file}"], "cannot write into"),
        (["episodes", "{protocol}", "--out", "{file}/x.json"], "cannot write into"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_wrong_input_ends_with_status_2_and_one_line(wayshot, words, problem, characters, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    known = {
        "protocol": f"folder:{characters}-within-5w1s",
        "folder": f"folder:{characters}",
        "file": tmp_path / "file",
        "empty": tmp_path / "empty",
    }
    filled = [word.format(**known) for word in words]
    if words[0] == "run" and "--runs" not in words:
        filled += ["--runs", str(tmp_path / "out")]
    status, out, err = wayshot(*filled)
    assert status == 2 and out == ""
    assert problem in err and len(err.splitlines()) == 1
    assert not list(tmp_path.rglob("record.json")) and not (tmp_path / "none.keras").exists()


def test_without_omniglot_official_runs_say_how_to_get_it(wayshot, tmp_path, monkeypatch):
    monkeypatch.delenv("WAYSHOT_DATA", raising=False)
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    status, out, err = wayshot("run", "lake-runs", "-s", "chance", "--runs", tmp_path / "runs")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "wayshot data fetch" in err and "--data" in err and "WAYSHOT_DATA" in err
    assert not (tmp_path / "runs").exists()


def test_a_named_folder_is_never_replaced_by_another(wayshot, tmp_path, omniglot):
    words = ("run", "lake-runs", "-s", "chance", "--data", tmp_path, "--runs", tmp_path / "runs")
    status, _, err = wayshot(*words)
    assert status == 2 and f"not in {tmp_path}" in err


def test_a_damaged_zip_is_named(wayshot, tmp_path):
    (tmp_path / "all_runs.zip").write_bytes(b"PK\3\4 and no more")
    words = ("run", "lake-runs", "-s", "chance", "--data", tmp_path, "--runs", tmp_path / "runs")
    status, _, err = wayshot(*words)
    assert status == 2 and "all_runs.zip: damaged zip" in err and len(err.splitlines()) == 1


def test_verify_tells_missing_parts(wayshot, tmp_path):
    status, out, _ = wayshot("data", "verify", "--data", tmp_path, "--json")
    assert status == 1
    assert {part["state"] for part in json.loads(out)["parts"]} == {"missing"}


def test_verify_finds_the_real_data_sound(wayshot, omniglot):
    status, out, _ = wayshot("data", "verify", "--data", omniglot)
    assert status == 0 and out.count("there") == 5


def test_fetch_answers_in_json_too(wayshot, omniglot):
    # All is there, so that nothing is downloaded.
    words = ("data", "fetch", "--data", omniglot, "--from", "nowhere", "--json")
    status, out, _ = wayshot(*words)
    assert status == 0
    assert [part["state"] for part in json.loads(out)["parts"]] == ["there"] * 5


def test_path_says_where_data_are_looked_for(wayshot, tmp_path, monkeypatch):
    monkeypatch.setenv("WAYSHOT_DATA", str(tmp_path))
    assert wayshot("data", "path") == (0, f"{tmp_path}\n", "")


def test_episodes_are_written_with_names_and_digest(wayshot, protocol, tmp_path):
    path = tmp_path / "episodes.json"
    status, out, _ = wayshot("episodes", protocol, "--out", path, "--episodes", 30)
    written = json.loads(path.read_text())
    assert status == 0 and written["episodes_digest"] in out
    assert len(written["episodes"]) == 30
    words = ("episodes", protocol, "--out", path, "--episodes", 30, "--json")
    facts = json.loads(wayshot(*words)[1])
    assert facts["path"] == str(path) and facts["episodes"] == 30
    assert facts["episodes_digest"] == written["episodes_digest"]
    first = written["episodes"][0]
    assert [len(way) for way in first["support"]] == [1] * 5
    for query, way in zip(first["query"], first["target"], strict=True):
        assert Path(query).parent == Path(first["support"][way][0]).parent
    _, printed, _ = wayshot(
        "run", protocol, "-s", "chance", "--episodes", 30, "--runs", tmp_path / "runs", "--json"
    )
    assert json.loads(printed)["results"][0]["episodes_digest"] == written["episodes_digest"]


def test_help_of_every_command_can_be_read(wayshot):
    _, out, _ = wayshot("--help")
    for command in ("run", "table", "list", "describe", "data", "episodes", "train"):
        assert command in out
        status, text, _ = wayshot(command, "--help")
        assert status == 0 and "Usage: wayshot" in text


def test_a_reader_that_goes_away_gets_no_traceback():
    code = "from wayshot.bench.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "list", "protocols"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""


@pytest.mark.parametrize("command", ["run", "latency", "audit"])
def test_engines_are_listed_in_the_help_and_to_whoever_names_another(wayshot, command):
    from wayshot.models.engines import ENGINES
    from wayshot.models.engines.engines import KERAS

    names = ["auto", "keras", *KERAS, *ENGINES]
    text = wayshot(command, "--help")[1]
    scorer = ("-s", "chance")
    status, out, err = wayshot(command, *scorer, "--engine", "onyx")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "'onyx' is not one of" in err
    for name in names:
        assert re.search(rf"[ ]{name}[.,:\n]", text) and f"'{name}'" in err


def test_the_list_of_scorers_ends_with_ones_own(wayshot):
    last = wayshot("list", "scorers")[1].splitlines()[-2:]
    assert "your own" in last[0] and ".onnx" in last[0] and "MODULE:ATTRIBUTE" in last[1]


def test_choosing_an_engine_is_said_where_there_is_no_terminal(capsys):
    tick = patience(3, "siamese-small: choosing an engine")
    tick(3)
    assert capsys.readouterr().err.startswith(
        "siamese-small: choosing an engine; this is done once"
    )


@pytest.mark.parametrize("command", ["run", "audit", "latency"])
def test_commands_say_that_they_choose_an_engine(wayshot, monkeypatch, command):
    def resolve(name, engine, *, data=None, progress):
        progress(1, "choosing")(1)
        raise ScorerError("enough")

    room = "sweeps.place" if command == "run" else f"cli.{command}"
    monkeypatch.setattr(f"wayshot.bench.{room}.resolve", resolve)
    words = ["siamese-small"] if command == "audit" else ["glyphs-within-5w1s", "-s", "chance"]
    assert "choosing; this is done once" in wayshot(command, *words)[2]
