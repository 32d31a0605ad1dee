"""Latencies: the records that `wayshot latency` stores beside the runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import ResultError
from . import record as records
from . import run as runs
from .record import Count, Environment, Number

SCHEMA_VERSION = 1
"""Version of the records of latencies."""

FOLDER = "latency"
"""Name of their folder, in the folder of all runs."""

MODES = {"ready": "support ready", "cold": "support included"}
"""Modes of measurement: whether the support is embedded beforehand or with the query."""

_SHOWN = ("p50_ms", "low_ms", "high_ms", "valid", "mode", "ways", "shots", "threads")
_SHOWN += ("engine", "environment", "created")
_HARDWARE = ("machine", "platform", "cpus", "cpu", "gpus")


_REMEDY = "remove it and measure again"


class _Protocol(msgspec.Struct):
    name: str


class _Scorer(msgspec.Struct):
    digest: str


class _Record(msgspec.Struct):
    """The fields that tables show."""

    protocol: _Protocol
    scorer: _Scorer
    ways: Count
    shots: Count
    mode: Literal["ready", "cold"]
    p50_ms: Number
    low_ms: Number | None
    high_ms: Number | None
    valid: bool
    threads: Count
    engine: str | None
    environment: Environment
    created: datetime


def place(root: Path, protocol: str, scorer: str, digest: str, key: str) -> Path:
    """Gives the file of a record.

    Args:
        root: Folder of all runs.
        protocol: Name of the protocol.
        scorer: Name of the scorer.
        digest: Digest of the scorer.
        key: Digest that distinguishes records of the same scorer and protocol.
    """
    return runs.place(root / FOLDER, protocol, scorer, digest) / f"{key[:12]}.json"


def read(path: Path) -> dict[str, Any]:
    """Reads a record of latencies that may come from anyone.

    Args:
        path: The file.

    Raises:
        ResultError: The record is damaged, or has another schema version.
    """
    try:
        content = records.content_of(path, _REMEDY)
        return records.fields(content, _Record, SCHEMA_VERSION, _REMEDY)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from None


def _places(folder: Path, digest: str) -> list[Path]:
    """Gives the files of a scorer; not those that a killed process left unfinished."""
    # Not by a pattern: the digest is any text, and `*` in it would have a meaning.
    of_scorer = [one for one in folder.glob("*/*") if one.name.endswith(f"-{digest[:12]}")]
    files = [path for one in of_scorer for path in one.glob("*.json")]
    return sorted(path for path in files if not path.name.startswith("."))


def _sound(paths: Iterable[Path], lenient: bool) -> list[dict[str, Any]]:
    """Reads records; leaves out damaged ones, if they may be, and logs a warning."""
    found = []
    for path in paths:
        try:
            found.append(read(path))
        except ResultError as error:
            if not lenient:
                raise
            logging.getLogger(__name__).warning("left out: %s", error)
    return found


def latest(run: runs.Run, lenient: bool = False) -> dict[str, Any] | None:
    """Gives the latency of a run's scorer, whether measured before or after the run.

    Of several latencies with the run's ways and shots, one on the run's own
    protocol is preferred, and among those the last one.

    Args:
        run: A run in a folder as from `run.place`.
        lenient: Whether damaged records are left out, with a warning that is logged.

    Returns:
        The median `p50_ms` with its interval `low_ms` to `high_ms`, whether it
        is `valid`, and its conditions (mode, ways, shots, threads, engine,
        environment). None if there is no latency.

    Raises:
        ResultError: A record is damaged, and it is not lenient.
    """
    digest = run.record["scorer"]["digest"]
    fields = run.record["protocol"].get("fields", {})
    size = fields.get("ways"), fields.get("shots")
    folder = run.folder.parent.parent / FOLDER
    found = [
        record
        for record in _sound(_places(folder, digest), lenient)
        if record["scorer"]["digest"] == digest and (record["ways"], record["shots"]) == size
    ]
    if not found:
        return None
    best = max(found, key=lambda one: (one["protocol"]["name"] == run.protocol, one["created"]))
    return {name: best[name] for name in _SHOWN}


def _conditions(latency: Mapping[str, Any]) -> str | None:
    """Describes the conditions of a latency; None if they are not recorded."""
    if "mode" not in latency:
        return None
    engine = f", {latency['engine']}" if latency["engine"] else ""
    threads = f"{latency['threads']} thread{'s' * (latency['threads'] != 1)}"
    size = f"{latency['ways']}-way {latency['shots']}-shot"
    return f"{size}, {MODES[latency['mode']]}, {threads}{engine}"


def notes(
    rows: Iterable[tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]],
) -> list[str]:
    """Writes the notes on latencies: their conditions, and whether the machines differ.

    Args:
        rows: For each row a label, a latency as from `latest` or None, and the
            environment of its run, used if the latency has no environment.
    """
    machines: set[str] = set()
    labels: dict[str, dict[str, None]] = {}
    for label, latency, environment in rows:
        if latency:
            here = latency.get("environment") or environment
            machines.add(repr([here.get(name) for name in _HARDWARE]))
            if of := _conditions(latency):
                labels.setdefault(of, {})[label] = None
    found = [
        f"p50 latency of one query: {of}" + (f" ({', '.join(some)})" if len(labels) > 1 else "")
        for of, some in labels.items()
    ]
    return found + ["The latencies were measured on different machines."] * (len(machines) > 1)
