"""Few alphabets: the influence of each character, where alphabets cannot tell of others.

Of one alphabet nothing follows for new alphabets, and two to four are too few to
estimate how much alphabets differ. New characters of the same alphabets can be
told of: characters are left out as alphabets are in `influences`, each within
its own alphabet. The images of a character are left out with it, so that the
spread of characters includes that of images.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run
from .influences import COLUMNS, FEWEST_CLUSTERS, Influence, gains_of, influence
from .numbering import clusters_of, counts, numbered

_CELLS = 2**21
"""The largest number of cells of `Influence.parts`; with more episodes they are batched."""

_BATCHES = 64
"""The smallest number of batches, with which the noise of the episodes is still known well."""


def by_character(trials: pd.DataFrame) -> Influence:
    """Computes the influence of each character on the mean credit, within its alphabet.

    It is that of `influences.influence` with characters as clusters, but for
    two things. A trial is compared with the mean over queries of its own
    alphabet, and a distractor with the mean over distractors of its own
    alphabet, so that the influences of an alphabet's characters add up to 0.
    And a character is never a distractor of itself: if others are often taken
    for it, its own queries look easier than they are, because another one
    stands in its place; this hides a part of its influence. The factor
    (K - 1) / (K - 2), for K characters that can meet in an episode, restores
    it. If each error has a single distractor to blame, and every choice of
    classes is an episode, `Influence.without` is then exactly the mean over the
    episodes without each character.

    Args:
        trials: Trials with the columns of `influences.COLUMNS` and character,
            one or more. The rotations of a character are one character.
    """
    cluster, group, names, rotated = characters_of(trials)
    episode = numbered(trials["episode"].to_numpy())
    target, predicted = (trials[name].to_numpy(np.int64) for name in ("target", "predicted"))
    credit, gain = trials["credit"].to_numpy(np.float64), gains_of(trials)
    episodes, ways = int(episode.max()) + 1, int(max(target.max(), predicted.max())) + 1
    of_trial = group[cluster]

    # Classes of episodes, each at the place of its way.
    place = episode * ways + target
    class_at = np.full(episodes * ways, -1)
    class_at[place] = cluster
    known = np.flatnonzero(class_at >= 0)
    own = np.bincount(place)[known]
    if rotated:
        own = _own_queries(known // ways, class_at[known], own)
    met = np.bincount(episode)[known // ways] - own
    ahead = class_at[episode * ways + predicted]
    alone = (gain > 0) & (ahead >= 0) & (ahead != cluster)

    batches = min(episodes, max(_BATCHES, _CELLS // len(names)))
    batch = np.arange(episodes) * batches // episodes
    shape = batches, len(names)
    gains = counts(batch[episode[alone]], ahead[alone], shape, gain[alone])
    appearances = counts(batch[known // ways], class_at[known], shape, met)
    usual = _ratio(np.bincount(group, gains.sum(axis=0)), appearances.sum(axis=0), group)
    expected = _ratio(np.bincount(of_trial, credit), np.bincount(cluster), group)
    met_by = _met_by(episode, of_trial, group)
    parts = counts(batch[episode], cluster, shape, credit - expected[of_trial])
    parts += usual[group] * appearances - gains
    parts *= (met_by - 1) / np.maximum(met_by - 2, 1)

    value = float(credit.sum()) / len(credit)
    residuals = np.bincount(episode, credit - value)
    sizes = np.bincount(cluster).astype(np.float64)
    return Influence(
        value,
        len(credit),
        names,
        sizes,
        parts,
        residuals,
        mixed=True,
        groups=group,
        what="character",
    )


def characters_of(
    trials: pd.DataFrame,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], bool]:
    """Numbers the characters that occur.

    Returns:
        The number of each trial's character, int64 ndarray (n,); the number of
        each character's alphabet, int64 ndarray (characters,), from 0; the
        names of the characters; and whether some are rotated.
    """
    alphabet, character = (
        trials[name].astype("category").cat for name in ("alphabet", "character")
    )
    bases: dict[str, int] = {}
    unturned = [
        bases.setdefault(re.sub(r"@(90|180|270)$", "", str(name)), len(bases))
        for name in character.categories.tolist()
    ]
    of = np.array(unturned)[character.codes.to_numpy()]
    code = alphabet.codes.to_numpy(np.int64) * len(bases) + of
    there = np.flatnonzero(np.bincount(code))
    number = np.zeros(there[-1] + 1, np.int64)
    number[there] = np.arange(len(there))
    alphabets, characters = alphabet.categories.tolist(), list(bases)
    pairs = [divmod(one, len(bases)) for one in there.tolist()]
    names = tuple(f"{alphabets[one]}/{characters[other]}" for one, other in pairs)
    rotated = len(bases) < len(unturned)
    return number[code], numbered(there // len(bases)), names, rotated


def _own_queries(episode: np.ndarray, cluster: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Gives, for each class of an episode, the queries there of its character in any rotation."""
    _, place = np.unique(episode * (cluster.max() + 1) + cluster, return_inverse=True)
    return np.bincount(place, queries)[place]


def _ratio(sums: np.ndarray, sizes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Divides the sums of groups by the sums of their clusters' sizes; 0 where these are 0."""
    whole = np.bincount(group, sizes)
    return sums / np.where(whole > 0, whole, 1)


def _met_by(episode: np.ndarray, group: np.ndarray, of_cluster: np.ndarray) -> np.ndarray:
    """Gives the number of characters that can be in an episode with each one, itself included."""
    first = np.zeros(int(episode.max()) + 1, np.int64)
    first[episode[::-1]] = group[::-1]
    if (first[episode] != group).any():
        return np.full(len(of_cluster), len(of_cluster))
    return np.bincount(of_cluster)[of_cluster]


def population_influence(trials: pd.DataFrame, once: bool = False) -> Influence:
    """Computes the influence of that of which new ones are drawn, in intervals and tests.

    These are alphabets; with fewer than five alphabets, characters within
    alphabets. If the characters are too few as well, and no image is in two
    episodes, these are episodes: then new images of the same characters can be
    told of.

    Args:
        trials: As for `by_character`; without characters, alphabets it is.
        once: Whether every image is used at most once.

    Raises:
        ResultError: There are no trials.
    """
    if not len(trials):
        raise ResultError("no trials to estimate an accuracy from")
    known = all(name in trials for name in (*COLUMNS, "character"))
    if not known or len(clusters_of(trials["alphabet"])[1]) >= FEWEST_CLUSTERS:
        return influence(trials)
    found = by_character(trials)
    return _by_episode(trials) if once and found.problem else found


def _by_episode(trials: pd.DataFrame) -> Influence:
    """Computes the influence of each episode, for episodes that share no image."""
    episode = numbered(trials["episode"].to_numpy())
    credit = trials["credit"].to_numpy(np.float64)
    value, sizes = float(credit.sum()) / len(credit), np.bincount(episode).astype(np.float64)
    sums, names = np.bincount(episode, credit - value), tuple(map(str, range(len(sizes))))
    one = np.zeros(len(sizes), np.int64)
    return Influence(value, len(credit), names, sizes, sums[None], sums, False, one, "episode")


def influence_of(run: Run, trials: pd.DataFrame) -> Influence:
    """Gives the `population_influence`; computed once if the run's trials stay in memory.

    Args:
        run: The run.
        trials: Its trials, from `Run.outcome`.
    """
    if not run.keeps(trials):
        return population_influence(trials, run.uses_images_once)
    if "influence" not in run.derived:
        run.derived["influence"] = population_influence(trials, run.uses_images_once)
    return run.derived["influence"]
