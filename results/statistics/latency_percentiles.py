"""Percentiles of latencies, with intervals, and whether there is enough to believe them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .estimates import LEVEL

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""The percentiles, as shares."""

SECONDS = 5.0
"""A shorter measurement says nothing of a machine's slow moments."""


def fewest(share: float) -> int:
    """How many queries an interval of a percentile takes.

    With fewer the smallest and the largest latency do not enclose it with a
    probability of `LEVEL`, the error shared equally: the binomial distribution
    of the number of latencies below it (Conover 1999, section 3.2).

    Args:
        share: The percentile, as a share.
    """
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log(max(share, 1 - share)))


def too_short(seconds: float) -> str | None:
    """Why a measurement of so many seconds is not valid; None where it is."""
    if seconds >= SECONDS:
        return None
    return f"{seconds:.2g} s, expected at least {SECONDS:g} s"


def percentiles(latency: np.ndarray, seconds: float) -> dict[str, dict[str, Any]]:
    """Percentiles with intervals from order statistics.

    Args:
        latency: int ndarray (n,) of nanoseconds, one a query. Intervals take
            queries as independent.
        seconds: Of the whole stream.

    Returns:
        For each of `SHARES`: `ms` (a latency that was observed), `low_ms` and
        `high_ms` (None where there is no such interval), `valid`, and `reason`,
        why it is not.
    """
    from scipy.stats import quantile_test

    found = {}
    for name, share in SHARES.items():
        interval = quantile_test(latency, p=share).confidence_interval(LEVEL)
        low, high = (None if np.isnan(end) else float(end) / 1e6 for end in interval)
        reasons = []
        if len(latency) < fewest(share):
            reasons.append(f"{len(latency):,} queries, expected at least {fewest(share):,}")
        if short := too_short(seconds):
            reasons.append(short)
        found[name] = {
            "ms": float(np.quantile(latency, share, method="inverted_cdf")) / 1e6,
            "low_ms": low,
            "high_ms": high,
            "valid": not reasons,
            "reason": "; ".join(reasons) or None,
        }
    return found
