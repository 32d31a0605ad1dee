"""Bed: where faults are put into runs, and what sound runs of it are."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from wayshot import tasks
from wayshot.bench import Evaluation, Settings, resolve
from wayshot.bench.cli import main
from wayshot.tasks.data import glyphs

HERE = Path(__file__).parent

EPISODES = 1500


def draw_characters(root: Path) -> Path:
    """A folder of 6 alphabets of 8 characters by 6 drawers."""
    bits, rows = glyphs.generate(seed=5, alphabets=6)
    images = tasks.Images(bits)
    for row, (alphabet, character, drawer) in enumerate(rows):
        if int(character[-2:]) <= 8 and int(drawer) <= 6:
            path = root / alphabet / character / f"{drawer}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((1 - images[[row]][0]) * np.uint8(255)).save(path)
    return root


class Bed:
    """Where faults are injected: data, and what sound runs of them are."""

    def __init__(self, root: Path, seed: int = 1) -> None:
        self.root = root
        self.rng = np.random.default_rng(seed)
        self.protocol = f"folder:{draw_characters(root / 'characters')}-within-5w1s"
        self._whole: dict[str, tuple[dict[str, bytes], float]] = {}
        self._folders = 0
        if str(HERE) not in sys.path:
            sys.path.insert(0, str(HERE))

    def fresh(self) -> Path:
        """A folder for runs and cache that was not used before."""
        self._folders += 1
        folder = self.root / f"bed{self._folders}"
        (folder / "cache").mkdir(parents=True)
        return folder

    def whole(self, scorer: str) -> tuple[dict[str, bytes], float]:
        """A sound run's trials, and how many seconds its process took."""
        if scorer not in self._whole:
            folder = self.fresh()
            # The first process waits for the others' ancestor to import everything.
            self.start(folder, "chance").join()
            begun = time.monotonic()
            process = self.start(folder, scorer)
            process.join()
            assert process.exitcode == 0, (folder / "said").read_text()
            self._whole[scorer] = trials(folder / "runs", scorer), time.monotonic() - begun
            assert len(self._whole[scorer][0]) == 1
        return self._whole[scorer]

    def hurry(self, scorer: str) -> None:
        """Takes a sound run for a tenth shorter, so that moments fall within it."""
        expected, seconds = self._whole[scorer]
        self._whole[scorer] = expected, 0.9 * seconds

    def start(self, folder: Path, scorer: str, limit: int | None = None):
        """`wayshot run` in a process of its own, which has imported everything already.

        Args:
            folder: Gets runs, cache and what is said.
            scorer: Name in broken_scorers, or chance.
            limit: Bytes that a file may have.
        """
        name = scorer if scorer == "chance" else f"broken_scorers:{scorer}"
        words = ["run", self.protocol, "-s", name, "--episodes", str(EPISODES)]
        words += ["--out", str(folder / "runs"), "--unit-seconds", "60"]
        return self.call(folder, words, limit)

    def call(self, folder: Path, words: list[str], limit: int | None = None):
        """A command in a process of its own, which has imported everything already.

        Args:
            folder: Gets cache and what is said.
            words: The words of the command.
            limit: Bytes that a file may have.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["wayshot.bench.cli.run", "bed", "scipy.stats"])
        process = context.Process(target=run, args=(folder, words, limit))
        process.start()
        return process

    def evaluation(self, folder: Path, scorer: str, **settings) -> Evaluation:
        """An evaluation in this process."""
        known = resolve(f"broken_scorers:{scorer}")
        source = tasks.open_protocol(tasks.parse(self.protocol))
        return Evaluation(
            *known,
            source,
            episodes=EPISODES,
            root=folder / "runs",
            settings=Settings(audit=False, **settings),
        )


def run(folder: Path, words: list[str], limit: int | None) -> None:
    """Runs the command; its output goes into the file `said`."""
    os.chdir(HERE)
    # A process that this one starts would import the program of the injections.
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.environ["WAYSHOT_CACHE"] = str(folder / "cache")
    # What a handler of signals says goes past Python's streams.
    os.dup2(os.open(folder / "heard", os.O_WRONLY | os.O_CREAT), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if words[0] == "train":
        from wayshot.models.training import training

        # So that a kill falls between two checkpoints.
        training.CHECKPOINT_SECONDS = 0
    said = io.StringIO()
    status = 0
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    except BaseException as error:
        said.write(f"{type(error).__name__}: {error}")
        status = 99
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (folder / "said").write_text(said.getvalue())
    os._exit(status)


def trials(runs: Path, scorer: str) -> dict[str, bytes]:
    """The bytes of a scorer's trials by their path."""
    return {
        str(path.relative_to(runs)): path.read_bytes()
        for path in runs.rglob("trials.parquet")
        if path.parent.name.startswith(f"broken_scorers_{scorer}-") and "/." not in str(path)
    }


@contextlib.contextmanager
def cached_in(folder: Path) -> Iterator[None]:
    """Lets evaluations in this process use a cache of their own."""
    before = os.environ.get("WAYSHOT_CACHE")
    os.environ["WAYSHOT_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ.pop("WAYSHOT_CACHE")
        if before is not None:
            os.environ["WAYSHOT_CACHE"] = before
