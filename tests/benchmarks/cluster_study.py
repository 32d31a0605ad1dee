"""What clusters cost: make scale, or parts of it: cluster_study.py ratios bytes memory.

Times are those of whole commands, each beside the other in turns, with the processor's seconds of
all their processes, which depend less on what else runs.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import tabulate

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from cluster_models import draw_weights
from machines import Machines, start, stored

PROTOCOLS = "glyphs-{within,between}-{5w1s,20w1s,5w5s}"
SCORERS = int(os.environ.get("STUDY_SCORERS", "20"))
ROUNDS = int(os.environ.get("STUDY_ROUNDS", "3"))
EPISODES = int(os.environ.get("STUDY_EPISODES", "1000000"))
"""Scorers of the sweep, how often it is timed, and the episodes of the long run."""

COUNTED = """
import os, threading, time
from pathlib import Path
from tornado.iostream import IOStream

received = [0]

def counting(stream, buffer, read=IOStream.read_from_fd):
    count = read(stream, buffer)
    received[0] += count or 0
    return count

def tell():
    while True:
        Path(f"received-{os.getpid()}").write_text(str(received[0]))
        time.sleep(0.2)

# Dask loads this twice.
if IOStream.read_from_fd.__name__ != "counting":
    IOStream.read_from_fd = counting
    threading.Thread(target=tell, daemon=True).start()
"""
"""Makes a worker write how many bytes it has received."""


class Watch:
    """What some processes with their children have taken so far.

    Attributes:
        peak: Largest memory of the first process, in bytes.
    """

    def __init__(self, *pids: int) -> None:
        self._roots, self._seconds, self.peak = pids, dict[tuple[int, float], float](), 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.look()

    def look(self) -> float:
        """Looks; gives the processor's seconds of all processes so far."""
        for pid in self._roots:
            try:
                root = psutil.Process(pid)
                if pid == self._roots[0]:
                    self.peak = max(self.peak, root.memory_info().rss)
                for one in (root, *root.children(recursive=True)):
                    times = one.cpu_times()
                    self._seconds[one.pid, one.create_time()] = times.user + times.system
            except psutil.Error:
                continue
        return sum(self._seconds.values())

    def __enter__(self) -> Watch:
        self._before = self.look()
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()
        self.seconds = self.look() - self._before


class Study:
    """The folder of a user, and clusters that were not used before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.desk, self._count = folder, folder / "desk", 0
        self.desk.mkdir()
        code = Path(__file__).parent / "cluster_models.py"
        (self.desk / "mine.py").write_bytes(code.read_bytes())
        (folder / "counted.py").write_text(COUNTED)
        lines = ["scorers:"]
        for seed in range(SCORERS):
            draw_weights(str(self.desk / f"{seed}.npz"), seed)
            lines.append(f"  - {{scorer: 'mine.py:Tower', weights: {seed}.npz, label: s{seed}}}")
        lines += [f"protocols: ['{PROTOCOLS}']", "episodes: 1000"]
        (self.desk / "sweep.yaml").write_text("\n".join(lines) + "\n")
        # The glyphs are drawn once.
        self.command("run", "glyphs-within-5w1s", "-s", "chance", "--runs", "first", cache="images")

    @contextmanager
    def cluster(self, workers: int) -> Iterator[Machines]:
        """A cluster with empty folders, whose workers have started."""
        self._count += 1
        folder = self.folder / f"machines{self._count}"
        folder.mkdir()
        with Machines(folder) as machines:
            machines.start_scheduler()
            names = [f"worker{number}" for number in range(workers)]
            for name in names:
                machines.start_worker(name, "--preload", str(self.folder / "counted.py"))
            for name in names:
                while "Registered" not in (folder / name / "log").read_text():
                    assert machines.workers[name].poll() is None, folder
                    time.sleep(0.1)
            yield machines

    def fresh(self) -> str:
        """Name of a cache that holds the images and nothing else."""
        self._count += 1
        shutil.copytree(self.desk / "images", self.desk / f"cache{self._count}")
        return f"cache{self._count}"

    def command(
        self, *words: str, cache: str, machines: Machines | None = None
    ) -> tuple[float, Watch]:
        """Runs a command; gives its seconds, and what it has taken with the cluster."""
        words = (*words, *(("--cluster", machines.address) if machines else ()))
        started = time.perf_counter()
        with start(self.desk, *words, cache=cache) as process:
            servers = [*machines.workers.values(), machines.scheduler] if machines else []
            with Watch(process.pid, *(one.pid for one in servers if one)) as watch:
                _, said = process.communicate()
        assert process.returncode == 0, said
        return time.perf_counter() - started, watch

    def sweep(self, workers: int) -> tuple[float, float]:
        """Makes the sweep anew; gives seconds and processor's seconds."""
        words = ("sweep", "sweep.yaml", "--runs")
        if not workers:
            shutil.rmtree(self.desk / "alone", ignore_errors=True)
            seconds, watch = self.command(*words, "alone", cache=self.fresh())
            return seconds, watch.seconds
        shutil.rmtree(self.desk / "there", ignore_errors=True)
        with self.cluster(workers) as machines:
            cache = self.fresh()
            seconds, watch = self.command(*words, "there", cache=cache, machines=machines)
        return seconds, watch.seconds

    def same(self, runs: str, other: str) -> bool:
        """Whether the runs of two folders are the same bytes."""
        one, two = stored(self.desk / runs), stored(self.desk / other)
        return bool(one) and one == two


Row = tuple[str, str, str]


def ratios(study: Study) -> list[Row]:
    """Overhead with one worker, and two workers against one, in turns."""
    found: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}
    for _ in range(ROUNDS):
        for workers, times in found.items():
            times.append(study.sweep(workers))
            print(workers, "workers:", times[-1], file=sys.stderr, flush=True)
        assert study.same("alone", "there")
    alone, one, two = ((min(s for s, _ in t), min(c for _, c in t)) for t in found.values())
    what = f"{SCORERS} scorers x 6 protocols"
    return [
        (
            f"{what}: one worker against one process",
            f"{one[0]:.1f} s against {alone[0]:.1f} s, {one[0] / alone[0]:.2f} times "
            f"(processor {one[1]:.1f} s against {alone[1]:.1f} s)",
            "at most 1.15",
        ),
        (
            f"{what}: two workers against one",
            f"{two[0]:.1f} s against {one[0]:.1f} s, {one[0] / two[0]:.2f} times as fast",
            "at least 1.7",
        ),
    ]


def bytes_sent(study: Study) -> list[Row]:
    """What a worker receives for a sweep, and for another one over the same data and scorers."""
    words = ("run", "glyphs-within-5w1s", "glyphs-between-5w1s")
    for seed in range(4):
        words += ("-s", f"s{seed}=mine.py:Tower,weights={seed}.npz")
    counts = [0]
    with study.cluster(1) as machines:
        told = machines.folder / "worker0"
        for seed in ("1", "2"):
            more = ("--seed", seed, "--runs", f"sent{seed}")
            study.command(*words, *more, cache=study.fresh(), machines=machines)
            time.sleep(1)
            counts.append(sum(int(one.read_text()) for one in told.glob("received-*")))
    first, second = (after - before for before, after in itertools.pairwise(counts))
    return [
        (
            "bytes to a worker, 4 scorers x 2 protocols: with empty folders, and when it has all",
            f"{first / 1e6:.1f} MB and {second / 1e6:.2f} MB",
            "when it has all, under 1 MB",
        )
    ]


def memory(study: Study) -> list[Row]:
    """The client's memory at many episodes."""
    few, many = EPISODES // 10, EPISODES
    scorers = ("-s", "pixel-cosine", "-s", "chance", "-s", "s0=mine.py:Tower,weights=0.npz")
    peaks = []
    for episodes in (few, many):
        words = ("run", "glyphs-within-5w1s", *scorers, "--episodes", str(episodes), "--runs")
        with study.cluster(2) as machines:
            _, watch = study.command(
                *words, f"long{episodes}", cache=study.fresh(), machines=machines
            )
        peaks.append(watch.peak)
        print(episodes, "episodes:", watch.peak, file=sys.stderr, flush=True)
    study.command(*words, "long-alone", cache=study.fresh())
    assert study.same(f"long{many}", "long-alone")
    return [
        (
            f"largest memory of the client, 3 scorers, {few:,} and {many:,} episodes",
            " and ".join(f"{peak / 2**20:.0f} MiB" for peak in peaks),
            "under 1,024 MiB",
        )
    ]


PARTS: dict[str, Callable[[Study], list[Row]]] = {
    "ratios": ratios,
    "bytes": bytes_sent,
    "memory": memory,
}


def main(*parts: str) -> None:
    """Prints the table as Markdown; of some parts, if they are named."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder))
        rows = [row for part in parts or PARTS for row in PARTS[part](study)]
    print(tabulate.tabulate(rows, ("what", "measured", "goal"), tablefmt="github"))


if __name__ == "__main__":
    main(*sys.argv[1:])
