"""Equivalence: whether two scorers are as good as one another, within a margin."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from ..errors import ResultError
from .comparison import Error, error_of, tested
from .estimates import LEVEL
from .influences import Influence
from .matching import Outcome


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference of accuracies lies within a margin.

    Attributes:
        margin: The margin, as a fraction.
        level: 1 minus the significance level of the tests.
        p_value: The larger p-value of two one-sided tests (Schuirmann 1987), that the difference
            is at or beyond the lower and the upper margin; None if there is nothing to test.
        low: Lower end of the interval that decides it: its nominal coverage is 2 * level - 1, 90 %
            for tests at 5 %. None if there is no interval.
        high: Upper end of this interval.
    """

    margin: float
    level: float
    p_value: float | None
    low: float | None
    high: float | None

    @property
    def shown(self) -> bool:
        """Whether the scorers are as good as one another within the margin."""
        if self.low is None or self.high is None:
            return False
        return -self.margin < self.low and self.high < self.margin

    @property
    def smallest(self) -> float | None:
        """The margin above which they are shown to be as good as one another; None if none is."""
        if self.low is None or self.high is None:
            return None
        return max(-self.low, self.high)

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        return {**asdict(self), "shown": self.shown, "smallest": self.smallest}


def within_margin(
    first: Outcome, second: Outcome, margin: float, level: float = LEVEL
) -> Equivalence:
    """Tests whether two scorers are as good as one another, within a margin.

    These are two one-sided t tests with the error of `comparison.tested`. They agree with
    its interval of the coverage 2 * level - 1: the scorers are equivalent if it lies within the
    margin. The margin must be chosen before the data are seen.

    Args:
        first: The outcome of one run.
        second: The outcome of another run on the same episodes, with the same clusters.
        margin: The largest difference that does not matter, as a fraction.
        level: 1 minus the significance level of the tests, more than 0.5.

    Raises:
        ResultError: The margin or the level is impossible, or the outcomes are of different
            episodes.
    """
    gains, found = first - second, first.influence - second.influence
    return equivalence_of(found, gains, error_of(found, gains), margin, level)


def equivalence_of(
    found: Influence, gains: np.ndarray, error: Error | None, margin: float, level: float = LEVEL
) -> Equivalence:
    """Tests as `within_margin` does, for a mean gain whose error is there.

    Args:
        found: The influence of the clusters on the mean gain.
        gains: float64 ndarray (trials,): the differences of credits.
        error: The error of the mean gain, or None.
        margin: As for `within_margin`.
        level: As for `within_margin`.

    Raises:
        ResultError: The margin or the level is impossible.
    """
    if not 0 < margin < 1:
        raise ResultError(f"margin {margin:g} is impossible, expected between 0 and 1")
    if not 0.5 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0.5 and 1, such as 0.95")
    one, p_value = tested(found, gains, error, 2 * level - 1)
    nearer = None
    if error and p_value is not None:
        distance = (margin - abs(one.value)) / math.sqrt(error.variance)
        nearer = float(special.stdtr(error.freedom, -distance))
    return Equivalence(margin, level, nearer, one.low, one.high)
