"""What a model prints is kept apart from the answer of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from wayshot.bench.evaluations import Workers
from wayshot.bench.scorers.output import answers, aside, held_back

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


def test_what_is_held_back_is_printed_after_a_success_alone(capfd):
    with held_back():
        os.write(2, b"kept")
    assert capfd.readouterr().err == "kept"
    with pytest.raises(ValueError), held_back():
        os.write(2, b"dropped")
        raise ValueError
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


NOISY = """
import sys
import keras

def network():
    print("theirs", file=sys.stderr)
    keras.ops.zeros(1)
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
"""


def test_a_module_that_imports_keras_prints_no_notices_of_tensorflow(tmp_path):
    (tmp_path / "noisy.py").write_text(NOISY)
    code = "from wayshot.bench.scorers import resolve; print(resolve('noisy.py:network')[1].level)"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "theirs\n")
