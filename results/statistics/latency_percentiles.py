"""Percentiles of latencies, with intervals, and whether the measurement is valid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .estimates import LEVEL

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""The percentiles that are reported, as shares."""

SECONDS = 5.0
"""Shortest valid measurement; a shorter one misses the slow moments of a machine."""


def fewest(share: float) -> int:
    """Gives the smallest number of queries for which a percentile has an interval.

    With fewer queries, the range from the smallest to the largest latency
    contains the percentile with a probability below `LEVEL`. The number of
    latencies below the percentile has a binomial distribution, and the error
    is shared equally between both sides (Conover 1999, section 3.2).

    Args:
        share: The percentile, as a share.
    """
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log(max(share, 1 - share)))


def too_short(seconds: float) -> str | None:
    """Says why a measurement of so many seconds is not valid; None if it is valid."""
    if seconds >= SECONDS:
        return None
    return f"{seconds:.2g} s, expected at least {SECONDS:g} s"


def percentiles(latency: np.ndarray, seconds: float) -> dict[str, dict[str, Any]]:
    """Computes percentiles with intervals from order statistics.

    The intervals treat queries as independent.

    Args:
        latency: int ndarray (n,), the latency of each query in nanoseconds.
        seconds: Duration of the whole stream.

    Returns:
        For each of `SHARES`: `ms` (an observed latency), `low_ms` and
        `high_ms` (None if there are too few queries for an interval), `valid`,
        and `reason` (why it is not valid, or None).
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
