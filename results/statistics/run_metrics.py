"""Metrics: everything that can be computed from a stored run without its scorer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run
from .calibration import Calibration, calibration
from .estimates import LEVEL
from .intervals import INTERVALS, estimate_run
from .verification import pairs, verify

HIT_RANKS = (1, 2, 5)
"""The values of k: a trial is a hit at k if the true class is among the k best."""


def _heading(run: Run) -> dict[str, Any]:
    record = run.record
    return {
        "protocol": run.protocol,
        "scorer": run.scorer,
        "seed": record["seed"],
        "episodes": record["episodes"],
        "episodes_digest": record["episodes_digest"],
        "scorer_digest": record["scorer"]["digest"],
        "n": record["n"],
    }


def _accuracy(run: Run, level: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for interval in INTERVALS:
        try:
            found[interval] = estimate_run(run, interval, level).as_json()
        except ResultError as error:
            found[interval] = {"refused": str(error)}
    return found


def _ranks(trials: pd.DataFrame) -> dict[str, float]:
    rank = trials["rank"].to_numpy(np.float64)
    hits = {f"hit@{k}": float((rank <= k).mean()) for k in HIT_RANKS}
    return {
        **hits,
        "mean rank": float(rank.mean()),
        "mean reciprocal rank": float((1 / rank).mean()),
    }


def metrics(run: Run, level: float = LEVEL) -> dict[str, Any]:
    """Computes accuracy with every interval, rank metrics and, from scores, verification.

    Args:
        run: The run.
        level: Nominal coverage of intervals.

    Returns:
        A dict in JSON's types: protocol, scorer, seed, episodes, digests, n;
        `accuracy` by name of the interval, as fractions; `ranks`; and, if
        scores are stored, the result of `verification_of`, or the reason why
        there is none.

    Raises:
        ResultError: Trials or scores cannot be read.
    """
    found = {**_heading(run), "accuracy": _accuracy(run, level), "ranks": _ranks(run.trials)}
    if run.scores is not None:
        try:
            found |= verification_of(run, level)
        except ResultError as error:
            found["verification"] = {"refused": str(error)}
    return found


def _classes(
    trials: pd.DataFrame, target: np.ndarray, cluster: np.ndarray, ways: int
) -> np.ndarray:
    """Gives the alphabet of every class of every trial, -1 for classes that are never true."""
    episode, numbers = pd.factorize(trials["episode"])
    alphabets = np.full((len(numbers), ways), -1)
    alphabets[episode, target] = cluster
    return alphabets[episode]


def calibrated(score: np.ndarray, same: np.ndarray, scale: str) -> Calibration:
    """Measures the calibration of pairs, with equal weight for same and for different pairs.

    Args:
        score: ndarray (pairs,).
        same: bool ndarray (pairs,), whether both are the same character.
        scale: What the scores are: `probability` or `log-odds`.
    """
    probability = score.astype(np.float64)
    if scale == "log-odds":
        probability = 0.5 * (1 + np.tanh(probability / 2))
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    return calibration(probability, same, weight=weight)


def verification_of(run: Run, level: float = LEVEL) -> dict[str, Any]:
    """Computes how well a run's scores separate pairs of the same character from others.

    Args:
        run: A run with stored scores.
        level: Nominal coverage of intervals.

    Returns:
        A dict in JSON's types: protocol, scorer, seed, episodes, digests, n;
        `verification` by metric, see `verification.verify`; and `calibration`
        if scores are probabilities or log-odds, else None. For calibration,
        same and different pairs get equal weight.

    Raises:
        ResultError: The run has no scores, or they cannot be read.
    """
    scores = run.scores
    if scores is None:
        raise ResultError(f"{run.folder}: no scores are stored; run it with --verification")
    trials = run.trials
    target = trials["target"].to_numpy(np.int64)
    cluster = pd.factorize(trials["alphabet"], sort=True)[0]
    score, same, _ = pairs(scores, target)
    classes = _classes(trials, target, cluster, scores.shape[1])
    found = verify(scores, target, cluster, level, classes)
    result: dict[str, Any] = {
        **_heading(run),
        "verification": {name: one.as_json() for name, one in found.items()},
        "calibration": None,
    }
    scale = run.record["scorer"].get("scale")
    if scale:
        measured = calibrated(score, same, scale)
        result["calibration"] = {
            "expected calibration error": measured.ece,
            "brier": measured.brier,
        }
    return result
