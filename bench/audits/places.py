"""Places: whether a scorer prefers classes for where they stand, or only reads them in order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .agreement import same
from .findings import NOTED, PASSED, Answer
from .subject import Subject

BY_PLACE = 0.8
"""Share of the changes that a preference for places explains where it is one: of changes of any
other origin it explains about a third."""


def follows(by_image: np.ndarray, by_place: np.ndarray) -> bool:
    """Tells whether answers go with a place more often than with an image or a class.

    Args:
        by_image: For each query, whether its answer stayed the same, bool ndarray.
        by_place: Whether the answer at its place did.
    """
    return bool(by_place.mean() > max(0.5, by_image.mean()))


def placed(subject: Subject, ask: Callable[[np.ndarray], np.ndarray]) -> Answer:
    """Judges whether the places of classes matter; only a preference for some is a failure.

    Args:
        subject: The scorer before the fixed images.
        ask: Given the place of each class, int ndarray (ways,), gives scores by class,
            ndarray (queries, ways).
    """
    expected = subject.reference
    ways = expected.shape[1]
    rng = np.random.Generator(np.random.PCG64(0))
    places = [np.arange(ways)[::-1], *(rng.permutation(ways) for _ in range(3))]
    found = [ask(places[0])]
    answer = same(subject, found[0], expected)
    if answer.status == PASSED:
        return answer
    found += [ask(one) for one in places[1:]]
    first = expected.argmax(axis=1)
    later = [one.argmax(axis=1) for one in found]
    by_class = np.array([first == one for one in later])
    # The same place answers whatever stands there, or a class is called by its place.
    prefers = np.array([first == of[one] for one, of in zip(later, places, strict=True)])
    mistakes = np.array([one == of[first] for one, of in zip(later, places, strict=True)])
    if (
        follows(by_class, prefers)
        or follows(by_class, mistakes)
        or _preference(found, expected, places) > BY_PLACE
    ):
        return answer
    cause = "Reads the support in its order, or begins each class otherwise, which is allowed."
    return Answer(NOTED, answer.found, answer.amount, cause)


def _preference(found: list[np.ndarray], expected: np.ndarray, places: list[np.ndarray]) -> float:
    """Gives the share of the changes that is due to a number added to all scores of a place."""
    changes = np.stack([one - expected for one in found], axis=1)
    if not np.isfinite(changes).all() or not changes.any():
        return 1.0
    # A shift of all scores of a query changes no answer.
    changes -= changes.mean(axis=2, keepdims=True)
    each = np.eye(expected.shape[1])
    design = np.concatenate([each[of] - each for of in places])
    numbers, *_ = np.linalg.lstsq(design, changes.mean(axis=0).ravel(), rcond=None)
    explained = (design @ numbers).reshape(changes.shape[1:])
    return 1 - float(np.square(changes - explained).sum() / np.square(changes).sum())
