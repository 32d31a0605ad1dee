"""Agreement: whether scores that should be the same are the same."""

from __future__ import annotations

import numpy as np

from .findings import FAILED, PASSED, Answer
from .subject import Subject

TOLERANCE = 1e-3
"""Scores that differ by more than this share of their span have changed."""

ROUNDING = 1e-4
"""Scores that differ by at most this share of their span may have been summed in another order:
single precision keeps 1e-7 of a number, and a deep network loses up to three digits of it. A
difference between this and `TOLERANCE` is a change if it changes an answer."""

STEADY = 1e-5
"""The same limit for a repeated call, in which the order of sums is the same."""

NOISES = 4
"""How many times the difference of two equal calls is still taken for the same noise."""


def apart(subject: Subject, found: np.ndarray, expected: np.ndarray) -> float:
    """Gives the largest difference of scores, as a share of the span of all scores.

    Args:
        subject: The scorer before the fixed images.
        found: Scores, ndarray.
        expected: The scores that they should be, of the same shape.
    """
    known = np.isfinite(found) & np.isfinite(expected)
    if not np.array_equal(np.isnan(found), np.isnan(expected)) or np.any(
        found[~known & ~np.isnan(found)] != expected[~known & ~np.isnan(found)]
    ):
        return np.inf
    largest = float(np.abs(found[known] - expected[known]).max(initial=0.0))
    return largest / subject.span if subject.span else float(largest > 0)


def _changed(found: np.ndarray, expected: np.ndarray) -> int:
    """Counts the queries that get another answer."""
    return int((found.argmax(axis=-1) != expected.argmax(axis=-1)).sum())


def same(
    subject: Subject,
    found: np.ndarray,
    expected: np.ndarray,
    rounding: float = ROUNDING,
    noisy: bool = True,
) -> Answer:
    """Judges scores that should be the same.

    Args:
        subject: The scorer before the fixed images.
        found: Scores, ndarray (..., classes).
        expected: The scores that they should be, of the same shape.
        rounding: Largest difference that is rounding, as a share of the span.
        noisy: Whether scores may differ as much as those of equal calls do,
            which is a finding of its own, or those of other sums.
    """
    amount, changed = apart(subject, found, expected), _changed(found, expected)
    limit = TOLERANCE if rounding == ROUNDING else rounding
    failed = amount > limit or (amount > rounding and changed > 0)
    if amount == 0:
        return Answer(PASSED, "the same scores", 0.0)
    size = f"{100 * amount:.3g} %" if amount >= TOLERANCE else f"{amount:.1e}"
    words = f"scores differ by up to {size} of their span"
    if np.isinf(amount):
        words = "scores are NaN or infinite here and not there"
    if not failed or amount <= (subject.floor if noisy else subject.digits):
        return Answer(PASSED, f"{words}, which is rounding", amount)
    if noisy and amount <= NOISES * subject.noise:
        return Answer(PASSED, f"{words}, and no less if the same call is made twice", amount)
    count = found.size // found.shape[-1]
    return Answer(FAILED, f"{words}; {changed} of {count} queries get another answer", amount)


def worst(answers: list[Answer]) -> Answer:
    """Picks one that failed, or else the one with the largest amount, of several answers."""
    return max(answers, key=lambda one: (one.status == FAILED, one.amount or 0.0))
