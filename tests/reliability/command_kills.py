"""SIGKILL of commands other than a plain run: what the next call makes of what is left."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import psutil
import yaml
from bed import Bed
from injections import Row, half_written
from wayshot import results
from wayshot.results.store import latencies

Look = Callable[[Path], Any]
"""Gives what a command has left in a folder, in a form that can be compared."""


def _killed(bed: Bed, times: int, what: str, words: Callable[[Path], list[str]], look: Look) -> Row:
    """Kills a command at random moments, and calls it again until it ends."""
    sound = bed.fresh()
    bed.call(sound, words(sound)).join()
    shutil.rmtree(sound)
    sound.mkdir()
    (sound / "cache").mkdir()
    begun = time.monotonic()
    whole = bed.call(sound, words(sound))
    whole.join()
    assert whole.exitcode in (0, 1), (sound / "said").read_text()
    seconds, expected = time.monotonic() - begun, look(sound)
    done = caught = lost = 0
    while done < times:
        folder, here, children = bed.fresh(), 0, list[psutil.Process]()
        for _ in range(min(bed.rng.integers(1, 5), times - done)):
            process = bed.call(folder, words(folder))
            process.join(bed.rng.random() * seconds)
            if process.exitcode is not None:
                # The machine is faster now than when the sound command was timed.
                seconds *= 0.9
                break
            children += psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.join()
            here += 1
        last = bed.call(folder, words(folder))
        last.join()
        _, alive = psutil.wait_procs(children, timeout=10)
        same = last.exitcode == whole.exitcode and look(folder) == expected
        done += here
        caught += here if same and not alive else 0
        lost += not same
        shutil.rmtree(folder)
    return Row(f"SIGKILL of {what} at a random moment", done, caught, lost)


def until_kills(bed: Bed, times: int) -> Row:
    """A search for narrow intervals, of which no smaller run may stay."""

    def look(folder: Path) -> Any:
        assert not half_written(folder / "runs")
        assert not [*(folder / "runs/.partial").glob("*")]
        found = results.find([folder / "runs"])
        assert {run.record["stopping"]["look"] for run in found} == {3}
        return [(run.record["stopping"], run.record["trials_digest"]) for run in found]

    def words(folder: Path) -> list[str]:
        # More episodes seem to be enough at the first two looks, and no more at the third.
        rest = ["--until-halfwidth", "8.65", "--runs", f"{folder}/runs"]
        return ["run", bed.protocol, "-s", "broken_scorers:Pixels", "-s", "chance", *rest]

    return _killed(bed, times, "run --until-halfwidth", words, look)


def audit_kills(bed: Bed, times: int) -> Row:
    """An audit, which says the same afterwards."""

    def look(folder: Path) -> Any:
        shown = json.loads((folder / "said").read_text())
        return json.dumps(shown, sort_keys=True)

    return _killed(
        bed, times, "audit", lambda _: ["audit", "broken_scorers:Pixels", "--json"], look
    )


def latency_kills(bed: Bed, times: int) -> Row:
    """A measurement, whose child ends with it, and whose records can all be read."""

    def look(folder: Path) -> Any:
        paths = [path for path in folder.rglob("*.json") if "/cache/" not in str(path)]
        return {latencies.read(path)["scorer"]["digest"] for path in paths}

    def words(folder: Path) -> list[str]:
        named = ["-s", "broken_scorers:Pixels", "--seconds", "1", "--json"]
        return ["latency", *named, "--runs", f"{folder}/runs"]

    return _killed(bed, times, "latency", words, look)


def train_kills(bed: Bed, times: int) -> Row:
    """A training, which ends with the same weights."""
    fields = {
        "name": "few-steps",
        "network": {"backbone": "conv-4", "join": "product", "head": "weighted"},
        "data": f"{bed.protocol.removesuffix('-within-5w1s')}-all",
        "held_out": [],
        "classes": {"steps": 20, "batch": 16},
        "pairs": {"steps": 10, "batch": 8},
    }
    recipe = bed.root / "few-steps.yaml"
    recipe.write_text(yaml.safe_dump(fields))

    def words(folder: Path) -> list[str]:
        out = folder / "trained"
        goes_on = ["--resume"] if (out / "checkpoint.npz").exists() else []
        return ["train", str(recipe), "--out", str(out), *goes_on]

    def look(folder: Path) -> Any:
        weights: dict[str, bytes] = {}
        with (
            ZipFile(folder / "trained/few-steps.keras") as archive,
            archive.open("model.weights.h5") as file,
            h5py.File(file) as stored,
        ):
            stored.visititems(
                lambda name, one: (
                    weights.update({name: one[()].tobytes()})
                    if isinstance(one, h5py.Dataset)
                    else None
                )
            )
        return weights

    return _killed(bed, times, "train", words, look)
