"""A cluster of real processes, in folders and with caches of their own and without data."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed")

HERE = Path(__file__).parent
PROTOCOLS = ("glyphs-within-5w1s", "glyphs-between-5w1s-rot")


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Machines:
    """A scheduler and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen | None = None
        self.workers: list[subprocess.Popen] = []

    def _start(self, name: str, *words: str) -> subprocess.Popen:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        hidden = {"WAYSHOT_DATA": "", "WAYSHOT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": ""}
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **hidden},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_scheduler(self) -> None:
        self.scheduler = self._start(
            "scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(self.port),
            "--no-dashboard",
        )  # fmt: skip

    def start_worker(self, name: str) -> None:
        words = ("worker", self.address, "--nthreads", "1", "--no-dashboard", "--name", name)
        self.workers.append(self._start(name, *words))

    def kill_worker(self, number: int = 0) -> None:
        """Kills the process that works; its nanny starts another."""
        import psutil

        nanny = psutil.Process(self.workers[number].pid)
        for child in nanny.children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    found = Machines(tmp_path_factory.mktemp("machines"))
    found.start_scheduler()
    for name in ("one", "two"):
        found.start_worker(name)
    yield found
    found.end()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The folder of a user: a model, its weights, and the runs of one process."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(HERE / "example_models.py", folder / "mine.py")
    rng = np.random.default_rng(1)
    np.save(folder / "matrix.npy", rng.normal(size=(441, 16)).astype(np.float32))
    done = wayshot(folder, "run", *PROTOCOLS, *scorers(), "--episodes", "200", "--runs", "alone")
    assert done.returncode == 0, done.stderr
    return folder


def scorers():
    return ("-s", "pixel-cosine", "-s", "mine.py:Linear,weights=matrix.npy")


def wayshot(folder, *words, cache="cache", **options):
    command = [sys.executable, "-m", "wayshot", *words]
    environment = {**os.environ, "WAYSHOT_CACHE": str(folder / cache)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, **options
    )


def stored(folder):
    found = {}
    for path in folder.rglob("record.json"):
        record = json.loads(path.read_text())
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            # When, how long, and whether images were asked again as no cache had them.
            for name in ("created", "timings", "audit"):
                record.pop(name, None)
            trials = (path.parent / "trials.parquet").read_bytes()
            found[path.parent.relative_to(folder).as_posix()] = record, trials
    return found


def test_runs_are_the_same_bytes_as_those_of_one_process(machines, desk):
    done = wayshot(
        desk, "run", *PROTOCOLS, *scorers(), "--episodes", "200", "--runs", "there",
        "--cluster", machines.address, cache="empty",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(stored(desk / "there")) == 4
    assert stored(desk / "there") == stored(desk / "alone")


def test_a_sweep_does_what_is_missing_and_failures_are_rows(machines, desk):
    (desk / "sweep.yaml").write_text(
        "scorers:\n"
        "  - {scorer: 'mine.py:Linear', weights: matrix.npy}\n"
        "  - pixel-cosine\n"
        "  - chance\n"
        "  - pixel-euclidean\n"
        "  - {scorer: 'mine.py:Deadly'}\n"
        "protocols: [glyphs-within-5w1s, glyphs-between-5w1s-rot]\n"
        "episodes: 200\nruns: swept\n"
    )
    done = wayshot(desk, "sweep", "sweep.yaml", "--cluster", machines.address, "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert {row["scorer"] for row in told["errors"]} == {"mine.py:Deadly"}
    assert "SIGKILL" in told["errors"][0]["reason"]
    found, alone = stored(desk / "swept"), stored(desk / "alone")
    assert len(found) == 8
    assert {name: found[name] for name in alone} == alone
    again = wayshot(desk, "sweep", "sweep.yaml", "--cluster", machines.address)
    assert "8 of 8 runs were stored in swept already" in again.stderr


@pytest.mark.slow
def test_a_scorer_that_hangs_is_a_row(machines, desk):
    done = wayshot(
        desk, "run", PROTOCOLS[0], "-s", "mine.py:Slow", "-s", "chance", "--episodes", "50",
        "--runs", "hung", "--unit-seconds", "8", "--cluster", machines.address, "--json",
        "--send", "matrix.npy",
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert [row["scorer"] for row in told["errors"]] == ["mine.py:Slow"], done.stderr
    assert "no answer within 8 seconds" in told["errors"][0]["reason"]
    assert len(stored(desk / "hung")) == 1


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(machines, desk):
    command = [
        sys.executable, "-m", "wayshot", "run", *PROTOCOLS, *scorers(), "--episodes", "200",
        "--runs", "killed", "--cluster", machines.address,
    ]  # fmt: skip
    environment = {**os.environ, "WAYSHOT_CACHE": str(desk / "another")}
    with subprocess.Popen(
        command, cwd=desk, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        for number in (0, 1, 0):
            time.sleep(4)
            machines.kill_worker(number)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors.decode()
    assert stored(desk / "killed") == stored(desk / "alone")


def test_no_scheduler_is_said_in_a_line(desk):
    done = wayshot(desk, "run", PROTOCOLS[0], "-s", "chance", "--cluster", f"127.0.0.1:{port()}")
    assert done.returncode == 2
    assert "expected the address of a Dask scheduler" in done.stderr
    assert "Traceback" not in done.stderr
