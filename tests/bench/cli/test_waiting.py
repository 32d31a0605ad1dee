from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from wayshot.bench.cli import waiting
from wayshot.bench.cli.waiting import ended, progress, say, step

SLOW = """
import time
from wayshot.bench.cli.waiting import progress, say, step

with step("run (run 1 of 2)"):
    # An audit, for example, which counts nothing.
    time.sleep(1.6)
    advance = progress(2, "Episodes")
    time.sleep(2.4)
    advance(1)
    say("a warning")
    raise SystemExit
"""


def on_terminal(columns: int) -> str:
    """What a script shows on a terminal of a width, 0 for one that does not tell it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 * bool(columns), columns, 0, 0))
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            said += part
            if not part:
                break
        assert process.wait(60) == 0
    os.close(ours)
    return said.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
@pytest.mark.parametrize("columns", [0, 80])
def test_a_terminal_sees_that_something_goes_on_before_the_first_step_is_done(columns):
    said = on_terminal(columns)
    assert re.search(r"run \(run 1 of 2\):.*0/1 \[00:01<", said)
    assert re.search(r"Episodes:.*0/2 \[00:0[12]<", said)
    assert re.search(r"(^|\r)a warning\r\n", re.sub(r"\x1b\[[A-Z]", "", said), re.MULTILINE)
    # What is cut short is cleared, too.
    assert said.rpartition("\r")[2].strip(" \n\x1b[A") == ""


@pytest.fixture
def told_at_once(monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_LINE", 0.0)


def told(capsys, words):
    """Waits until a line with some words is on the standard error; gives all of it."""
    said = ""
    while words not in said:
        time.sleep(0.05)
        said += capsys.readouterr().err
    return said


def test_a_log_gets_a_line_while_something_goes_on_and_when_it_is_done(told_at_once, capsys):
    with step("glyphs-within-5w1s chance"):
        assert "glyphs-within-5w1s chance, 0 s so far\n" in told(capsys, "so far")
        advance = progress(1000, "Episodes")
        advance(10)
        assert "Episodes, 10 of 1,000, 0 s so far\n" in told(capsys, "Episodes")
        advance(990)
    said = capsys.readouterr().err
    assert "Episodes: took 0 s\n" in said and "glyphs-within-5w1s chance: took 0 s\n" in said


def test_what_is_quick_is_not_told(capsys):
    with step("quick"):
        progress(3, "Episodes")(3)
        progress(0, "nothing")
    assert capsys.readouterr().err == ""


def test_progress_that_an_error_cuts_short_is_ended(told_at_once, capsys):
    with pytest.raises(ZeroDivisionError), ended():
        progress(3, "outer")
        with step("inner"):
            progress(3, "Episodes")(1)
            raise ZeroDivisionError
    capsys.readouterr()
    time.sleep(0.5)
    assert capsys.readouterr().err == ""
    assert not [one for one in threading.enumerate() if one.name.endswith("(_watch)")]


def test_a_line_has_no_control_characters(capsys):
    say("a\x1b[2Jb")
    assert "\x1b" not in capsys.readouterr().err
