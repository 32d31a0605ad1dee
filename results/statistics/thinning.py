"""Thinning: what follows for fewer ways from the stored ranks of a run.

The true class wins among fewer classes if none of these has a higher score. How many of the
other classes have one, its rank tells. So every choice of classes from the episodes counts, and
nothing has to be run again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from ..errors import ResultError


def shares(
    credit: np.ndarray, rank: np.ndarray, offered: int, ways: int
) -> tuple[np.ndarray, np.ndarray]:
    """Computes mean credits over all choices of fewer classes, which hold the true one.

    Of e classes that share the score of the true one, and b with a lower score, the mean over
    choices of w of W classes is (C(b + e + 1, w) - C(b, w)) / ((e + 1) C(W - 1, w - 1)).
    Behind a winner, a rank tells of one class with an equal score at most; more are taken as half
    ahead and half behind.

    Args:
        credit: float64 ndarray (n,), of all classes, as stored.
        rank: float64 ndarray (n,), of all classes, as stored.
        offered: Number of classes of each episode, W.
        ways: The smaller number of classes, w, at least 2.

    Returns:
        Two float64 ndarrays (n,): the mean credit; and how much of it a single class ahead
        takes, whichever it is.
    """
    ahead = np.where(credit > 0, 0, np.floor(rank - 1))
    tied = np.where(credit > 0, 2 * (rank - 1), 2 * (rank - 1 - ahead))
    behind = offered - 1 - ahead - tied
    whole = _logarithm(offered - 1, ways - 1)
    mean = _ratio(behind + tied + 1, ways, whole) - _ratio(behind, ways, whole)
    mean /= tied + 1
    # With a single class ahead, one place fewer is left for those that are not.
    without = _ratio(behind + tied + 1, ways - 1, whole) - _ratio(behind, ways - 1, whole)
    return mean, ahead * without / (tied + 1)


def _logarithm(count: int | np.ndarray, chosen: int) -> np.ndarray:
    """Computes the logarithm of C(count, chosen), which may be far beyond the largest float."""
    terms = (special.gammaln(one + 1) for one in (count, chosen, np.maximum(count - chosen, 0)))
    whole, first, second = terms
    return whole - first - second


def _ratio(count: np.ndarray, chosen: int, whole: np.ndarray) -> np.ndarray:
    return np.where(count >= chosen, np.exp(_logarithm(count, chosen) - whole), 0.0)


def thinned(trials: pd.DataFrame, offered: int, ways: int) -> pd.DataFrame:
    """Gives trials with the mean credit that they have among fewer classes.

    Args:
        trials: Trials with the columns credit and rank.
        offered: Number of classes of each episode.
        ways: Number of classes that are chosen of them, at least 2.

    Returns:
        The trials with another column credit, and with the column gain for
        `influences.gains`.

    Raises:
        ResultError: There are not so many classes.
    """
    if not 2 <= ways <= offered:
        raise ResultError(f"{ways} ways cannot be chosen of {offered}, expected 2 to {offered}")
    credit, rank = (trials[name].to_numpy(np.float64) for name in ("credit", "rank"))
    # Few pairs of credit and rank are different.
    _, first, place = np.unique(4 * rank + credit, return_index=True, return_inverse=True)
    mean, gain = shares(credit[first], rank[first], offered, ways)
    return trials.assign(credit=mean[place], gain=gain[place])
