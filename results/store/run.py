"""A run: one scorer on one protocol, stored in its own folder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..text import percent
from . import record as records
from . import scores as scores_file
from . import trials as trials_file
from .record import SCHEMA_VERSION

_FILES = ("record.json", "trials.parquet", f"{scores_file.NAME}.parquet")
"""The files of a run."""

SMALL = 2**14
"""The largest number of trials that a run keeps in memory: half a megabyte."""

OUTCOME = [
    *("query", "episode", "target", "predicted", "credit", "rank"),
    *("alphabet", "character", "drawer"),
]
"""The columns of trials that intervals and comparisons need."""


@dataclass(frozen=True)
class Run:
    """A stored run.

    Attributes:
        folder: The folder of `record.json` and `trials.parquet`.
        record: The record: schema version, protocol, data set, scorer, seed,
            number and digest of episodes, environment, timings.
    """

    folder: Path
    record: dict[str, Any]

    def __str__(self) -> str:
        accuracy = percent(float(self.outcome()["credit"].mean()))
        return (
            f"{self.scorer} on {self.protocol}: accuracy {accuracy} % in {self.record['n']:,} "
            f"trials; stored in {self.folder}"
        )

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return str(self.record["protocol"]["name"])

    @property
    def is_official(self) -> bool:
        """Whether it is of the 20 official runs of Lake et al. (2015)."""
        return records.is_official(self.record["protocol"])

    @property
    def uses_images_once(self) -> bool:
        """Whether no image is in two episodes, as of `-once` protocols."""
        return self.record["protocol"].get("fields", {}).get("reuse") == "once"

    @property
    def scorer(self) -> str:
        """Name of the scorer."""
        return str(self.record["scorer"]["name"])

    @cached_property
    def trials(self) -> pd.DataFrame:
        """All trials, with the columns of `trials.SCHEMA`."""
        return self._read(None)

    def outcome(self) -> pd.DataFrame:
        """Reads the columns that intervals and comparisons need; this is faster than `trials`."""
        if "trials" in vars(self):
            return self.trials[OUTCOME]
        return self._outcome if self.record["n"] <= SMALL else self._read(OUTCOME)

    @cached_property
    def _outcome(self) -> pd.DataFrame:
        return self._read(OUTCOME)

    def keeps(self, trials: pd.DataFrame) -> bool:
        """Tells whether these are the trials from `outcome` that stay in memory."""
        return trials is vars(self).get("_outcome")

    @cached_property
    def derived(self) -> dict[str, Any]:
        """Results of statistics on the trials that stay in memory, by name."""
        return {}

    @cached_property
    def scores(self) -> np.ndarray | None:
        """Scores, float ndarray (n, ways), in the order of the trials; None if not stored."""
        if "scores_digest" not in self.record:
            return None
        self._check(scores_file.NAME)
        path = self.folder / f"{scores_file.NAME}.parquet"
        scores = scores_file.read(path, self.record["n"])
        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise ResultError(
                f"{path}: a score is NaN or infinite; remove the folder and run it again"
            )
        return scores

    def verify(self) -> None:
        """Checks that trials, and scores if there are any, have the digests in the record.

        Raises:
            ResultError: A file is missing or has another digest.
        """
        self._check("trials")
        if "scores_digest" in self.record:
            self._check(scores_file.NAME)

    def _check(self, what: str) -> None:
        path = self.folder / f"{what}.parquet"
        # A pipe or a device may be endless, and a link may lead anywhere.
        if path.exists() and (path.is_symlink() or not path.is_file()):
            raise ResultError(
                f"{path}: not a regular file but a link or a device; put the file itself there"
            )
        try:
            sound = trials_file.digest(path) == self.record[f"{what}_digest"]
        except OSError as error:
            raise ResultError(f"{path}: cannot be read ({error}); run it again") from None
        if not sound:
            raise ResultError(f"{path}: not the {what} of the record beside it; run it again")

    def _read(self, columns: list[str] | None) -> pd.DataFrame:
        self._check("trials")
        path = self.folder / "trials.parquet"
        trials = trials_file.read(path, columns)
        if len(trials) != self.record["n"]:
            raise ResultError(
                f"{path}: {len(trials):,} trials, the record says {self.record['n']:,}; "
                "run it again"
            )
        return trials


def key(protocol: str, dataset: str, seed: int, episodes: int, scorer: str) -> str:
    """Computes the key of a run from everything that its trials depend on.

    Args:
        protocol: Digest of the protocol.
        dataset: Digest of the data set.
        seed: Seed of the episodes.
        episodes: Number of episodes.
        scorer: Digest of the scorer.

    Returns:
        SHA-256 in hexadecimal.
    """
    parts = f"{SCHEMA_VERSION} {protocol} {dataset} {seed} {episodes} {scorer}"
    return hashlib.sha256(parts.encode()).hexdigest()


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[-60:].strip("._") or "unnamed"


def place(root: Path, protocol: str, scorer: str, key: str) -> Path:
    """Gives the folder of a run.

    If the run is stored already under another name of the protocol, as that of the same
    images in another folder, it is the folder where it is.

    Args:
        root: Folder of all runs.
        protocol: Name of the protocol.
        scorer: Name of the scorer.
        key: The key of the run, from `key`.
    """
    own = root / _safe(protocol) / f"{_safe(scorer)}-{key[:12]}"
    others = () if own.exists() else sorted(root.glob(f"[!.]*/{own.name}"))
    return others[0] if others else own


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Gives a new folder that takes the place of a run if no exception is raised."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".new-{folder.name}-", dir=folder.parent))
    fresh_run = fresh / "run"
    try:
        fresh_run.mkdir()
        yield fresh_run
        if folder.is_dir():
            _fill(folder, fresh_run)
        else:
            fresh_run.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write(folder: Path, record: dict[str, Any], chunks: Iterable[trials_file.Columns]) -> Run:
    """Stores a run completely, or not at all.

    Args:
        folder: The folder, from `place`; a run that is there is replaced.
        record: The record without schema version, n and digests of files.
        chunks: The trials, as for `trials.write`, optionally with their
            scores, as for `scores.storing`.
    """
    with _replaced(folder) as fresh:
        scores = fresh / f"{scores_file.NAME}.parquet"
        count = trials_file.write(fresh / "trials.parquet", scores_file.storing(scores, chunks))
        digest = trials_file.digest(fresh / "trials.parquet")
        record = {
            "schema_version": SCHEMA_VERSION,
            **record,
            "n": count,
            "trials_digest": digest,
        }
        if scores.exists():
            record["scores_digest"] = trials_file.digest(scores)
        (fresh / "record.json").write_text(_text(record), encoding="utf-8")
    return Run(folder, record)


def adopt(folder: Path, files: Mapping[str, bytes | Path]) -> Run:
    """Stores a run that was made elsewhere, completely or not at all.

    Args:
        folder: The folder, from `place`; a run that is there is replaced.
        files: The bytes of its files, or files to copy, by name.

    Raises:
        ResultError: They are not the files of an undamaged run.
    """
    strange = sorted({*files} - {*_FILES})
    if strange:
        raise ResultError(f"{folder}: {strange[0]} is no file of a run")
    with _replaced(folder) as fresh:
        for name, data in files.items():
            if isinstance(data, Path):
                shutil.copyfile(data, fresh / name)
            else:
                (fresh / name).write_bytes(data)
        read(fresh).verify()
    return read(folder)


def _fill(folder: Path, fresh: Path) -> None:
    """Puts the files of a run into the folder of an earlier one, beside what the user has there.

    Whoever is killed on the way leaves the earlier run, or one that is seen to be damaged: the
    record, which says what the others are, comes last.
    """
    for name in reversed(_FILES):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        if (fresh / name).exists():
            (fresh / name).rename(path)
    if not records.read(folder / "record.json").get("scores_digest"):
        (folder / f"{scores_file.NAME}.parquet").unlink(missing_ok=True)
    for left in folder.glob(".record-*"):
        shutil.rmtree(left, ignore_errors=True)


def annotate(run: Run, **fields: Any) -> Run:
    """Adds fields to the record of a stored run, or changes them.

    Args:
        run: The run.
        **fields: The fields, with values in JSON's types.
    """
    if all(run.record.get(name) == value for name, value in fields.items()):
        return run
    record = {**run.record, **fields}
    text = _text(record)
    # A name of its own, as others may annotate the run meanwhile.
    with tempfile.TemporaryDirectory(prefix=".record-", dir=run.folder) as fresh:
        path = Path(fresh, "record.json")
        path.write_text(text, encoding="utf-8")
        path.replace(run.folder / "record.json")
    return Run(run.folder, record)


def _text(record: dict[str, Any]) -> str:
    """Gives the text of a record; raises ResultError if it could not be read again."""
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        records.decode(text.encode())
    except (ResultError, UnicodeEncodeError) as error:
        problem = str(error).removesuffix(f"; {records.REMEDY}")
        raise ResultError(f"a record that cannot be read again is not stored: {problem}") from None
    return text


def read(folder: Path) -> Run:
    """Reads the record of a stored run.

    Raises:
        ResultError: The record is missing, damaged, or has another schema
            version.
    """
    return Run(folder, records.read(folder / "record.json"))


def find(folders: Iterable[str | Path]) -> list[Run]:
    """Finds all stored runs below some folders, in the order of their paths.

    A damaged run among others is left out, and a warning is logged.

    Args:
        folders: The folders; what lies in hidden folders below them is not looked at.

    Raises:
        ResultError: A folder is missing or cannot be listed, no folder holds a run, or all
            runs are damaged.
    """
    folders = list(folders)
    found: dict[Path, Run] = {}
    damaged: list[ResultError] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ResultError(f"{folder}: no such folder; store runs with: wayshot run")
        for path in _records(folder):
            try:
                run = read(path.parent)
                # Those of a small run stay in memory; a large one is read when it is used.
                run.outcome() if run.record["n"] <= SMALL else run._check("trials")
            except ResultError as error:
                damaged.append(error)
            else:
                found.setdefault(path.resolve(), run)
    if damaged and not found:
        raise damaged[0]
    for error in damaged:
        logging.getLogger(__name__).warning("left out: %s", error)
    if not found:
        raise ResultError(
            f"no stored runs in {', '.join(map(str, folders))}; store some with: wayshot run"
        )
    return list(found.values())


def _records(folder: Path) -> list[Path]:
    """Lists the files that are records, sorted; a folder that cannot be listed is an error."""

    def refuse(error: OSError) -> None:
        raise ResultError(
            f"{error.filename}: cannot be listed ({error.strerror}); make it readable, or move "
            "it away"
        )

    paths = []
    for top, inner, names in os.walk(folder, onerror=refuse):
        inner[:] = [name for name in inner if not name.startswith(".")]
        # A folder of this name is a damaged run.
        paths += [Path(top, name) for name in (*inner, *names) if name == "record.json"]
    return sorted(paths)


def light(run: Run) -> Run:
    """Gives a copy of a large run that does not keep its trials in memory after use.

    A small run, or a run whose trials are in memory already, is given as it is.
    """
    small = run.record["n"] <= SMALL
    return run if small or "trials" in vars(run) else Run(run.folder, run.record)
