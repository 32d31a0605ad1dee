"""Numbering: names and numbers of trials turned into small numbers, and counted by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def counts(
    row: np.ndarray, cluster: np.ndarray, shape: tuple[int, int], weights: Any = None
) -> np.ndarray:
    """Sums weights, or counts entries, by row and cluster.

    Args:
        row: int ndarray (entries,), the row of each entry.
        cluster: int ndarray (entries,), the cluster of each entry.
        shape: Number of rows and of clusters.
        weights: float64 ndarray (entries,); None to count.

    Returns:
        int64 or, with weights, float64 ndarray of this shape.
    """
    place = row * shape[1] + cluster
    return np.bincount(place, weights, math.prod(shape)).reshape(shape)


def numbered(values: np.ndarray) -> np.ndarray:
    """Numbers equal values alike, from 0 in ascending order, int64 ndarray (n,).

    Args:
        values: ndarray (n,).
    """
    new = values[1:] != values[:-1]
    if (values[1:] < values[:-1]).any():
        return np.unique(values, return_inverse=True)[1]
    # Trials are stored in this order; sorting would take much longer and twice the memory.
    return np.concatenate([[0], np.cumsum(new)])


def clusters_of(labels: pd.Series | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers clusters in the order of their names; of categories, in that of the categories.

    Args:
        labels: The cluster of each trial, (n,).

    Returns:
        The number of each trial's cluster, int64 ndarray (n,), and the names that occur.
    """
    values = labels.array if isinstance(labels, pd.Series) else labels
    if not isinstance(values, pd.Categorical):
        cluster, names = pd.factorize(labels, sort=True)
        return cluster, tuple(map(str, names))
    # As `factorize`, but counted, which takes a fraction of the time.
    there = np.flatnonzero(np.bincount(values.codes, minlength=len(values.categories)))
    number = np.zeros(len(values.categories), np.int64)
    number[there] = np.arange(len(there))
    names = values.categories.tolist()
    return number[values.codes], tuple(str(names[place]) for place in there)
