"""The table of docs/scale.md: make scale.

Times are those of whole commands, each beside the other in turns, with the processor's seconds of
all their processes, which depend less on what else runs.
"""

from __future__ import annotations

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

PROTOCOLS = "glyphs-{within-5w1s,within-20w1s,between-5w1s,between-20w1s,between-5w5s,between-20w5s}"
SCORERS = 20
ROUNDS = 1


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
                machines.start_worker(name)
            for name in names:
                while "Registered" not in (folder / name / "log").read_text():
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
    """What the scheduler and workers receive for a second sweep over the same data."""
    words = ("sweep", "sweep.yaml", "--runs")
    with study.cluster(1) as machines:
        received = []
        for runs in ("sent", "sent-again"):
            before = _received(machines)
            study.command(*words, runs, cache=study.fresh(), machines=machines)
            received.append(_received(machines) - before)
    return [
        (
            "bytes to a worker: with empty folders, and when it has the data",
            " and ".join(f"{count / 1e6:.2f} MB" for count in received),
            "when it has them, under 1 MB",
        )
    ]


def _received(machines: Machines) -> int:
    """Bytes that the worker's processes have read, of files and of connections."""
    total = 0
    for process in machines.workers.values():
        root = psutil.Process(process.pid)
        for one in (root, *root.children(recursive=True)):
            total += _network_bytes(one.pid)
    return total


def _network_bytes(pid: int) -> int:
    raise NotImplementedError(pid)


def memory(study: Study, few: int = 100_000, many: int = 1_000_000) -> list[Row]:
    """The client's memory at many episodes."""
    scorers = ("-s", "pixel-cosine", "-s", "chance", "-s", "s0=mine.py:Tower,weights=0.npz")
    peaks = []
    for episodes in (few, many):
        words = ("run", "glyphs-within-5w1s", *scorers, "--episodes", str(episodes), "--runs")
        with study.cluster(2) as machines:
            _, watch = study.command(*words, f"long{episodes}", cache=study.fresh(), machines=machines)
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
