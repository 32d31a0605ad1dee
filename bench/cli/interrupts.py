"""Ctrl-C while runs are made."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

FINISHING = "wayshot: finishing what has begun; Ctrl-C again stops at once"
STOPPED = "wayshot: stopped at once; the same command goes on with what is stored"


class Interrupts:
    """Ctrl-C: once to end early, twice to end at once."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        """Whether to end early; see `Settings.interrupted`."""
        return self._asked

    def __enter__(self) -> Interrupts:
        self._before = signal.getsignal(signal.SIGINT)
        # A process that is deaf to Ctrl-C, as in the background of a shell script, stays so.
        self._here = (
            self._before is signal.default_int_handler
            and threading.current_thread() is threading.main_thread()
        )
        if self._here:
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._here:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._say(STOPPED if self._asked else FINISHING)
        if self._asked:
            for worker in multiprocessing.active_children():
                worker.kill()
            os._exit(130)
        self._asked = True

    def _say(self, line: str) -> None:
        # Past Python's buffers, which may be in the middle of a line.
        with suppress(OSError):
            os.write(2, f"\n{line}\n".encode())
