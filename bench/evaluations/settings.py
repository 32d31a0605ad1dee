"""Settings of an evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...tasks import Progress, quiet
from .worker_spec import WorkerSpec


def _log(line: str) -> None:
    logging.getLogger("wayshot").warning("%s", line)


@dataclass(frozen=True)
class Settings:
    """How an evaluation does its work; no setting changes a trial.

    Attributes:
        executor: Executor of the units; None for the thread of the caller, whose settings then
            hold for the scorer.
        window: Number of units that the executor has at a time; at least twice
            as many as it does at the same time.
        worker: Names from which workers in other processes make scorer and
            episodes; None if units are done in this process.
        share: Gives what units get in place of the path of a file that all of them read; the path
            itself where workers see the same disk.
        limit: Seconds that a unit may take, or None; not used with `executor`,
            which must limit the time itself. With a limit, units are done in a thread of their
            own, where settings of the caller's thread do not hold, such as
            `torch.set_grad_enabled(False)`: a scorer then has to set them in its methods.
        audit: Whether to make a short audit of a scorer that has not passed one
            before, and to ask about some images of the data again.
        cache: Whether to keep embeddings on disk.
        scores: Whether to store all scores beside the trials.
        progress: Shows the progress.
        warn: Is called with a line about a problem that does not end the evaluation, such as a
            failed audit or a damaged file; by default it goes to the logger `wayshot`, which
            prints it on stderr unless the caller's logging is set up otherwise.
        interrupted: Is called often and tells whether to end early. Then units
            that were begun are finished and stored, and `KeyboardInterrupt` is
            raised.
    """

    executor: Executor | None = None
    window: int = 64
    worker: WorkerSpec | None = None
    share: Callable[[Path], Any] = str
    limit: float | None = None
    audit: bool = True
    cache: bool = True
    scores: bool = False
    progress: Progress = quiet
    warn: Callable[[str], None] = _log
    interrupted: Callable[[], bool] = lambda: False
