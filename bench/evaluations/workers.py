"""Workers: an executor that survives scorers that hang or kill their process."""

from __future__ import annotations

import math
import multiprocessing
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

from ..scorers import OverdueError, abandon, silent
from .children import follow_parent, safe_paths

TRIES = 3
"""Number of worker processes that may die in the same unit before it fails."""

GRACE = 5.0
"""Seconds in which an idle worker process must end."""

START = 300.0
"""Seconds in which a worker process must begin its first call."""

Answer = tuple[bool, Any]
"""Whether a call succeeded, and its result or exception."""


class DiedError(BrokenExecutor):
    """A worker process that ended in the middle of a unit."""


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Answer:
    try:
        return True, function(*arguments)
    except BaseException as error:
        return False, error


class _Worker(Protocol):
    """A thread or process that does a unit, while another thread waits for it."""

    def ask(self, function: Callable[..., Any], arguments: tuple, limit: float | None) -> Answer:
        """Calls a function; raises `OverdueError` or `DiedError`."""
        ...

    def end(self) -> None:
        """Ends an idle worker."""
        ...

    def kill(self) -> None:
        """Ends a worker at once."""
        ...


def _overdue(limit: float | None) -> OverdueError:
    return OverdueError(
        f"no answer within {limit:g} seconds; if it is only slow, raise --unit-seconds"
    )


class _Thread:
    """A thread of this process; if it hangs, it is abandoned, as threads cannot be ended."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

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
        abandon(self._thread)


class _Process:
    """A process, with a pipe of its own."""

    def __init__(self) -> None:
        # Forked copies of a process with TensorFlow's threads in it would hang.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,))
        with safe_paths():
            self._process.start()
        theirs.close()
        self._begun = False

    def ask(self, function: Callable[..., Any], arguments: tuple, limit: float | None) -> Answer:
        if self._begun:
            return self._ask((function, arguments), limit)
        # That Python starts and imports is not the time of a unit: it takes long on a busy machine.
        try:
            self._ask((_begin, (function,)), START)
        except OverdueError:
            raise DiedError(f"a worker process did not begin within {START:g} seconds") from None
        self._begun = True
        return self._ask((function, arguments), limit)

    def _ask(self, call: tuple[Callable[..., Any], tuple], limit: float | None) -> Answer:
        deadline = time.monotonic() + (math.inf if limit is None else limit)
        # Whoever stops in the middle of sending an answer would be waited for without end.
        end = threading.Timer(math.inf if limit is None else limit + GRACE, self._process.kill)
        end.daemon = True
        if limit is not None:
            end.start()
        try:
            self._pipe.send(call)
            # Checked, because children of a dead worker may keep the pipe open.
            while not self._pipe.poll(min(1.0, max(0.0, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise _overdue(limit)
                if not self._process.is_alive() and not self._pipe.poll():
                    raise EOFError
            return self._pipe.recv()
        except (EOFError, OSError):
            if time.monotonic() >= deadline:
                raise _overdue(limit) from None
            raise DiedError(f"a worker process died ({self._cause()})") from None
        finally:
            end.cancel()

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
    """Makes an exception that can be sent to another process, with its traceback as a note."""
    try:
        trace = "".join(traceback.format_exception(error))
    except BaseException:
        # A cause of someone else's may not know how to describe itself.
        trace = type(error).__name__
    module = type(error).__module__
    known = isinstance(error, OSError) and module == "builtins"
    if not known and not module.startswith("wayshot."):
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error


def _serve(pipe: Connection) -> None:
    """Answers calls until the pipe is closed; only the main process handles Ctrl-C."""
    silent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
    with suppress(EOFError, OSError):
        while True:
            succeeded, value = _answer(*pipe.recv())
            pipe.send((succeeded, value if succeeded else _portable(value)))


def _begin(function: Callable[..., Any]) -> None:
    """Does nothing: whoever is asked for it has imported what the function needs."""


def _ignore_interrupts() -> None:
    """Makes processes that this thread starts ignore Ctrl-C from their beginning."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class Workers(Executor):
    """Makes calls in other processes, or one after the other in a thread of this process.

    A process that dies is replaced, and its call is made again, up to `TRIES`
    times in all. If a call takes too long, its process is killed; a thread is
    abandoned and replaced.
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
            jobs: Number of calls at the same time.
            processes: Whether calls are made in other processes.
            limit: Seconds that a call may take, or None.
            warn: Is called with a line about a process that died.
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
        """Calls a function; see `Executor.submit`.

        Args:
            fn: The function.
            *args: Its arguments.
            **kwargs: Must be empty.
        """
        if kwargs:
            raise TypeError("calls have no keywords here")
        return self.submit_within(self._limit, fn, *args)

    def submit_within(
        self, limit: float | None, fn: Callable[..., Any], /, *args: Any
    ) -> Future[Any]:
        """Calls a function, with a limit of its own.

        Args:
            limit: Seconds that the call may take, or None.
            fn: The function.
            *args: Its arguments.
        """
        return self._threads.submit(self._do, fn, args, limit)

    def _do(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], limit: float | None
    ) -> Any:
        for left in reversed(range(TRIES)):
            worker = self._take()
            try:
                succeeded, value = worker.ask(function, arguments, limit)
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
        """Ends all workers at once."""
        with self._lock:
            self._killed = True
            workers = [*self._busy, *self._idle]
        for worker in workers:
            worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the workers; see `Executor.shutdown`.

        Args:
            wait: Whether to wait for running calls.
            cancel_futures: Whether to cancel calls that have not begun.
        """
        self._threads.shutdown(wait, cancel_futures=cancel_futures or self._killed)
        with self._lock:
            self._closed = True
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        # After an error, running calls are of no use.
        if kind is not None:
            self.kill()
        self.shutdown()
        return None
