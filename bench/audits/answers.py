"""Answers: checks of a scorer's answers to fixed images, and of repeated answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..scorers import is_interrupt
from .agreement import STEADY, apart, same
from .findings import FAILED, NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .subject import Subject

DEVIATIONS = 3
"""By how many standard deviations a scorer must be worse than chance to be turned around."""


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
    words = "finite numbers of the right shape, for an image without ink too"
    if subject.level == 3:
        words += f"; {subject.size}"
    if subject.singly:
        cause = "Takes one query in a call, which is allowed; it is asked so."
        return Answer(
            NOTED, f"{words}; it refuses several queries, and is asked one by one", cause=cause
        )
    return Answer(PASSED, words)


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
    """Checks that the same call gives the same scores; a method of level 3 may draw lots."""
    again = subject.ask(subject.queries, subject.support)
    answer = same(subject, again, subject.reference, STEADY, noisy=False)
    if subject.level == 3 and answer.status == FAILED:
        cause = (
            "Begins at random for every support, as a fresh head does, which is allowed. Figures "
            "will differ a little from run to run, unless it seeds a numpy.random.Generator of "
            "its own in every call."
        )
        return Answer(NOTED, answer.found, answer.amount, cause)
    return answer


def fresh_instance(subject: Subject) -> Answer:
    """Checks that the same scorer, made again, gives the same scores."""
    if subject.remake is None:
        return Answer(NOT_APPLICABLE, "it cannot be made again: only the object was given")
    made = _attempt(subject.remake)
    again = Subject(made, subject.traits, like=subject.like, size=subject.size)
    return _made_again(subject, again.reference)


def _made_again(subject: Subject, found: np.ndarray) -> Answer:
    """Judges the scores of the same scorer, made again.

    What a method of level 3 is made with may be no more than where it begins to fit.
    """
    answer = same(subject, found, subject.reference)
    kept = (found.argmax(axis=-1) == subject.reference.argmax(axis=-1)).mean()
    if subject.level == 3 and answer.status == FAILED and kept >= 0.5:
        cause = "Draws at random what every episode begins with, and has not stored it?"
        return Answer(NOTED, answer.found, answer.amount, cause)
    return answer


def another_process(subject: Subject) -> Answer:
    """Checks that another process gives the same scores."""
    if subject.elsewhere is None:
        return Answer(NOT_APPLICABLE, "it has no name by which another process could make it")
    return _made_again(subject, _attempt(subject.elsewhere))


def _attempt(make: Callable[[], Any]) -> Any:
    """Makes something again; an error is a finding about the scorer."""
    try:
        return make()
    except BaseException as error:
        if is_interrupt(error):
            raise
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise RefusalError(f"making it again raised {problem}") from error


def orientation(subject: Subject) -> Answer:
    """Checks that an image is not farther from itself than from others.

    A weak scorer may miss that an image is nearest to itself. It is turned around if images
    are farther from themselves than they would be by chance, and queries from their class.
    """
    if subject.level == 1:
        scores = subject.compare(subject.embedded[1], subject.embedded[1])[0]
        own = np.arange(len(scores))
    elif subject.level == 2:
        scores = subject.ask(subject.support, subject.support)
        own = np.arange(len(scores))
    else:
        # As many queries as an episode has: some methods take no other number.
        rows = np.resize(np.arange(len(subject.support)), len(subject.queries))
        scores = subject.ask(subject.support[rows], subject.support)
        own = subject.panel.labels[rows]
    if not np.isfinite(scores).all():
        return Answer(NOT_APPLICABLE, "not all scores are finite")
    if np.ptp(scores) == 0 or scores.shape[1] == 1:
        return Answer(NOT_APPLICABLE, "all scores are equal")
    above, count = _above(scores, own), len(scores)
    nearest, farthest = (
        float(_share_of_ends(scores, own, end).sum())
        for end in (scores.max(axis=1), scores.min(axis=1))
    )
    words = f"{nearest:.4g} of {count} images are nearest to themselves"
    if nearest >= count - 1e-9:
        return Answer(PASSED, words, 0.0)
    missed, ways = 1 - nearest / count, scores.shape[1]
    spread = np.sqrt((ways + 1) / (12 * (ways - 1) * min(count, len(subject.support))))
    queries = _above(subject.reference, subject.panel.truth).mean()
    if 0.5 - above.mean() > max(0.25, DEVIATIONS * spread) and queries < 0.5:
        cause = "smaller_is_closer is declared wrong?"
        return Answer(FAILED, f"{words}, {farthest:.4g} are farthest", missed, cause)
    return Answer(NOTED, words, missed)


def _above(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Gives the share of the other classes that are farther, 1/2 on average by chance."""
    of_own = scores[np.arange(len(scores)), own][:, None]
    ties = (scores == of_own).sum(axis=1) - 1
    return ((scores < of_own).sum(axis=1) + ties / 2) / max(scores.shape[1] - 1, 1)


def _share_of_ends(scores: np.ndarray, own: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Gives 1 where the own class alone has this score, and less where others share it."""
    of_own = scores[np.arange(len(scores)), own]
    return (of_own == end) / (scores == end[:, None]).sum(axis=1)


def memory(subject: Subject) -> Answer:
    """Checks that calls in between do not change the scores."""
    count = len(subject.queries)
    for start in (0, count):
        subject.ask(subject.others[start : start + count], subject.support)
    later, once_more = (subject.ask(subject.queries, subject.support) for _ in range(2))
    # A difference between two calls in a row is not memory; another check finds it.
    noise = apart(subject, once_more, later)
    return same(subject, later, subject.reference, STEADY + 4 * noise)
