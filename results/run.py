"""A run: one scorer on one protocol, stored in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import scores as scores_file
from . import trials as trials_file
from .errors import ResultError
from .influence import COLUMNS

SCHEMA_VERSION = 1
"""Version of `record.json` and of the trials' columns."""

_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "protocol": dict,
    "dataset": dict,
    "scorer": dict,
    "seed": int,
    "episodes": int,
    "episodes_digest": str,
    "n": int,
    "trials_digest": str,
    "environment": dict,
    "timings": dict,
}
_OPTIONAL: dict[str, type] = {
    "audit": dict,
    "latency": dict,
    "scores_digest": str,
    "stopping": dict,
}


@dataclass(frozen=True)
class Run:
    """A stored run.

    Attributes:
        folder: Holds `record.json` and `trials.parquet`.
        record: The record: schema version, protocol, data set, scorer, seed,
            number and digest of episodes, environment, timings.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return str(self.record["protocol"]["name"])

    @property
    def scorer(self) -> str:
        """Name of the scorer."""
        return str(self.record["scorer"]["name"])

    @cached_property
    def trials(self) -> pd.DataFrame:
        """All trials, as in `trials.SCHEMA`."""
        return self._read(None)

    def outcome(self) -> pd.DataFrame:
        """The columns that intervals and comparisons need, quicker to read."""
        columns = ["query", *COLUMNS]
        return self.trials[columns] if "trials" in vars(self) else self._read(columns)

    @cached_property
    def scores(self) -> np.ndarray | None:
        """Scores float ndarray (n, ways), in the order of the trials; None where not stored."""
        if "scores_digest" not in self.record:
            return None
        self._check(scores_file.NAME)
        return scores_file.read(self.folder / f"{scores_file.NAME}.parquet")

    def verify(self) -> None:
        """Makes sure that the trials, and scores if there are any, are those of the record.

        Raises:
            ResultError: They are missing, or others.
        """
        self._check("trials")
        if "scores_digest" in self.record:
            self._check(scores_file.NAME)

    def _check(self, what: str) -> None:
        path = self.folder / f"{what}.parquet"
        try:
            sound = trials_file.digest(path) == self.record[f"{what}_digest"]
        except OSError as error:
            raise ResultError(f"{path}: cannot be read ({error}); run it again") from None
        if not sound:
            raise ResultError(f"{path}: not the {what} of the record beside it; run it again")

    def _read(self, columns: list[str] | None) -> pd.DataFrame:
        self._check("trials")
        return trials_file.read(self.folder / "trials.parquet", columns)


def key(protocol: str, dataset: str, seed: int, episodes: int, scorer: str) -> str:
    """Identifies a run by everything its trials depend on.

    Args:
        protocol: Digest of the protocol.
        dataset: Digest of the data set.
        seed: Seed of the episodes.
        episodes: How many.
        scorer: Digest of the scorer.
    """
    parts = f"{SCHEMA_VERSION} {protocol} {dataset} {seed} {episodes} {scorer}"
    return hashlib.sha256(parts.encode()).hexdigest()


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[-60:].strip("._") or "unnamed"


def place(root: Path, protocol: str, scorer: str, key: str) -> Path:
    """Gives the folder of a run.

    Args:
        root: Folder of all runs.
        protocol: Name of the protocol.
        scorer: Name of the scorer.
        key: As from `key`.
    """
    return root / _safe(protocol) / f"{_safe(scorer)}-{key[:12]}"


def write(folder: Path, record: dict[str, Any], chunks: Iterable[trials_file.Columns]) -> Run:
    """Stores a run whole, or not at all.

    Args:
        folder: As from `place`.
        record: The record without schema version, n and digests of files.
        chunks: The trials, as for `trials.write`, and perhaps their scores,
            as for `scores.storing`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    fresh_run = fresh / "run"
    try:
        fresh_run.mkdir()
        scores = fresh_run / f"{scores_file.NAME}.parquet"
        count = trials_file.write(fresh_run / "trials.parquet", scores_file.storing(scores, chunks))
        digest = trials_file.digest(fresh_run / "trials.parquet")
        record = {
            "schema_version": SCHEMA_VERSION,
            **record,
            "n": count,
            "trials_digest": digest,
        }
        if scores.exists():
            record["scores_digest"] = trials_file.digest(scores)
        (fresh_run / "record.json").write_text(_text(record), encoding="utf-8")
        if folder.exists():
            folder.rename(fresh / "old")
        try:
            fresh_run.rename(folder)
        except OSError:
            if (fresh / "old").exists():
                (fresh / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Run(folder, record)


def annotate(run: Run, **fields: Any) -> Run:
    """Writes more fields into a stored run's record, or other values.

    Args:
        run: The run.
        fields: Values in JSON's types.
    """
    if all(run.record.get(name) == value for name, value in fields.items()):
        return run
    record = {**run.record, **fields}
    fresh = run.folder / ".record.json"
    fresh.write_text(_text(record), encoding="utf-8")
    fresh.replace(run.folder / "record.json")
    return Run(run.folder, record)


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def read(folder: Path) -> Run:
    """Reads the record of a stored run.

    Raises:
        ResultError: It is missing, damaged, or of another schema version.
    """
    path = folder / "record.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: cannot be read ({error}); remove the folder") from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise ResultError(
            f"{path}: schema version {version!r}, expected {SCHEMA_VERSION}; "
            "written by another version of wayshot"
        )
    wrong = [name for name, kind in _REQUIRED.items() if not isinstance(record.get(name), kind)]
    wrong += [
        name
        for name, kind in _OPTIONAL.items()
        if record.get(name) is not None and not isinstance(record[name], kind)
    ]
    for part, names in (("protocol", ("name", "digest")), ("scorer", ("name", "digest"))):
        if part not in wrong:
            wrong += [
                f"{part}.{name}" for name in names if not isinstance(record[part].get(name), str)
            ]
    if wrong:
        raise ResultError(f"{path}: missing or wrong: {', '.join(wrong)}; remove the folder")
    return Run(folder, record)


def find(folders: Iterable[str | Path]) -> list[Run]:
    """Finds all stored runs below some folders, in the order of their paths.

    Raises:
        ResultError: A folder is missing, none holds a run, or one is damaged.
    """
    folders = list(folders)
    found: dict[Path, Run] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ResultError(f"{folder}: no such folder; store runs with: wayshot run")
        for path in sorted(folder.rglob("record.json")):
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                found.setdefault(path.resolve(), read(path.parent))
    if not found:
        raise ResultError(
            f"no stored runs in {', '.join(map(str, folders))}; store some with: wayshot run"
        )
    return list(found.values())
