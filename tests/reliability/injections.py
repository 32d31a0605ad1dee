"""Faults put into runs: each function says what it did, how often, and what came of it.

A run that is the same, byte for byte, as one that nothing has happened to has lost nothing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bed import Bed, cached_in, trials
from wayshot import results
from wayshot.bench import ScorerError
from wayshot.bench.evaluations.evaluation import EPISODE_UNIT
from wayshot.bench.evaluations.worker_spec import WorkerSpec
from wayshot.bench.evaluations.workers import Workers

SOUND = ("Pixels", "Pairs", "Classifier")
BROKEN = ("Raises", "Leaves", "Shape", "Width", "Type", "Nothing", "Nan", "Infinite", "Hangs")


@dataclass(frozen=True)
class Row:
    """What an injection came to.

    Attributes:
        what: What was injected.
        times: How often.
        caught: How often it was noticed and mended, or gone on from.
        lost: How many results were lost, or were others than without it.
    """

    what: str
    times: int
    caught: int
    lost: int


def half_written(runs: Path) -> int:
    """How many runs are found in a folder that are not whole."""
    try:
        found = results.find([runs])
    except results.ResultError as error:
        return 0 if "no such folder" in str(error) or "no stored runs" in str(error) else 1
    bad = 0
    for one in found:
        try:
            one.verify()
        except results.ResultError:
            bad += 1
    return bad


def left_over(runs: Path) -> list[Path]:
    """What should have been cleared away when a run was stored."""
    return [
        path
        for path in runs.rglob("*")
        if path.name.startswith(".new-") or (path.parent.name == ".partial")
    ]


def kills(bed: Bed, times: int) -> Row:
    """SIGKILL at random moments, several times to each run, which then goes on to its end."""
    done = caught = lost = 0
    while done < times:
        scorer = SOUND[bed.rng.integers(len(SOUND))]
        expected, seconds = bed.whole(scorer)
        folder, here = bed.fresh(), 0
        for _ in range(min(bed.rng.integers(1, 6), times - done)):
            process = bed.start(folder, scorer)
            process.join(bed.rng.random() * seconds)
            finished = process.exitcode is not None
            process.kill()
            process.join()
            lost += half_written(folder / "runs")
            if finished:
                # The machine is faster now than when the sound run was timed.
                bed.hurry(scorer)
                break
            here += 1
        last = bed.start(folder, scorer)
        last.join()
        same = trials(folder / "runs", scorer) == expected and last.exitcode == 0
        done += here
        caught += here if same and not left_over(folder / "runs") else 0
        lost += not same
        shutil.rmtree(folder)
    return Row("SIGKILL of a run at a random moment", done, caught, lost)


def worker_kills(bed: Bed, times: int) -> Row:
    """SIGKILL of one of two worker processes while it is busy."""
    done = caught = lost = 0
    while done < times:
        expected, _ = bed.whole("Classifier")
        folder, here, said = bed.fresh(), 0, list[str]()
        with cached_in(folder), Workers(2, processes=True, warn=said.append) as workers:
            worker = WorkerSpec(bed.protocol, 1, None, "broken_scorers:Classifier")
            evaluation = bed.evaluation(folder, "Classifier", executor=workers, worker=worker)
            running = threading.Thread(target=evaluation.run)
            running.start()
            begun = time.monotonic()
            while running.is_alive() and done + here < times and time.monotonic() < begun + 60:
                time.sleep(3 + 4 * bed.rng.random())
                children = multiprocessing.active_children()
                if children and running.is_alive():
                    children[bed.rng.integers(len(children))].kill()
                    here += 1
            running.join()
        same = trials(folder / "runs", "Classifier") == expected
        # One that has nothing left to do is missed by nobody.
        assert all("done again" in line for line in said) and len(said) <= here
        done += here
        caught += here if same else 0
        lost += not same
        shutil.rmtree(folder)
    return Row("SIGKILL of a worker process", done, caught, lost)


def _flip(rng: np.random.Generator, files: Sequence[Path]) -> None:
    path = files[rng.integers(len(files))]
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _age(path: Path) -> tuple[int, int]:
    """Others where the file is another one, if only of the same bytes."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _stop_early(bed: Bed, folder: Path) -> None:
    """Ends a run of many units when some of them are done."""
    asked = iter(range(10**9))
    evaluation = bed.evaluation(folder, "Classifier", interrupted=lambda: next(asked) > 40)
    with contextlib.suppress(KeyboardInterrupt):
        evaluation.run()


def flips(bed: Bed, times: int, kinds: Sequence[str] = ("cache", "partial", "data", "trials")):
    """One bit turned round in a file: of the cache, a partial unit, packed data, or trials."""
    caught = lost = 0
    pixels = bed.whole("Pixels")[0]
    units = bed.whole("Classifier")[0]
    for number in range(times):
        kind, folder, said = kinds[number % len(kinds)], bed.fresh(), list[str]()
        with cached_in(folder):
            if kind == "partial":
                _stop_early(bed, folder)
                files = [*(folder / "runs/.partial").rglob("*.npz")]
                _flip(bed.rng, files)
                ticks: list[int] = []
                bed.evaluation(folder, "Classifier", progress=lambda *_, to=ticks: to.append).run()
                # The first tick says how much was there: one unit less than had been stored.
                caught += ticks[0] == EPISODE_UNIT * (len(files) - 1)
                lost += trials(folder / "runs", "Classifier") != units
            else:
                bed.evaluation(folder, "Pixels").run()
                where, name = {
                    "cache": ("cache/embeddings", "*.npz"),
                    "data": ("cache/datasets", "*.*"),
                    "trials": ("runs", "trials.parquet"),
                }[kind]
                files = [path for path in (folder / where).rglob(name) if path.is_file()]
                before = [_age(path) for path in files]
                _flip(bed.rng, files)
                if kind != "trials":
                    shutil.rmtree(folder / "runs")
                again = bed.evaluation(folder, "Pixels", warn=said.append)
                noticed = again.stored() is None
                again.run()
                caught += noticed and before != [_age(path) for path in files]
                lost += trials(folder / "runs", "Pixels") != pixels
        shutil.rmtree(folder)
    return Row(f"A bit flipped in a file: {', '.join(kinds)}", times, caught, lost)


def full_disks(bed: Bed, times: int) -> Row:
    """No file can be larger than a random number of bytes, as on a disk that is full."""
    caught = lost = 0
    for _ in range(times):
        scorer = SOUND[bed.rng.integers(len(SOUND))]
        expected, _ = bed.whole(scorer)
        folder = bed.fresh()
        # So that the data are packed already.
        bed.start(folder, "chance").join()
        process = bed.start(folder, scorer, limit=int(10 ** (2 + 5.5 * bed.rng.random())))
        process.join()
        said = (folder / "said").read_text()
        told = process.exitcode == 2 and said.count("\n") <= 2 and "mended" in said
        went_on = process.exitcode == 0 and trials(folder / "runs", scorer) == expected
        bad = half_written(folder / "runs")
        bed.start(folder, scorer).join()
        same = trials(folder / "runs", scorer) == expected
        caught += (told or went_on) and not bad
        lost += bad + (not same)
        shutil.rmtree(folder)
    return Row("A disk that is full", times, caught, lost)


def vanished_folders(bed: Bed, times: int) -> Row:
    """The folder of finished units removed at a random moment."""
    caught = lost = 0
    for _ in range(times):
        scorer = SOUND[1 + bed.rng.integers(2)]
        expected, seconds = bed.whole(scorer)
        folder = bed.fresh()
        process = bed.start(folder, scorer)
        process.join(bed.rng.random() * seconds)
        shutil.rmtree(folder / "runs/.partial", ignore_errors=True)
        process.join()
        said = (folder / "said").read_text()
        told = process.exitcode == 2 and said.count("\n") == 1 and "mended" in said
        bad = half_written(folder / "runs")
        bed.start(folder, scorer).join()
        caught += (told or process.exitcode == 0) and not bad
        lost += bad + (trials(folder / "runs", scorer) != expected)
        shutil.rmtree(folder)
    return Row("The folder of finished units removed", times, caught, lost)


def interrupts(bed: Bed, times: int) -> Row:
    """SIGINT at a random moment of a run, which ends by itself and then goes on."""
    caught = lost = 0
    for _ in range(times):
        expected, seconds = bed.whole("Classifier")
        folder = bed.fresh()
        process = bed.start(folder, "Classifier")
        process.join((0.3 + 0.5 * bed.rng.random()) * seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGINT)
        process.join()
        bad = half_written(folder / "runs")
        ended = process.exitcode == 130 and "same command goes on" in (folder / "said").read_text()
        caught += ended or process.exitcode == 0
        bed.start(folder, "Classifier").join()
        lost += bad + (trials(folder / "runs", "Classifier") != expected)
        shutil.rmtree(folder)
    return Row("SIGINT at a random moment", times, caught, lost)


def crowds(bed: Bed, times: int) -> Row:
    """Three processes that do the same run in the same folder at once."""
    caught = lost = 0
    for _ in range(times):
        scorer = SOUND[bed.rng.integers(len(SOUND))]
        expected, _ = bed.whole(scorer)
        folder = bed.fresh()
        processes = [bed.start(folder, scorer) for _ in range(3)]
        for process in processes:
            process.join()
        codes = [process.exitcode for process in processes]
        same = trials(folder / "runs", scorer) == expected
        caught += codes == [0, 0, 0] and not left_over(folder / "runs")
        lost += not same
        shutil.rmtree(folder)
    return Row("Three processes with the same run at once", times, caught, lost)


def broken_scorers(bed: Bed, times: int) -> Row:
    """Scorers that raise, leave, hang, or answer with something else after the first batch."""
    caught = lost = 0
    for number in range(times):
        folder = bed.fresh()
        with cached_in(folder):
            try:
                bed.evaluation(folder, BROKEN[number % len(BROKEN)], limit=2.0).run()
            except ScorerError as error:
                caught += len(str(error).splitlines()) <= 2
            lost += bool(list((folder / "runs").rglob("record.json")))
        shutil.rmtree(folder)
    return Row("A scorer that fails", times, caught, lost)
