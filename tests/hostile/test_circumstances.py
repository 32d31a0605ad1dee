"""Machines that lack something: memory, threads, a cache, letters."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from bed import draw_characters
from wayshot import results

BROKEN = {
    "raises": "raise RuntimeError('no luck')",
    "lacks": "import no_such_library",
    "leaves": "raise SystemExit(0)",
    "spelled": "def scorer(:",
}


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    return f"folder:{draw_characters(tmp_path_factory.mktemp('characters'))}-within-5w1s"


def run(protocol, *scorers):
    named = [word for scorer in scorers for word in ("-s", scorer)]
    return ("run", protocol, *named, "--episodes", 20, "--runs", "runs")


def one_line(err: str) -> str:
    assert "Traceback" not in err
    (line,) = err.splitlines()
    return line


@pytest.mark.filterwarnings("ignore:tqdm")
def test_where_no_more_threads_can_be_started_a_line_says_so(wayshot, protocol, monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    status, _, err = wayshot(*run(protocol, "pixel-cosine"))
    assert status == 2
    assert "no more threads can be started" in one_line(err)


def test_where_no_thread_can_be_started_at_all_nothing_is_loaded_that_needs_some(tmp_path):
    code = """
import sys, threading
def refused(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refused
from wayshot.bench.cli import main
try:
    main(["list"])
finally:
    print("numpy" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (2, "False")
    assert "no more threads can be started" in one_line(done.stderr)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 16.3 MiB for an array"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
    ],
)
def test_where_the_memory_is_used_up_a_line_says_so(wayshot, protocol, monkeypatch, error):
    def refused(*_):
        raise error

    monkeypatch.setattr("wayshot.tasks.open_protocol", refused)
    status, _, err = wayshot(*run(protocol, "pixel-cosine"))
    assert status == 2
    assert "the memory is used up" in one_line(err)


def test_a_bug_still_shows_its_traceback(wayshot, protocol, monkeypatch):
    def refused(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("wayshot.tasks.open_protocol", refused)
    with pytest.raises(RuntimeError, match="a bug"):
        wayshot(*run(protocol, "pixel-cosine"))


def test_an_empty_cache_that_cannot_be_written_changes_no_trial(
    wayshot, protocol, monkeypatch, tmp_path
):
    wayshot(*run(protocol, "pixel-cosine"))
    (whole,) = [path.read_bytes() for path in tmp_path.rglob("trials.parquet")]
    (tmp_path / "runs").rename(tmp_path / "before")
    (tmp_path / "file").touch()
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "file" / "cache"))
    status, out, err = wayshot(*run(protocol, "pixel-cosine"))
    assert status == 0 and "pixel-cosine" in out
    assert "Traceback" not in err
    (found,) = [path.read_bytes() for path in (tmp_path / "runs").rglob("trials.parquet")]
    assert found == whole


def test_a_cache_that_can_only_be_read_is_said_to_be_so(wayshot, protocol, monkeypatch, caplog):
    monkeypatch.setattr("wayshot.tasks.files.os.access", lambda *_: False)
    monkeypatch.setenv("WAYSHOT_CACHE", "another")
    status, _, _ = wayshot(*run(protocol, "pixel-cosine"))
    assert status == 0
    assert any("can only be read; name another by WAYSHOT_CACHE" in one for one in caplog.messages)


@pytest.mark.parametrize("encoding", ["latin-1", "cp932"])
@pytest.mark.parametrize("form", ["text", "html"])
def test_a_terminal_of_an_old_encoding_gets_a_table(wayshot, protocol, tmp_path, encoding, form):
    wayshot(*run(protocol, "pixel-cosine"))
    done = subprocess.run(
        [sys.executable, "-m", "wayshot", "table", "runs", "--format", form],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert "pixel-cosine" in done.stdout.decode(encoding)
    assert done.stderr == b""


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_scorer_whose_module_cannot_be_imported_does_not_stop_the_others(
    wayshot, protocol, tmp_path, kind, jobs
):
    (tmp_path / f"mine_{kind}.py").write_text(BROKEN[kind])
    scorer = f"mine_{kind}:scorer"
    status, out, _ = wayshot(*run(protocol, scorer, "chance"), "--jobs", jobs, "--json")
    assert status == 1
    (failure,) = json.loads(out)["errors"]
    assert failure["scorer"] == scorer and "cannot be made" in failure["reason"]
    assert [one.scorer for one in results.find([tmp_path / "runs"])] == ["chance"]


@pytest.mark.parametrize("scorer", ["no_such_module:x", "json:no_such_thing", "no_such_name"])
def test_a_scorer_that_was_typed_wrong_is_told_before_anything_is_run(
    wayshot, protocol, tmp_path, scorer
):
    status, _, err = wayshot(*run(protocol, scorer, "chance"))
    assert status == 2
    assert scorer in one_line(err)
    assert not list(tmp_path.rglob("record.json"))


def in_shell(tmp_path, before, *words, **variables):
    """Runs a command after some words of a shell; gives status, stdout and stderr."""
    return run_by(tmp_path, f'{before}; exec "$0" -m wayshot "$@"', *words, **variables)


def run_by(tmp_path, line, *words, **variables):
    """Runs a line of a shell that runs Python, $0, with the words of a command, $@."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, *map(str, words)],
        cwd=tmp_path,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")


@pytest.mark.parametrize(
    ("command", "limit"), [("run", 200_000), ("table", 400_000), ("audit", 799_000)]
)
def test_a_command_with_too_few_addresses_is_told_so(tmp_path, command, limit):
    status, _, err = in_shell(tmp_path, f"ulimit -v {limit}", command)
    assert status == 2
    assert f"ulimit -v is {limit}, expected at least 800000" in one_line(err)


ODD_SHELLS = {
    "no home": ("unset HOME", {}),
    "a home that is not there": ("true", {"HOME": "/no/such/folder"}),
    "few files": ("ulimit -n 40", {}),
    "nothing readable by others": ("umask 0777", {}),
    "a folder for temporary files that is not there": ("true", {"TMPDIR": "/no/such/folder"}),
    "an unknown language": ("true", {"LANG": "xx_YY", "LC_ALL": "xx_YY"}),
    "the language C, and no UTF-8": ("true", {"LC_ALL": "C", "PYTHONUTF8": "0"}),
    "a terminal that can do nothing": ("true", {"TERM": "dumb", "COLUMNS": "0", "LINES": "0"}),
    "no standard input": ("exec <&-", {}),
    "no errors": ("exec 2>&-", {}),
    "Python without assertions and docstrings": ("true", {"PYTHONOPTIMIZE": "2"}),
    "another order of sets": ("true", {"PYTHONHASHSEED": "5", "PYTHONDONTWRITEBYTECODE": "1"}),
    "a clock far off": ("true", {"TZ": "Nowhere/Land-99", "SOURCE_DATE_EPOCH": "-1"}),
    "errors at once": ("true", {"PYTHONWARNINGS": "error::UserWarning"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ODD_SHELLS)
def test_a_run_in_an_odd_shell_gives_the_same_trials(wayshot, protocol, tmp_path, kind):
    words = run(protocol, "pixel-cosine")
    wayshot(*words)
    (whole,) = [path.read_bytes() for path in tmp_path.rglob("trials.parquet")]
    (tmp_path / "runs").rename(tmp_path / "before")
    before, variables = ODD_SHELLS[kind]
    status, out, err = in_shell(tmp_path, before, *words, **variables)
    assert status == 0 and "pixel-cosine" in out, err
    assert "Traceback" not in err
    (found,) = [path.read_bytes() for path in (tmp_path / "runs").rglob("trials.parquet")]
    assert found == whole


UNSHARED = {
    "a user that nobody knows": (
        "unshare -U --map-user=54321 true",
        'exec unshare -U --map-user=54321 env -u HOME -u USER -u LOGNAME "$0" -m wayshot "$@"',
    ),
    "no shared memory": (
        "unshare -m umount /dev/shm",
        """exec unshare -m sh -c 'umount /dev/shm; exec "$0" -m wayshot "$@"' "$0" "$@" """,
    ),
}
"""What is tried first, as not every machine allows it, and how a command is run."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNSHARED)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_on_a_machine_that_lacks_something_gives_the_same_trials(
    wayshot, protocol, tmp_path, kind, jobs
):
    tried, line = UNSHARED[kind]
    if subprocess.run(tried.split(), capture_output=True, check=False).returncode:
        pytest.skip(f"{tried.partition(' ')[0]} is not allowed here")
    words = run(protocol, "hausdorff")
    wayshot(*words)
    (whole,) = [path.read_bytes() for path in tmp_path.rglob("trials.parquet")]
    (tmp_path / "runs").rename(tmp_path / "before")
    status, out, err = run_by(tmp_path, line, *words, "--jobs", jobs)
    assert status == 0 and "hausdorff" in out, err
    assert "Traceback" not in err
    (found,) = [path.read_bytes() for path in (tmp_path / "runs").rglob("trials.parquet")]
    assert found == whole


def test_a_clock_that_jumps_changes_no_trial(wayshot, protocol, tmp_path, monkeypatch):
    words = run(protocol, "pixel-cosine")
    wayshot(*words)
    (whole,) = [path.read_bytes() for path in tmp_path.rglob("trials.parquet")]
    (tmp_path / "runs").rename(tmp_path / "before")
    now, jumps = time.time, itertools.cycle([0, 90_000, -90_000, 4e9])
    monkeypatch.setattr(time, "time", lambda: now() + next(jumps))
    status, out, err = wayshot(*words)
    assert status == 0 and "pixel-cosine" in out, err
    (found,) = [path.read_bytes() for path in (tmp_path / "runs").rglob("trials.parquet")]
    assert found == whole
    assert wayshot("table", "runs")[0] == 0


def test_a_path_may_be_long_and_where_it_is_too_long_a_line_says_so(wayshot, protocol, tmp_path):
    words = run(protocol, "pixel-cosine")[:-1]
    deep = "/".join(["d" * 200] * 17)
    assert wayshot(*words, deep)[0] == 0
    assert wayshot("table", deep)[0] == 0
    for path in (f"{deep}/{'/'.join(['e' * 200] * 4)}", "f" * 300):
        for command in ((*words, path), ("table", path), ("describe", path)):
            status, _, err = wayshot(*command)
            assert status == 2 and one_line(err)


@pytest.mark.slow
def test_where_files_can_only_be_small_a_line_says_so_and_the_command_goes_on(
    wayshot, protocol, tmp_path
):
    words = run(protocol, "pixel-cosine")
    status, _, err = in_shell(tmp_path, "ulimit -f 1", *words)
    assert status == 2 and "Traceback" not in err
    assert "the same command goes on where it stopped" in err.splitlines()[-1]
    assert not list(tmp_path.rglob("record.json"))
    assert wayshot(*words)[0] == 0


@pytest.mark.slow
def test_without_a_standard_output_a_run_is_stored(protocol, tmp_path):
    status, _, err = in_shell(tmp_path, "exec >&-", *run(protocol, "pixel-cosine"))
    assert "Traceback" not in err and status in (0, 2)
    assert list(tmp_path.rglob("record.json"))
