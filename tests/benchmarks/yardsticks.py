"""What the machine can do, and how figures are told: the ground under make bench."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

HAS_OMNIGLOT = bool(os.environ.get("WAYSHOT_DATA"))
KIND = "lake" if HAS_OMNIGLOT else "glyphs"
"""Without Omniglot the built-in glyphs take the place of its evaluation set."""

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seconds_of(action: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def side_by_side(
    work: Callable[[], Any], yardstick: Callable[[], Any], rounds: int = 3
) -> tuple[float, float]:
    """The shortest time of each, in turns, so that both meet the same disturbances."""
    times = [(seconds_of(work), seconds_of(yardstick)) for _ in range(rounds)]
    return min(first for first, _ in times), min(second for _, second in times)


@lru_cache(maxsize=1)
def matrix_peak() -> float:
    """float32 operations per second of the best square product in NumPy, on all cores."""
    rates = []
    for side in (1024, 2048, 4096):
        rng = np.random.default_rng(0)
        first, second = rng.random((2, side, side), dtype=np.float32)
        _ = first @ second
        rates += [2 * side**3 / seconds_of(lambda a=first, b=second: a @ b) for _ in range(3)]
    return max(rates)


@lru_cache(maxsize=1)
def memory_rate() -> float:
    """Bytes per second read and written by copies far larger than the caches, on all cores."""
    source = np.ones((CORES, 2**26), dtype=np.float32)
    target = np.empty_like(source)
    with ThreadPoolExecutor(CORES) as pool:

        def copy() -> None:
            list(pool.map(np.copyto, target, source))

        copy()
        return 2 * source.nbytes / min(seconds_of(copy) for _ in range(3))


@dataclass(frozen=True)
class Figure:
    """A ratio of the work to its yardstick.

    Attributes:
        work: What was done.
        yardstick: What it is compared with.
        took: Seconds of the work.
        beside: Seconds of the yardstick, or what stands for them.
        ratio: The figure that has a goal.
        goal: As in `at most 1.25`; empty where there is none.
    """

    work: str
    yardstick: str
    took: float
    beside: float
    ratio: float
    goal: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without one."""
        if not self.goal:
            return None
        bound = float(self.goal.split()[-1])
        return self.ratio <= bound if self.goal.startswith("at most") else self.ratio >= bound

    def tell(self, benchmark: Any) -> None:
        """Stores the figure with the benchmark, and prints it."""
        benchmark.extra_info.setdefault("figures", []).append({**vars(self), "met": self.met})
        mark = {True: "met", False: "MISSED", None: ""}[self.met]
        print(f"\n{self.work}: {self.ratio:.3g} x {self.yardstick} ({self.goal} {mark})")
