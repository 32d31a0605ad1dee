"""Verification: how well scores tell pairs of one character from other pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ResultError
from .estimates import LEVEL, Estimate, log_odds_ends


@dataclass(frozen=True)
class Curve:
    """A receiver operating characteristic (Fawcett 2006), a point a threshold.

    A pair is accepted as the same where its score is at least the threshold.
    Equal scores are accepted together, in one step. The first point accepts
    nothing, (0, 0), the last everything, (1, 1).

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
        """Area under the curve, by trapezia.

        It is how often a same pair scores above a different one, ties counted
        half (Bamber 1975).
        """
        area = float(np.sum(np.diff(self.far) * (self.tar[1:] + self.tar[:-1]))) / 2
        return min(area, 1.0)

    @property
    def eer(self) -> float:
        """Equal error rate: where far = 1 - tar, by linear interpolation along the curve."""
        excess = self.far + self.tar - 1
        after = int(np.searchsorted(excess, 0.0))
        before = after - 1
        part = -excess[before] / (excess[after] - excess[before])
        return float(self.far[before] + part * (self.far[after] - self.far[before]))

    @property
    def best_accuracy(self) -> float:
        """Largest accuracy (tar + 1 - far) / 2 that a threshold reaches.

        Same and different pairs weigh alike, as in table 1 of Koch et al.
        2015. It is optimistic: the threshold is chosen on the same pairs.
        """
        return float(np.max(self.tar + 1 - self.far)) / 2

    def tar_at(self, far: float) -> float:
        """Gives the largest true accept rate at a false accept rate of at most `far`.

        Not interpolated: a threshold reaches it. Where `far` is less than one
        different pair, it is the rate that no different pair reaches.

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
    """Takes trials apart into pairs of a query and a class.

    Args:
        scores: float ndarray (n, ways), higher is more alike; -inf for
            classes that an episode does not have, which make no pair.
        target: int ndarray (n,), the true way of each query.

    Returns:
        The pairs, trial by trial: their scores, ndarray (pairs,) of the type
        of `scores`; whether both are the same character, bool ndarray
        (pairs,), one of each trial; the trial of each, int64 ndarray (pairs,).

    Raises:
        ResultError: A score is NaN, or infinite otherwise than above, or
            targets are not ways of the trials.
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
        raise ResultError(f"a target is no way of its trial, expected 0 to {ways - 1}")
    present = ~np.isneginf(scores)
    same = np.arange(ways) == target[:, None]
    if not present[same].all():
        raise ResultError("the score of a true class is minus infinity, expected finite numbers")
    return scores[present], same[present], np.repeat(np.arange(len(scores)), present.sum(axis=1))


def weights(weight: np.ndarray | None, count: int) -> np.ndarray:
    """Checks the weights of pairs.

    Args:
        weight: ndarray (count,), not negative; None where all weigh alike.
        count: How many pairs.

    Returns:
        float64 ndarray (count,); bool where all weigh alike.

    Raises:
        ResultError: There are not as many, or one is negative or not finite.
    """
    if weight is None:
        return np.ones(count, bool)
    if weight.shape != (count,):
        raise ResultError(f"weights of shape {weight.shape}, expected ({count},), one a pair")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ResultError("a weight is negative or not finite, expected 0 or more")
    return weight.astype(np.float64)


def roc(score: np.ndarray, same: np.ndarray, weight: np.ndarray | None = None) -> Curve:
    """Finds the rates at every threshold.

    Args:
        score: ndarray (pairs,), finite, higher is more alike.
        same: bool ndarray (pairs,), whether both are the same character.
        weight: float ndarray (pairs,), not negative; None where all weigh
            alike.

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
    """Gives the order of descending scores, and the place of the last of each of them in it."""
    order = np.argsort(score)[::-1]
    ranked = score[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], len(ranked) > 0))


def _curve(thresholds: np.ndarray, ends: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Curve:
    """The curve of pairs in the order of `_steps`."""
    rates = []
    for kind, name in ((~same, "different"), (same, "same")):
        accepted = np.cumsum(np.where(kind, weight, False))
        if not len(accepted) or not accepted[-1]:
            raise ResultError(f"no {name} pairs, expected same and different ones; add trials")
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

    The intervals are those of t with G - 1 degrees of freedom for G alphabets,
    on the scale of log-odds (`estimates.log_odds_ends`). The variance is
    (G - 1) / G times the sum of squares of what each metric moves by when one
    alphabet's pairs are left out, those of its queries and those of its
    classes (the jackknife CV3 of MacKinnon et al. 2023, around the value
    itself). The noise of finitely many episodes is in it, once for either.
    Where none moves a metric, or it is 0 or 1, the interval has no width,
    which does not mean that there is no doubt; the method says so.

    Args:
        scores: float ndarray (n, ways), as for `pairs`.
        target: int ndarray (n,), the true way of each query.
        cluster: int ndarray (n,), the alphabet of each trial's query.
        level: Nominal coverage.
        classes: int ndarray (n, ways), the alphabet of each class, -1 where
            it is not known; None where episodes are within alphabets.

    Returns:
        By metric of `Curve`: `auc`, `eer`, `tar@far=1%`, `tar@far=0.1%`, and
        `accuracy`, the best.

    Raises:
        ResultError: There are fewer than two alphabets, no different pairs
            with one left out, the level is impossible, or as `pairs`.
    """
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    score, same, trial = pairs(scores, target)
    if cluster.shape != target.shape:
        raise ResultError(f"alphabets of shape {cluster.shape}, expected {target.shape}, one each")
    if classes is not None and classes.shape != scores.shape:
        raise ResultError(f"alphabets of classes of shape {classes.shape}, expected {scores.shape}")
    labels = np.unique(cluster)
    clusters = len(labels)
    if clusters < 2:
        raise ResultError(
            f"trials of {clusters} alphabets, expected two or more to tell of others; "
            "verify on a protocol of several alphabets"
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
        low, high, method = value, value, "no spread between alphabets"
        if 0 < value < 1 and spread > 0:
            low, high = log_odds_ends(value, spread, clusters - 1, level)
            method = "jackknife by alphabet, log-odds"
        found[name] = Estimate(value, low, high, level, method, len(target), clusters)
    return found
