"""Latency: how long a scorer takes for a query, measured and stored."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...results.statistics import SECONDS
from ...results.store import latencies
from ...tasks import Progress, Source, quiet, replacing, sweep
from ..errors import ScorerError
from ..machine import describe_machine
from ..scorers import Asking, Traits, answering
from .questions import Questions, cold, embedded_support, ready
from .scenarios import QUERIES, harness, offline, single

_NO_EMBEDDING = "it compares images: there are no embeddings to compute beforehand"


def measure(
    scorer: Any,
    known: Traits,
    source: Source,
    *,
    queries: int = QUERIES,
    seconds: float = SECONDS,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Measures a scorer in this process.

    Args:
        scorer: The scorer.
        known: The traits of the scorer, from `scorer.traits`.
        source: The episodes of the queries.
        queries: The smallest number of queries of a single stream.
        seconds: The shortest time of each part, in seconds.
        progress: Shows the progress.

    Returns:
        A record, as `docs/records.md` describes it.

    Raises:
        ScorerError: An answer of the scorer is not valid, or the number of ways
            varies.
    """
    if queries < 1 or not seconds > 0:
        raise ScorerError(f"{queries} queries in {seconds:g} s are none, expected more than 0")
    questions = Questions.of(source, traits=known)
    support, streams = None, {}
    asking = Asking(scorer, known)
    with answering(known.name, "it"):
        if known.level == 1:
            support = embedded_support(asking, questions)
            ask = ready(asking, questions, support)
            tick = progress(100, "support ready")
            streams["ready"] = single(ask, asking, questions, queries, seconds, tick, support)
        else:
            streams["ready"] = {"reason": _NO_EMBEDDING}
        ask, tick = cold(asking, questions), progress(100, "cold")
        streams["cold"] = single(ask, asking, questions, queries, seconds, tick)
        tick = progress(100, "offline")
        batched = offline(asking, questions, support, seconds, tick)
    mode = "ready" if known.level == 1 else "cold"
    p50, here, protocol = streams[mode]["percentiles"]["p50"], describe_machine(), source.protocol
    engine = getattr(scorer, "engine", None)
    return {
        "schema_version": latencies.SCHEMA_VERSION,
        "protocol": {"name": protocol.title, "digest": protocol.digest},
        "dataset": {"name": source.dataset.name, "digest": source.dataset.digest},
        "seed": source.seed,
        "ways": protocol.ways,
        "shots": protocol.shots,
        "scorer": {
            "name": known.name,
            "digest": known.digest,
            "level": known.level,
            "parameters": known.parameters,
            "flops": known.flops,
        },
        "mode": mode,
        "p50_ms": p50["ms"],
        "low_ms": p50["low_ms"],
        "high_ms": p50["high_ms"],
        "valid": p50["valid"],
        "single_stream": streams,
        "offline": batched,
        "harness_us": harness(questions),
        "engine": engine if isinstance(engine, str) else None,
        "threads": here["threads"],
        "environment": here,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def store(root: Path, record: dict[str, Any]) -> Path:
    """Stores a record; it replaces one of the same scorer, protocol, threads and machine.

    Args:
        root: Folder of all runs.
        record: The record from `measure`, which may have more fields.

    Returns:
        The file of the record.
    """
    scorer, protocol, here = record["scorer"], record["protocol"], record["environment"]
    same = (protocol["digest"], *(here[name] for name in ("machine", "cpu", "gpus", "threads")))
    key = hashlib.sha256(repr(same).encode()).hexdigest()
    path = latencies.place(root, protocol["name"], scorer["name"], scorer["digest"], key)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    with replacing(path) as fresh:
        content = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
        fresh.write_text(content + "\n", encoding="utf-8")
    return path
