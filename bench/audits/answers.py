"""Answers: checks of a scorer's answers to fixed images, and of repeated answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .agreement import STEADY, apart, same
from .findings import FAILED, NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .subject import Subject


def finite(subject: Subject) -> Answer:
    """Checks that scores are finite numbers; for an image without ink they need not be."""
    scores = subject.reference
    wrong = int((~np.isfinite(scores)).sum())
    if wrong:
        share = wrong / scores.size
        return Answer(FAILED, f"{wrong} of {scores.size} scores are NaN or infinite", share)
    if subject.level == 1 and not all(np.isfinite(one).all() for one in subject.embedded):
        return Answer(FAILED, "embeddings hold NaN or infinity")
    try:
        fine = np.isfinite(subject.blank).all()
        problem = "" if fine else "an image without ink gets NaN or infinity"
    except RefusalError as refusal:
        problem = f"an image without ink: {refusal}"
    if problem:
        return Answer(NOTED, problem, cause="Divides by the length of an embedding that is 0?")
    return Answer(PASSED, "finite numbers of the right shape, for an image without ink too")


def spread(subject: Subject) -> Answer:
    """Checks that scores differ."""
    if np.ptp(subject.reference, axis=1).max() == 0:
        return Answer(NOTED, "all scores of a query are equal: accuracy will be exactly chance")
    ties = subject.reference == subject.reference.max(axis=1, keepdims=True)
    tied = float((ties.sum(axis=1) > 1).mean())
    if tied > 0.5:
        return Answer(NOTED, f"{100 * tied:.0f} % of queries have several nearest classes", tied)
    return Answer(PASSED, f"{100 * tied:.0f} % of queries have several nearest classes", tied)


def determinism(subject: Subject) -> Answer:
    """Checks that the same call gives the same scores."""
    again = subject.ask(subject.queries, subject.support)
    return same(subject, again, subject.reference, STEADY)


def fresh_instance(subject: Subject) -> Answer:
    """Checks that the same scorer, made again, gives the same scores."""
    if subject.remake is None:
        return Answer(NOT_APPLICABLE, "it cannot be made again: only the object was given")
    made = _attempt(subject.remake)
    again = Subject(made, subject.traits, like=subject.like)
    return same(subject, again.reference, subject.reference)


def another_process(subject: Subject) -> Answer:
    """Checks that another process gives the same scores."""
    if subject.elsewhere is None:
        return Answer(NOT_APPLICABLE, "it has no name by which another process could make it")
    return same(subject, _attempt(subject.elsewhere), subject.reference)


def _attempt(make: Callable[[], Any]) -> Any:
    """Makes something again; an error is a finding about the scorer."""
    try:
        return make()
    except (Exception, SystemExit) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise RefusalError(f"making it again raised {problem}") from error


def orientation(subject: Subject) -> Answer:
    """Checks that an image is nearest to itself."""
    if subject.level == 1:
        scores = subject.compare(subject.embedded[1], subject.embedded[1])[0]
    else:
        scores = subject.ask(subject.support, subject.support)
    if not np.isfinite(scores).all():
        return Answer(NOT_APPLICABLE, "not all scores are finite")
    if np.ptp(scores) == 0:
        return Answer(NOT_APPLICABLE, "all scores are equal")
    own, count = np.diagonal(scores), len(scores)
    nearest, farthest = (
        float(((own == end) / (scores == end[:, None]).sum(axis=1)).sum())
        for end in (scores.max(axis=1), scores.min(axis=1))
    )
    words = f"{nearest:.4g} of {count} images are nearest to themselves"
    if nearest >= count - 1e-9:
        return Answer(PASSED, words, 0.0)
    missed = 1 - nearest / count
    if farthest > nearest:
        cause = "smaller_is_closer is declared wrong?"
        return Answer(FAILED, f"{words}, {farthest:.4g} are farthest", missed, cause)
    return Answer(FAILED if missed > 0.5 else NOTED, words, missed)


def memory(subject: Subject) -> Answer:
    """Checks that calls in between do not change the scores."""
    for start in (0, 24):
        subject.ask(subject.others[start : start + 24], subject.support)
    later, once_more = (subject.ask(subject.queries, subject.support) for _ in range(2))
    # A difference between two calls in a row is not memory; another check finds it.
    noise = apart(subject, once_more, later)
    return same(subject, later, subject.reference, STEADY + 4 * noise)
