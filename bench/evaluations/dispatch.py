"""Dispatch: the units of an evaluation are given to an executor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any

from ..scorers import blamed
from .settings import Settings
from .work import Bench, perform, unit
from .workers import Workers

POLL = 0.2
"""Seconds between two checks for an interrupt."""


class _Here(Executor):
    """Makes every call at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except (Exception, SystemExit) as error:
            future.set_exception(error)
        return future


class Dispatch:
    """Gives units to an executor, a limited number at a time.

    Without an executor, units are done in the thread that asks for them, so that its settings
    hold for the scorer: such as gradients and the default device of PyTorch.
    Only for a time limit it makes another thread while it is used as a context manager.

    Attributes:
        bench: The scorer and the episodes.
        settings: Settings of the evaluation.
        seconds: Duration of each stage.
    """

    def __init__(self, bench: Bench, settings: Settings) -> None:
        """Keeps scorer, episodes and settings.

        Args:
            bench: The scorer and the episodes.
            settings: Settings of the evaluation.
        """
        self.bench, self.settings = bench, settings
        self.seconds: dict[str, float] = {}
        self._stack = ExitStack()
        self._executor = settings.executor
        self._window = settings.window

    def __enter__(self) -> Dispatch:
        if self._executor is None and self.settings.limit is None:
            self._executor, self._window = _Here(), 1
        elif self._executor is None:
            self._executor = self._stack.enter_context(Workers(limit=self.settings.limit))
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage's seconds."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def check(self) -> None:
        """Checks whether the evaluation should end early.

        Raises:
            KeyboardInterrupt: It should.
        """
        if self.settings.interrupted():
            raise KeyboardInterrupt

    def units(
        self, method: str, calls: Iterable[tuple[Any, ...]]
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Does units in any order.

        Args:
            method: Name of the method of `Bench` that does a unit.
            calls: The arguments of each unit.

        Yields:
            The arguments and the result of each unit.

        Raises:
            ScorerError: An answer of the scorer is not valid.
            KeyboardInterrupt: The evaluation should end early; all units that
                were begun are finished and were given.
        """
        waiting = iter(calls)
        flying: dict[Future[Any], tuple[Any, ...]] = {}
        try:
            while True:
                if self.settings.interrupted():
                    for future in [future for future in flying if future.cancel()]:
                        del flying[future]
                else:
                    for call in islice(waiting, self._window - len(flying)):
                        flying[self._submit(method, call)] = call
                if not flying:
                    break
                done, _ = wait(flying, POLL, FIRST_COMPLETED)
                for future in done:
                    call = flying.pop(future)
                    with blamed(self.bench.traits.name):
                        result = future.result()
                    yield call, result
        finally:
            for future in flying:
                future.cancel()
        self.check()

    def _submit(self, method: str, call: tuple[Any, ...]) -> Future[Any]:
        assert self._executor is not None, "used outside of its context"
        with blamed(self.bench.traits.name):
            if self.settings.worker is None:
                return self._executor.submit(unit, self.bench, method, *call)
            return self._executor.submit(perform, self.settings.worker, method, *call)
