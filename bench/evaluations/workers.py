"""Workers: an executor that outlives what scorers do to it."""

from __future__ import annotations

import math
import multiprocessing
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ..scorers import OverdueError

TRIES = 3
"""Worker processes that may die of one unit before it is given up."""

GRACE = 5.0
"""Seconds that an idle worker process has to leave by itself."""

Answer = tuple[bool, Any]
"""Whether a call succeeded, and what it gave or raised."""


class DiedError(BrokenExecutor):
    """A worker process that ended in the middle of a unit."""


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Answer:
    try:
        return True, function(*arguments)
    except BaseException as error:
        return False, error


class _Worker(Protocol):
    """Whoever does a unit, while a thread waits for it."""

    def ask(self, function: Callable[..., Any], arguments: tuple, limit: float | None) -> Answer:
        """Calls a function; raises `OverdueError` or `DiedError`."""
        ...

    def end(self) -> None:
        """Lets an idle worker go."""
        ...

    def kill(self) -> None:
        """Ends a worker whatever it does."""
        ...


def _overdue(limit: float | None) -> OverdueError:
    return OverdueError(
        f"no answer within {limit:g} seconds; if it is only slow, raise --unit-seconds"
    )


class _Thread:
    """A thread of this process; if it hangs it can only be left behind."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            self._answers.put(_answer(*call))

    def ask(self, function: Callable[..., Any], arguments: tuple, limit: float | None) -> Answer:
        self._calls.put((function, arguments))
        try:
            return self._answers.get(timeout=limit)
        except queue.Empty:
            raise _overdue(limit) from None

    def end(self) -> None:
        self._calls.put(None)

    def kill(self) -> None:
        self._calls.put(None)
        self._answers.put((False, DiedError("stopped")))


class _Process:
    """A process of its own, with a pipe that no other shares."""

    def __init__(self) -> None:
        # Forked copies of a process with TensorFlow's threads in it would hang.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,))
        self._process.start()
        theirs.close()

    def ask(self, function: Callable[..., Any], arguments: tuple, limit: float | None) -> Answer:
        deadline = time.monotonic() + (math.inf if limit is None else limit)
        try:
            self._pipe.send((function, arguments))
            # Children of a dead worker may keep the pipe open, so that its end is not seen there.
            while not self._pipe.poll(min(1.0, max(0.0, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise _overdue(limit)
                if not self._process.is_alive() and not self._pipe.poll():
                    raise EOFError
            return self._pipe.recv()
        except (EOFError, OSError):
            raise DiedError(f"a worker process died ({self._cause()})") from None

    def _cause(self) -> str:
        self._process.join(GRACE)
        code = self._process.exitcode
        if code is None:
            return "it closed its pipe"
        names = {one.value: one.name for one in signal.Signals}
        return f"exit status {code}" if code >= 0 else f"killed by {names.get(-code, -code)}"

    def end(self) -> None:
        self._pipe.close()
        self._process.join(GRACE)
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _portable(error: BaseException) -> BaseException:
    """An exception that can be made again in another process, with its traceback as a note."""
    trace = "".join(traceback.format_exception(error))
    module = type(error).__module__
    known = isinstance(error, OSError) and module == "builtins"
    if not known and not module.startswith("wayshot."):
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error


def _follow_parent() -> None:
    """Ends the process with its parent, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(pipe: Connection) -> None:
    """Answers calls until there are no more; Ctrl-C is for the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            succeeded, value = _answer(*pipe.recv())
            pipe.send((succeeded, value if succeeded else _portable(value)))


def _ignore_interrupts() -> None:
    """Keeps Ctrl-C from processes that this thread starts, before they can ignore it themselves."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class Workers(Executor):
    """Does calls in processes of its own, or one after the other in a thread of this one.

    A process that dies is replaced, and its call made again, `TRIES` times in
    all. A call that takes too long ends with its process; a thread of this
    process is left behind and replaced.
    """

    def __init__(
        self,
        jobs: int = 1,
        *,
        processes: bool = False,
        limit: float | None = None,
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Prepares workers; they start when they are needed.

        Args:
            jobs: Calls made at the same time.
            processes: Whether in processes of their own.
            limit: Seconds that a call may take, or None.
            warn: Is told, in one line, of processes that died.
        """
        self._kind: type[_Thread] | type[_Process] = _Process if processes else _Thread
        self._limit, self._warn = limit, warn
        self._threads = ThreadPoolExecutor(
            jobs, initializer=_ignore_interrupts if processes else None
        )
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._killed = self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls a function; see `Executor.submit`. Keywords are not taken."""
        if kwargs:
            raise TypeError("calls have no keywords here")
        return self._threads.submit(self._do, fn, args)

    def _do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        for left in reversed(range(TRIES)):
            worker = self._take()
            try:
                succeeded, value = worker.ask(function, arguments, self._limit)
            except DiedError as death:
                self._drop(worker)
                if self._killed:
                    raise
                if not left:
                    raise DiedError(
                        f"{death}, as the {TRIES - 1} before it that did the same unit; where "
                        "memory is short, fewer --jobs may help"
                    ) from None
                self._warn(f"{death}; its unit is done again")
                continue
            except BaseException:
                self._drop(worker)
                raise
            self._give(worker)
            if not succeeded:
                raise value
            return value
        raise AssertionError

    def _take(self) -> _Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or self._kind()
        with self._lock:
            self._busy.append(worker)
            killed = self._killed
        if killed:
            worker.kill()
        return worker

    def _give(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.remove(worker)
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.remove(worker)
        worker.kill()

    def kill(self) -> None:
        """Ends all workers, whatever they do."""
        with self._lock:
            self._killed = True
            workers = [*self._busy, *self._idle]
        for worker in workers:
            worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Lets the workers go; see `Executor.shutdown`."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures or self._killed)
        with self._lock:
            self._closed = True
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        # After an error nobody waits for what is in flight.
        if kind is not None:
            self.kill()
        self.shutdown()
        return None
