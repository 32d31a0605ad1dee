"""What a model prints is kept apart from the answer of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from wayshot.bench.evaluations import Workers
from wayshot.bench.scorers.output import answers, aside

LOUD = """
import atexit, os, subprocess, sys, threading
import numpy as np

print("noise of the module")
atexit.register(print, "noise at the end")


def everywhere():
    print("noise")
    os.write(1, b"noise of a library\\n")
    subprocess.run([sys.executable, "-c", "print('noise of a process')"], check=True)
    thread = threading.Thread(target=print, args=("noise of a thread",))
    thread.start()
    thread.join()


class Net:
    def __init__(self):
        everywhere()

    @property
    def pooling(self):
        print("noise of an attribute")
        return "mean"

    def embed(self, images):
        os.write(1, b"noise of a library\\n")
        print("noise")
        return images[:, ::15, ::15].reshape(len(images), -1).astype(np.float32)

    def compare(self, query, support):
        print("noise", flush=True)
        return query @ np.swapaxes(support, -1, -2)
"""


@pytest.mark.parametrize(
    "words",
    [
        ("run", "glyphs-within-5w1s", "--episodes", "2", "-s", "loud:Net"),
        ("run", "glyphs-within-5w1s", "--episodes", "2", "-s", "loud:Net", "--jobs", "2"),
        ("latency", "-s", "loud:Net", "--queries", "2", "--seconds", "0.01"),
        ("audit", "loud:Net"),
        ("describe", "loud:Net"),
    ],
    ids=["run", "jobs", "latency", "audit", "describe"],
)
def test_json_stays_json_whatever_a_model_prints(tmp_path, words):
    (tmp_path / "loud.py").write_text(LOUD)
    done = subprocess.run(
        [sys.executable, "-m", "wayshot", *words, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout), done.stderr
    for what in ("the module", "a library", "a process", "a thread", "an attribute"):
        assert f"noise of {what}\n" in done.stderr
    assert "noise at the end" in done.stderr


def test_other_threads_are_aside_while_a_command_answers(capsys):
    with answers():
        threading.Thread(target=print, args=("noise",)).start()
        print("answer")
        with aside():
            print("more noise")
        print("the rest")
    print("after")
    printed = capsys.readouterr()
    assert printed.out == "answer\nthe rest\nafter\n"
    assert sorted(printed.err.splitlines()) == ["more noise", "noise"]


def test_worker_processes_print_nothing_on_the_standard_output(capfd):
    with Workers(processes=True) as workers:
        workers.submit(print, "noise").result()
        workers.submit(os.system, "echo noise of a process").result()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == ["noise", "noise of a process"]


def test_a_closed_standard_output_is_no_traceback(tmp_path):
    words = ["run", "glyphs-within-5w1s", "-s", "chance", "--episodes", "5", "--runs", "runs"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "wayshot", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert list((tmp_path / "runs").rglob("record.json"))
