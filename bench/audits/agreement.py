"""Agreement: whether scores that ought to be the same are."""

from __future__ import annotations

import numpy as np

from .findings import FAILED, PASSED, Answer
from .subject import Subject

TOLERANCE = 1e-3
"""Scores that differ by more of their span have changed: ranks move, whatever the cause."""

ROUNDING = 1e-4
"""Scores that differ by no more may have been summed in another order: single precision
keeps 1e-7 of a number, of which a deep network loses up to three digits. What lies between
this and `TOLERANCE` is a change where it changes an answer."""

STEADY = 1e-5
"""The same for the same call made again, in which nothing is summed otherwise."""


def apart(subject: Subject, found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a share of the span of all scores."""
    known = np.isfinite(found) & np.isfinite(expected)
    if not np.array_equal(np.isnan(found), np.isnan(expected)) or np.any(
        found[~known & ~np.isnan(found)] != expected[~known & ~np.isnan(found)]
    ):
        return np.inf
    largest = float(np.abs(found[known] - expected[known]).max(initial=0.0))
    return largest / subject.span if subject.span else float(largest > 0)


def _changed(found: np.ndarray, expected: np.ndarray) -> int:
    """How many queries get another answer."""
    return int((found.argmax(axis=-1) != expected.argmax(axis=-1)).sum())


def same(
    subject: Subject, found: np.ndarray, expected: np.ndarray, rounding: float = ROUNDING
) -> Answer:
    """Judges scores that ought to be the same."""
    amount, changed = apart(subject, found, expected), _changed(found, expected)
    limit = TOLERANCE if rounding == ROUNDING else rounding
    failed = amount > limit or (amount > rounding and changed > 0)
    if amount == 0:
        return Answer(PASSED, "the same scores", 0.0)
    size = f"{100 * amount:.3g} %" if amount >= TOLERANCE else f"{amount:.1e}"
    words = f"scores differ by up to {size} of their span"
    if np.isinf(amount):
        words = "scores are NaN or infinite here and not there"
    if failed:
        count = found.size // found.shape[-1]
        return Answer(FAILED, f"{words}; {changed} of {count} queries get another answer", amount)
    return Answer(PASSED, f"{words}, which is rounding", amount)


def worst(answers: list[Answer]) -> Answer:
    """Of several answers one that failed, else the one with the largest amount."""
    return max(answers, key=lambda one: (one.status == FAILED, one.amount or 0.0))
