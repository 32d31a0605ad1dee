"""How an evaluation goes about its work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from ...tasks import Progress, quiet
from .worker_spec import WorkerSpec


@dataclass(frozen=True)
class Settings:
    """How an evaluation goes about its work; nothing here changes a trial.

    Attributes:
        executor: Where units are done; None for a thread of this process.
        window: How many units are given to the executor at a time: at least
            twice as many as it does at a time.
        worker: What workers of an executor of other processes need, or None.
        limit: Seconds that a unit may take, or None; an executor of one's own
            sees to that itself.
        audit: Whether a scorer that has not passed an audit before gets a short one.
        cache: Whether embeddings are kept on disk.
        scores: Whether all scores are stored beside the trials.
        progress: Shows the progress.
        warn: Is told, in one line, of what was mended on the way.
        interrupted: Is asked again and again whether to end early. Then the
            units in flight are finished and stored, and `KeyboardInterrupt`
            is raised.
    """

    executor: Executor | None = None
    window: int = 64
    worker: WorkerSpec | None = None
    limit: float | None = None
    audit: bool = True
    cache: bool = True
    scores: bool = False
    progress: Progress = quiet
    warn: Callable[[str], None] = lambda line: None
    interrupted: Callable[[], bool] = lambda: False
