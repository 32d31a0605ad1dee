"""What a scorer's own code leaves behind is put back."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from wayshot.bench.scorers.surroundings import abandon, is_interrupt, outside


def test_the_folder_is_put_back_also_after_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    with outside():
        os.chdir("inner")
    assert Path.cwd() == tmp_path
    with pytest.raises(ValueError, match="x"), outside():
        os.chdir("inner")
        raise ValueError("x")
    assert Path.cwd() == tmp_path


def test_a_folder_that_is_gone_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with outside():
        pass


def test_the_handling_of_errors_is_put_back():
    before = np.geterr()
    with outside():
        np.seterr(all="raise")
    assert np.geterr() == before


def test_the_standard_streams_are_put_back(capsys):
    before = sys.stdout, sys.stderr
    with outside():
        print("noise")
        sys.stdout.close()
        sys.stdout = sys.stderr = None
    assert (sys.stdout, sys.stderr) == before
    print("answer")
    assert capsys.readouterr() == ("answer\n", "noise\n")


def test_ending_the_process_is_an_exception_within_a_call_alone():
    ending = os._exit
    with pytest.raises(SystemExit, match=r"os\._exit\(3\)"), outside():
        os._exit(3)
    assert os._exit is ending
    with outside():
        child = os.fork()
        if not child:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_a_child_that_returns_from_the_call_ends():
    with outside():
        child = os.fork()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_calls_at_the_same_time_are_put_back_to_what_was_before_the_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    moved, left = threading.Event(), threading.Event()

    def other():
        with outside():
            os.chdir(tmp_path / "inner")
            moved.set()
            left.wait()

    thread = threading.Thread(target=other)
    thread.start()
    moved.wait()
    with outside():
        pass
    assert Path.cwd() == tmp_path
    left.set()
    thread.join()
    assert Path.cwd() == tmp_path


def test_of_a_call_that_never_returns_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("inner", "later"):
        (tmp_path / name).mkdir()
    ending, moved, left = os._exit, threading.Event(), threading.Event()

    def hangs():
        with outside():
            os.chdir(tmp_path / "inner")
            moved.set()
            left.wait()

    thread = threading.Thread(target=hangs)
    thread.start()
    moved.wait()
    abandon(thread)
    assert Path.cwd() == tmp_path and os._exit is ending
    os.chdir("later")
    with outside():
        pass
    left.set()
    thread.join()
    assert Path.cwd() == tmp_path / "later"


def test_a_thread_that_nobody_waits_for_makes_no_more_calls(monkeypatch):
    begun, left, said = threading.Event(), threading.Event(), []

    def goes_on():
        with outside():
            begun.set()
            left.wait()
        try:
            with outside():
                said.append("called")
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=goes_on)
    thread.start()
    begun.wait()
    abandon(thread)
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stderr", mine)
    left.set()
    thread.join()
    assert said == ["nobody waits for this call any more"]
    assert sys.stderr is mine


def test_ctrl_c_comes_in_the_main_thread_alone():
    assert is_interrupt(KeyboardInterrupt()) and not is_interrupt(SystemExit())
    found = []
    thread = threading.Thread(target=lambda: found.append(is_interrupt(KeyboardInterrupt())))
    thread.start()
    thread.join()
    assert found == [False]
