"""Machines: a Dask scheduler and workers as real processes on this machine.

Each has a folder and a cache of its own, and no data.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

SCORERS = Path(__file__).parent / "clusters" / "example_models.py"


def port() -> int:
    """A port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Machines:
    """A scheduler and workers, which end with the block that uses them.

    Attributes:
        address: The scheduler's.
        workers: The processes of workers by name: of the nannies, where there are nannies.
    """

    def __init__(self, folder: Path, *options: str, scheme: str = "tcp") -> None:
        """Starts nothing yet.

        Args:
            folder: Gets a folder for each process, with what it says in `log`.
            *options: Of all Dask commands, as for TLS.
            scheme: tcp or tls.
        """
        self.folder, self._options, self._port = folder, options, port()
        self.address = f"{scheme}://127.0.0.1:{self._port}"
        self.scheduler: subprocess.Popen | None = None
        self.workers: dict[str, subprocess.Popen] = {}

    def _start(
        self, name: str, command: str, *words: str, memory: int | None = None
    ) -> subprocess.Popen:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        own = {"WAYSHOT_DATA": "", "WAYSHOT_CACHE": str(folder / "cache")}
        started = [sys.executable, "-m", f"distributed.cli.dask_{command}", *words, *self._options]
        if memory is not None:
            limit = f'ulimit -v {memory // 1024} && exec "$@"'
            started = ["bash", "-c", limit, "bash", *started]
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                started,
                cwd=folder,
                env={**os.environ, **own},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_scheduler(self) -> None:
        words = ("--host", self.address.rpartition(":")[0], "--port", str(self._port))
        self.scheduler = self._start("scheduler", "scheduler", *words, "--no-dashboard")

    def start_worker(self, name: str, *words: str, memory: int | None = None) -> None:
        """Starts a worker of one thread; its nanny starts another when it dies.

        Args:
            name: Its name.
            *words: Further options.
            memory: Bytes that each of its processes may have, or None.
        """
        words = (self.address, "--nthreads", "1", "--no-dashboard", "--name", name, *words)
        self.workers[name] = self._start(name, "worker", *words, memory=memory)

    def worker(self, name: str) -> psutil.Process | None:
        """The process that works, below its nanny; None while it is started."""
        nanny = psutil.Process(self.workers[name].pid)
        for child in nanny.children():
            if "spawn_main" in " ".join(child.cmdline()):
                return child
        return None

    def kill_worker(self, name: str) -> bool:
        """Kills the process that works; tells whether there was one."""
        worker = self.worker(name)
        if worker is not None:
            worker.kill()
        return worker is not None

    def end_scheduler(self) -> None:
        _end(self.scheduler)
        self.scheduler = None

    def end_worker(self, name: str) -> None:
        _end(self.workers.pop(name))

    def __enter__(self) -> Machines:
        return self

    def __exit__(self, *raised: Any) -> None:
        for process in (*self.workers.values(), self.scheduler):
            _end(process)


def _end(process: subprocess.Popen | None) -> None:
    """Kills a process with all that it has started."""
    if process is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def draw_desk(folder: Path, drawers: int = 4) -> Path:
    """Draws the folder of a user: characters, code of scorers, and a file of weights."""
    rng = np.random.default_rng(1)
    for alphabet in "ABCDE":
        for character in range(6):
            drawn = rng.random((15, 15)) < 0.3
            for drawer in range(drawers):
                path = folder / "characters" / alphabet / f"{character}" / f"{drawer}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                ink = np.kron(drawn ^ (rng.random((15, 15)) < 0.1), np.ones((7, 7)))
                Image.fromarray((255 * (1 - ink)).astype(np.uint8)).save(path)
    (folder / "mine.py").write_bytes(SCORERS.read_bytes())
    np.save(folder / "matrix.npy", rng.normal(size=(441, 16)).astype(np.float32))
    return folder


def start(folder: Path, *words: str, cache: str = "cache", **variables: str) -> subprocess.Popen:
    """Starts a command of wayshot in a user's folder."""
    environment = {**os.environ, "WAYSHOT_CACHE": str(folder / cache), **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "wayshot", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wayshot(folder: Path, *words: str, cache: str = "cache", **variables: str):
    """Runs a command of wayshot in a user's folder."""
    with start(folder, *words, cache=cache, **variables) as process:
        output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def stored(folder: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Records and trials of all runs in a folder, without what no two processes have in common."""
    found = {}
    for path in folder.rglob("record.json"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        record = json.loads(path.read_text())
        # When, how long, and whether images were asked again as no cache had them.
        for name in ("created", "timings", "audit"):
            record.pop(name, None)
        trials = (path.parent / "trials.parquet").read_bytes()
        found[path.parent.relative_to(folder).as_posix()] = record, trials
    return found
