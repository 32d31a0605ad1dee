"""The record of a run: the content of `record.json`, checked whenever it is read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..errors import ResultError

SCHEMA_VERSION = 2
"""Version of `record.json` and of the trials' columns."""

_FIRST_DEFAULTS = {"queries": 1, "drawers": "any", "rotations": "none", "reuse": "independent"}
"""Of the protocols of schema version 1, whose records hold every field."""

LARGEST = 2**22
"""The largest size of a record, in bytes."""

REMEDY = "remove the folder"
"""What to do with a run whose record is damaged."""

_DEEPEST = 16
"""The largest depth of nested values."""

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[float, Meta(ge=0, le=1e30)]
Plain = str | int | float | bool | None
Environment = dict[str, Plain | dict[str, Any] | list[Any]]


class _Protocol(msgspec.Struct):
    name: str
    digest: str
    description: str | None = None
    fields: dict[str, str | Whole] | UnsetType = UNSET


class _Dataset(msgspec.Struct):
    name: str | None = None
    digest: str | None = None
    images: Whole | None = None


class _Training(msgspec.Struct):
    recipe: str
    seed: Whole


class _Identity(msgspec.Struct):
    answers: list[float | None] | UnsetType = UNSET


class _Scorer(msgspec.Struct):
    name: str
    digest: str
    level: Whole | None = None
    pooling: str | None = None
    smaller_is_closer: bool | None = None
    parameters: Whole | None = None
    flops: Number | None = None
    leaked_characters: Whole | None = None
    scale: str | None = None
    engine: str | None = None
    training: _Training | None = None
    spec: str | None = None
    baseline: bool = False
    identity: _Identity | None = None


class _Stopping(msgspec.Struct):
    looks: Annotated[int, Meta(ge=1, le=1000)] = 1
    look: Whole | None = None
    halfwidth: Number | None = None


class _Audit(msgspec.Struct):
    verdict: str | None = None
    transductive: bool | None = None


class _Latency(msgspec.Struct):
    p50_ms: Number | None = None
    low_ms: Number | None = None
    high_ms: Number | None = None
    valid: bool = True
    mode: Literal["ready", "cold"] | UnsetType = UNSET
    engine: str | UnsetType | None = UNSET
    ways: Whole | UnsetType = UNSET
    shots: Whole | UnsetType = UNSET
    threads: Whole | UnsetType = UNSET
    environment: Environment | None = None

    def __post_init__(self) -> None:
        conditions = (self.mode, self.engine, self.ways, self.shots, self.threads)
        if len({one is UNSET for one in conditions}) > 1:
            raise ValueError("mode, engine, ways, shots and threads go together")


class _Record(msgspec.Struct):
    """The fields from which figures are computed; other fields are kept but not checked."""

    protocol: _Protocol
    dataset: _Dataset
    scorer: _Scorer
    seed: Whole
    episodes: Count
    episodes_digest: str
    n: Count
    trials_digest: str
    environment: Environment
    timings: dict[str, Number]
    scores_digest: str | None = None
    stopping: _Stopping | UnsetType = UNSET
    audit: _Audit | None = None
    latency: _Latency | None = None


def read(path: Path) -> dict[str, Any]:
    """Reads a record that may come from anyone.

    Args:
        path: The file.

    Raises:
        ResultError: The file is missing, damaged, or has another schema
            version, or a field is wrong; the message says which field.
    """
    try:
        return decode(content_of(path))
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from None


def content_of(path: Path, remedy: str = REMEDY) -> bytes:
    """Reads a file, or of a large one as much as `fields` needs to refuse it.

    Args:
        path: The file.
        remedy: What to do if it cannot be read.

    Raises:
        ResultError: It cannot be read, or is not a regular file; the message does not name it.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a file")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise ResultError(f"cannot be read ({error}); {remedy}") from None


def fields(
    content: bytes, kind: Any, newest: int = SCHEMA_VERSION, remedy: str = REMEDY
) -> dict[str, Any]:
    """Reads the text of a record of any kind.

    Args:
        content: The file's content, UTF-8.
        kind: A class of msgspec, with the fields that are checked.
        newest: The newest schema version that is read.
        remedy: What to do if it is damaged.

    Raises:
        ResultError: It is damaged, or a field is wrong; the message does not name the file.
    """
    if len(content) > LARGEST:
        raise ResultError(f"more than {LARGEST:,} bytes, which is too large; {remedy}")
    try:
        record = json.loads(content, parse_constant=finite, parse_float=finite)
        if b"\\ud" in content.lower():
            # Half of a character: text with it cannot be written to a file.
            json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise ResultError(f"cannot be read ({problem}); {remedy}") from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if type(version) is not int or not 1 <= version <= newest:
        expected = f"1 to {newest}" if newest > 1 else "1"
        raise ResultError(
            f"schema version {repr(version)[:80]}, expected {expected}; "
            "written by another version of wayshot"
        )
    if _is_deep(record):
        raise ResultError(f"values are nested deeper than {_DEEPEST}; {remedy}")
    try:
        msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        raise ResultError(f"missing or wrong: {error}; {remedy}") from None
    return record


def decode(content: bytes) -> dict[str, Any]:
    """Reads the text of the record of a run.

    Args:
        content: The file's content, UTF-8.

    Raises:
        ResultError: As `read`; the message does not name the file.
    """
    record = fields(content, _Record)
    if record["schema_version"] == 1 and "fields" in record["protocol"]:
        record["protocol"]["fields"] = _without_defaults(record["protocol"]["fields"])
    return record


def _without_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of schema version 1 as later ones have them: those that differ from their defaults."""
    defaults = {**_FIRST_DEFAULTS, "fewest_ways": fields.get("ways")}
    kept = {name: value for name, value in fields.items() if value != defaults.get(name, UNSET)}
    if "split" in kept:
        kept["split"] = str(kept["split"]).partition(":")[0]
    return kept


def is_official(protocol: dict[str, Any]) -> bool:
    """Tells whether a record's protocol is that of the 20 official runs.

    Args:
        protocol: The field `protocol` of the record.
    """
    fields = protocol.get("fields")
    return fields.get("structure") == "runs" if fields else protocol["name"] == "lake-runs"


def finite(text: str) -> float:
    """Reads a number; raises ValueError for NaN, infinity and numbers that are too large."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def _is_deep(record: Any) -> bool:
    level = [record]
    for _ in range(_DEEPEST):
        level = [
            inner
            for part in level
            for inner in (part.values() if isinstance(part, dict) else part)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
