"""Verification: how well scores separate pairs of the same character from other pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ResultError
from .estimates import LEVEL, Estimate, log_odds_ends


@dataclass(frozen=True)
class Curve:
    """A receiver operating characteristic (Fawcett 2006), one point for each threshold.

    A pair is accepted as the same if its score is at least the threshold.
    Equal scores are accepted together, in one step. The first point, (0, 0),
    accepts no pair; the last point, (1, 1), accepts all pairs.

    Attributes:
        thresholds: float64 ndarray (points,), descending, from infinity.
        far: float64 ndarray (points,), ascending: the false accept rate, the
            share of different pairs that are accepted.
        tar: float64 ndarray (points,), ascending: the true accept rate, the
            share of same pairs that are accepted.
    """

    thresholds: np.ndarray
    far: np.ndarray
    tar: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the curve, by the trapezoidal rule.

        It is the probability that a same pair scores higher than a different
        pair, where a tie counts half (Bamber 1975).
        """
        area = float(np.sum(np.diff(self.far) * (self.tar[1:] + self.tar[:-1]))) / 2
        return min(area, 1.0)

    @property
    def eer(self) -> float:
        """Equal error rate: the rate at which far = 1 - tar, by linear interpolation."""
        excess = self.far + self.tar - 1
        after = int(np.searchsorted(excess, 0.0))
        before = after - 1
        part = -excess[before] / (excess[after] - excess[before])
        return float(self.far[before] + part * (self.far[after] - self.far[before]))

    @property
    def best_accuracy(self) -> float:
        """Largest accuracy (tar + 1 - far) / 2 of all thresholds.

        Same and different pairs have equal weight, as in table 1 of Koch et al.
        2015. It is optimistic, because the threshold is chosen on the same
        pairs.
        """
        return float(np.max(self.tar + 1 - self.far)) / 2

    def tar_at(self, far: float) -> float:
        """Gives the largest true accept rate at a false accept rate of at most `far`.

        It is not interpolated: there is a threshold with this rate. If `far` is
        below the share of one different pair, no different pair is accepted.

        Args:
            far: From 0 to 1.

        Raises:
            ResultError: The rate is impossible.
        """
        if not 0 <= far <= 1:
            raise ResultError(f"false accept rate {far} is impossible, expected from 0 to 1")
        # Sums of weights can exceed a rate by their rounding alone.
        return float(self.tar[np.searchsorted(self.far, far + 1e-12, "right") - 1])


_METRICS: dict[str, Callable[[Curve], float]] = {
    "auc": lambda curve: curve.auc,
    "eer": lambda curve: curve.eer,
    "tar@far=1%": lambda curve: curve.tar_at(0.01),
    "tar@far=0.1%": lambda curve: curve.tar_at(0.001),
    "accuracy": lambda curve: curve.best_accuracy,
}


def pairs(scores: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splits trials into pairs of a query and a class.

    Args:
        scores: float ndarray (n, ways), higher means more alike; -inf for
            classes that an episode does not have, which give no pair.
        target: int ndarray (n,), the true way of each query.

    Returns:
        Three arrays, trial by trial: the scores of the pairs, ndarray (pairs,)
        of the dtype of `scores`; whether both are the same character, bool
        ndarray (pairs,), true once for each trial; and the trial of each pair,
        int64 ndarray (pairs,).

    Raises:
        ResultError: A score is NaN or +inf, or the true class of a trial has
            the score -inf, or a target is not a way of its trial.
    """
    if scores.ndim != 2 or target.shape != scores.shape[:1]:
        raise ResultError(
            f"scores of shape {scores.shape} and targets of shape {target.shape}, expected "
            "(n, ways) and (n,); give a row and a target for each trial"
        )
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise ResultError("a score is NaN or infinite, expected finite numbers")
    ways = scores.shape[1]
    if ((target < 0) | (target >= ways)).any():
        raise ResultError(f"a target is not a way of its trial, expected 0 to {ways - 1}")
    present = ~np.isneginf(scores)
    same = np.arange(ways) == target[:, None]
    if not present[same].all():
        raise ResultError("the score of a true class is minus infinity, expected finite numbers")
    return scores[present], same[present], np.repeat(np.arange(len(scores)), present.sum(axis=1))


def weights(weight: np.ndarray | None, count: int) -> np.ndarray:
    """Checks the weights of pairs.

    Args:
        weight: ndarray (count,), not negative; None for equal weights.
        count: Number of pairs.

    Returns:
        float64 ndarray (count,); bool, all true, for equal weights.

    Raises:
        ResultError: Their number is not `count`, or one is negative or not
            finite.
    """
    if weight is None:
        return np.ones(count, bool)
    if weight.shape != (count,):
        raise ResultError(
            f"weights of shape {weight.shape}, expected ({count},), one for each pair"
        )
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ResultError("a weight is negative or not finite, expected 0 or more")
    return weight.astype(np.float64)


def roc(score: np.ndarray, same: np.ndarray, weight: np.ndarray | None = None) -> Curve:
    """Computes the accept rates at every threshold.

    Args:
        score: ndarray (pairs,), finite, higher means more alike.
        same: bool ndarray (pairs,), whether both are the same character.
        weight: float ndarray (pairs,), not negative; None for equal weights.

    Raises:
        ResultError: A score is not finite, weights are impossible, or there
            are no same or no different pairs.
    """
    if not np.isfinite(score).all():
        raise ResultError("a score is NaN or infinite, expected finite numbers")
    weight = weights(weight, len(score))
    order, ends = _steps(score)
    return _curve(score[order[ends]], ends, same[order].astype(bool), weight[order])


def _steps(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the order of descending scores, and the last place of each score in this order."""
    order = np.argsort(score)[::-1]
    ranked = score[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], len(ranked) > 0))


def _curve(thresholds: np.ndarray, ends: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Curve:
    """Computes the curve of pairs that are in the order of `_steps`."""
    rates = []
    for kind, name in ((~same, "different"), (same, "same")):
        accepted = np.cumsum(np.where(kind, weight, False))
        if not len(accepted) or not accepted[-1]:
            raise ResultError(f"no {name} pairs, expected same and different pairs; add trials")
        rates.append(np.append(0.0, accepted[ends] / accepted[-1]))
    return Curve(np.append(np.inf, thresholds), *rates)


def verify(
    scores: np.ndarray,
    target: np.ndarray,
    cluster: np.ndarray,
    level: float = LEVEL,
    classes: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """Estimates how well a scorer verifies, with intervals for other alphabets.

    The intervals are t intervals with G - 1 degrees of freedom for G alphabets,
    on the log-odds scale (`estimates.log_odds_ends`). For the variance, each
    alphabet is left out in turn, with all pairs of its queries and all pairs of
    its classes. The variance is (G - 1) / G times the sum of squared changes of
    the metric (the jackknife CV3 of MacKinnon et al. 2023, around the value
    itself). It includes the noise of finitely many episodes, once for queries
    and once for classes. If no alphabet changes a metric, or the metric is 0 or
    1, the interval has no width although the metric is uncertain; the method
    says so.

    Args:
        scores: float ndarray (n, ways), as for `pairs`.
        target: int ndarray (n,), the true way of each query.
        cluster: int ndarray (n,), the alphabet of each trial's query.
        level: Nominal coverage.
        classes: int ndarray (n, ways), the alphabet of each class, -1 if
            unknown; None if episodes are within alphabets.

    Returns:
        The estimate of each metric of `Curve`: `auc`, `eer`, `tar@far=1%`,
        `tar@far=0.1%` and `accuracy` (`best_accuracy`).

    Raises:
        ResultError: There are fewer than two alphabets, no different pairs
            remain when an alphabet is left out, the level is impossible, or as
            for `pairs`.
    """
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    score, same, trial = pairs(scores, target)
    if cluster.shape != target.shape:
        raise ResultError(
            f"alphabets of shape {cluster.shape}, expected {target.shape}, one for each trial"
        )
    if classes is not None and classes.shape != scores.shape:
        raise ResultError(f"alphabets of classes of shape {classes.shape}, expected {scores.shape}")
    labels = np.unique(cluster)
    clusters = len(labels)
    if clusters < 2:
        raise ResultError(
            f"trials of {clusters} alphabets, expected two or more for an interval; verify on a "
            "protocol with several alphabets"
        )
    order, ends = _steps(score)
    thresholds, same, query = score[order[ends]], same[order], cluster[trial[order]]
    other = query if classes is None else classes[~np.isneginf(scores)][order]

    def measured(weight: np.ndarray) -> list[float]:
        curve = _curve(thresholds, ends, same, weight)
        return [metric(curve) for metric in _METRICS.values()]

    values = measured(np.ones(len(score), bool))
    without = np.array([measured((query != one) & (other != one)) for one in labels])
    variance = (clusters - 1) / clusters * np.sum((without - values) ** 2, axis=0)
    found = {}
    for name, value, spread in zip(_METRICS, values, variance.tolist(), strict=True):
        low, high = value, value
        method = "no spread between alphabets (the interval has no width, which is no certainty)"
        if 0 < value < 1 and spread > 0:
            low, high = log_odds_ends(value, spread, clusters - 1, level)
            method = "jackknife by alphabet, log-odds"
        found[name] = Estimate(value, low, high, level, method, len(target), clusters)
    return found
