"""Clocks: numbers and times that are readings of the clock since this process began."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

_BEGUN = time.time()
_SLACK = 120.0
"""Seconds that a process may have run before this module was imported."""

_UNITS = (1, 1e3, 1e6, 1e9)
"""Seconds, milliseconds, microseconds, nanoseconds."""


def _since(value: float, now: float) -> bool:
    passed = time.time() - _BEGUN + _SLACK
    return any(now - passed <= value / unit <= now for unit in _UNITS)


def is_reading(value: Any) -> bool:
    """Tells whether a value is the time of this process, as an object notes when it was made.

    Args:
        value: Any object. Numbers count as times of day, and numbers with a fraction also as
            readings of the clocks that count from the start of the machine.
    """
    if isinstance(value, datetime):
        return _since(value.timestamp(), time.time())
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return False
    if value < 1e30 and _since(value, time.time()):
        return True
    if not isinstance(value, float) or value.is_integer():
        return False
    return any(
        0 <= now - value <= time.time() - _BEGUN + _SLACK and value > _SLACK
        for now in (time.monotonic(), time.perf_counter())
    )
