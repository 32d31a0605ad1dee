"""Processes that are started: what they import, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from wayshot.models.engines import exporting

TRAP = "raise SystemExit('imported from the current folder')"
NAMES = ("signal", "pickle", "multiprocessing", "wayshot", "numpy")
SCORER = """
import os, time
import numpy as np
class Pixels:
    def embed(self, images):
        assert "PYTHONSAFEPATH" not in os.environ
        return images[:, ::15, ::15].reshape(len(images), -1).astype(np.float32)
    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)
class Slow(Pixels):
    def __init__(self):
        if os.path.exists("go"):
            open("began", "w").write(str(os.getpid()))
            time.sleep(300)
"""
# As the installed command, which has not the current folder in its path.
COMMAND = [sys.executable, "-P", "-c", "from wayshot.bench.cli import main; main()"]


@pytest.mark.parametrize(
    "words",
    [
        ("run", "glyphs-within-5w1s", "--episodes", "5", "--jobs", "2", "--runs", "runs"),
        ("latency", "--queries", "5", "--seconds", "0.1", "--runs", "runs"),
    ],
    ids=["run", "latency"],
)
def test_children_import_nothing_from_the_current_folder_but_what_is_named(tmp_path, words):
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(TRAP)
    (tmp_path / "mine.py").write_text(SCORER)
    done = subprocess.run(
        [*COMMAND, *words, "-s", "mine:Pixels"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "mine:Pixels" in done.stdout, done.stderr


def test_a_measuring_child_ends_with_its_parent(tmp_path):
    (tmp_path / "mine.py").write_text(SCORER.replace('exists("go")', 'exists("mine.py")'))
    # The parent makes the scorer too, but has no parent of its own.
    text = (tmp_path / "mine.py").read_text()
    only = "        import multiprocessing\n        if multiprocessing.parent_process() and"
    (tmp_path / "mine.py").write_text(text.replace("        if", only))
    words = ["latency", "-s", "mine:Slow", "--queries", "5", "--seconds", "0.1", "--runs", "runs"]
    parent = subprocess.Popen([*COMMAND, *words], cwd=tmp_path, stderr=subprocess.DEVNULL)
    began, deadline = tmp_path / "began", time.monotonic() + 120
    while not (began.exists() and began.read_text()):
        assert parent.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    child = psutil.Process(int(began.read_text()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child.wait(60)


def test_an_exporting_child_ends_with_its_parent(tmp_path):
    follows = exporting._CHILD.partition("write(")[0]
    watching = "; ".join(
        [
            "import os, subprocess, sys",
            f"child = subprocess.Popen([sys.executable, '-P', '-c', {follows!r}"
            " + 'import time; print(1, flush=True); time.sleep(300)', str(os.getpid())])",
            "print(child.pid, flush=True)",
            "child.wait()",
        ]
    )
    parent = subprocess.Popen([sys.executable, "-c", watching], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = {parent.stdout.readline().strip() for _ in range(2)} - {"1"}
    child = psutil.Process(int(lines.pop()))
    parent.kill()
    parent.wait()
    child.wait(60)
    assert os.getpid() != child.pid
