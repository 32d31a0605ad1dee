"""Calls that worker processes of the tests are asked for."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import connection
from pathlib import Path

from wayshot.bench import ScorerError


def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def dies_until(marks: Path, times: int) -> int:
    """Ends its process so many times; each time leaves a mark."""
    done = len(list(marks.iterdir()))
    if done < times:
        (marks / str(done)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return done


def raises(kind: str) -> None:
    raise {"scorer": ScorerError("not\nthis"), "key": KeyError("x")}[kind]


def stalls():
    """Sends the beginning of an answer, and then nothing more."""

    def send(self, data, write=os.write):
        write(self._handle, bytes(data)[:1])
        time.sleep(3600)

    connection.Connection._send = send
    return 1
