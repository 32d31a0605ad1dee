"""Summary: the figures of a run, for JSON, CSV and optional columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..statistics import LEVEL, Estimate, estimate_run
from ..store import Run, latencies

_OF_ALPHABETS = ("population", "bootstrap", "t")


def ends_of(interval: str) -> tuple[str, str]:
    """Gives the names of an interval's ends in JSON, CSV and data frames.

    They are low and high. An interval that does not cover new alphabets has its
    name before them, such as sampler_low, so that nobody takes it for one that
    does.

    Args:
        interval: As for `estimates.estimate`.
    """
    before = "" if interval in _OF_ALPHABETS else f"{interval.replace('-', '_')}_"
    return f"{before}low", f"{before}high"


def result(
    run: Run, interval: str = "population", level: float = LEVEL, lenient: bool = False
) -> dict[str, Any]:
    """Summarises a run in JSON's types.

    Args:
        run: The run.
        interval: As for `estimates.estimate_run`.
        level: Nominal coverage.
        lenient: As for `latencies.latest`.

    Returns:
        What `--json` prints for the run. Accuracy and interval are fractions,
        the ends with the names that `ends_of` gives; errors are n minus the sum
        of credits.
    """
    accuracy = estimate_run(run, interval, level)
    low, high = ends_of(interval)
    names = {"low": low, "high": high}
    record, scorer = run.record, run.record["scorer"]
    return {
        "protocol": run.protocol,
        "scorer": run.scorer,
        "n": accuracy.n,
        # Rounded where shared credits (twentieths, say) do not add up exactly.
        "errors": round(accuracy.n * (1 - accuracy.value), 6),
        "accuracy": {names.get(name, name): one for name, one in accuracy.as_json().items()},
        "seed": record["seed"],
        "episodes": record["episodes"],
        "episodes_digest": record["episodes_digest"],
        "protocol_digest": record["protocol"]["digest"],
        "scorer_digest": scorer["digest"],
        "parameters": scorer.get("parameters"),
        "flops": scorer.get("flops"),
        "latency": record.get("latency") or latencies.latest(run, lenient),
        "leaked_characters": scorer.get("leaked_characters"),
        "audit": (record.get("audit") or {}).get("verdict"),
        "timings": record["timings"],
        "folder": str(run.folder),
    }


def estimate_in(one: dict[str, Any]) -> Estimate:
    """Gives the estimate in a `result`, whatever its ends are called."""
    value, low, high, level, method, clusters = one["accuracy"].values()
    return Estimate(value, low, high, level, method, one["n"], clusters)


def scaled(value: float) -> str:
    """Writes an amount with the prefix k, M or G if it is large, such as 1.8 M."""
    for power, unit in ((9, " G"), (6, " M"), (3, " k")):
        if value >= 0.9995 * 10**power:
            return f"{value / 10**power:.1f}{unit}"
    return f"{value:g}"


def _milliseconds(latency: dict[str, Any] | None) -> str | None:
    p50 = (latency or {}).get("p50_ms")
    if latency is None or p50 is None:
        return None
    shown = f"{p50:.0f} ms" if p50 >= 100 else f"{p50:.3g} ms"
    return shown if latency.get("valid", True) else f"{shown} (INVALID)"


def _count(value: Any) -> str | None:
    return None if value is None else scaled(value)


EXTRAS: dict[str, tuple[str, Callable[[dict[str, Any]], str | None]]] = {
    # A scorer without parameters has nothing to learn.
    "params": ("params", lambda one: _count(one["parameters"] or None)),
    "flops": ("FLOPs", lambda one: _count(one["flops"])),
    "latency": ("p50 latency", lambda one: _milliseconds(one["latency"])),
}
"""Optional columns: the heading, and what to show of a `result`."""


def in_short(name: str, results: Sequence[dict[str, Any]]) -> str | None:
    """Gives what runs say in an optional column, all of it where they say different things.

    Args:
        name: A key of `EXTRAS`.
        results: The `result` of each run.
    """
    shown = map(EXTRAS[name][1], results)
    found = dict.fromkeys(one for one in shown if one is not None)
    return " / ".join(found) or None


_FLAT = (
    *("seed", "episodes", "episodes_digest", "scorer_digest"),
    *("parameters", "leaked_characters", "audit"),
)


def flat(one: dict[str, Any]) -> dict[str, Any]:
    """Gives a `result` as a flat dict, for CSV."""
    first = {name: one[name] for name in ("scorer", "protocol", "n", "errors")}
    return {**first, **one["accuracy"], **{name: one[name] for name in _FLAT}, "source": None}
