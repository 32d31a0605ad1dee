"""Matching: runs of the same episodes, compared trial by trial."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import SMALL, Run
from .characters import influence_of
from .influences import Influence, influence

CLUSTERS = {"alphabet": "alphabet", "run": "episode"}
"""Names of the ways to cluster trials, each with the column of trials that it uses."""

_KEYS = ["episode", "query", "target"]
_IMAGE = ["alphabet", "character", "drawer"]


@dataclass(frozen=True)
class _Keys:
    """Which trials a run has, without the trials.

    Attributes:
        digest: Covers the trials' keys, and the places of names among their categories.
        names: The categories of the query images' alphabets, characters and drawers.
    """

    digest: bytes
    names: tuple[pd.Index, ...]

    @classmethod
    def of(cls, trials: pd.DataFrame) -> _Keys:
        """Makes them of trials in order."""
        made = hashlib.sha256()
        images = [pd.Categorical(trials[key].array) for key in _IMAGE]
        keys = [trials[key].to_numpy() for key in _KEYS]
        for values in (*keys, *(one.codes for one in images)):
            made.update(f"{len(values)} {values.dtype.str} ".encode())
            made.update(np.ascontiguousarray(values).data)
        return cls(made.digest(), tuple(one.categories for one in images))

    def equals(self, other: _Keys) -> bool:
        """Tells whether the trials are surely the same."""
        names = zip(self.names, other.names, strict=True)
        return self.digest == other.digest and all(mine.equals(theirs) for mine, theirs in names)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run, ready to be compared.

    Attributes:
        run: The run.
        credit: The credit of each trial in the order of episodes and queries,
            float64 ndarray (n,).
        influence: The influence of each cluster on the accuracy; where the
            alphabets are too few, of each character (`influence_of`).
        what: The kind of the clusters, a key of `CLUSTERS`.
        kept: The trials, in order, of a small run; of a large one, which would fill the
            memory, only which they are.
    """

    run: Run
    credit: np.ndarray
    influence: Influence
    what: str
    kept: pd.DataFrame | _Keys

    @property
    def _trials(self) -> pd.DataFrame:
        """The columns of `Run.outcome`, in order; of a large run, they are read again."""
        return _in_order(self.run.outcome()) if isinstance(self.kept, _Keys) else self.kept

    @property
    def clusters(self) -> pd.Series:
        """The cluster of each trial."""
        return self._trials[CLUSTERS[self.what]]

    @cached_property
    def _keys(self) -> _Keys:
        return self.kept if isinstance(self.kept, _Keys) else _Keys.of(self.kept)

    def __sub__(self, other: Outcome) -> np.ndarray:
        """Gives the credits minus the other's credits, trial by trial, float64 ndarray (n,).

        Raises:
            ResultError: The outcomes are of different episodes or trials.
        """
        check_same_episodes(self.run, other.run)
        # Equal trials have other keys where types, or the orders of categories, differ.
        if not self._keys.equals(other._keys):
            _check_same_trials((self.run, other.run), (self._trials, other._trials))
        return self.credit - other.credit


def outcome(run: Run, by: str = "alphabet") -> Outcome:
    """Reads the outcome of a run.

    Args:
        run: The run.
        by: How trials are clustered, a key of `CLUSTERS`; `run` is only for
            the official runs.

    Raises:
        ResultError: Trials cannot be read, or `by` is unknown or not for the
            run's protocol.
    """
    if by not in CLUSTERS:
        raise ResultError(f"unknown clusters {by!r}; known are {', '.join(CLUSTERS)}")
    if by == "run" and not run.is_official:
        raise ResultError(f"{run.protocol} has no official runs; ask for --by alphabet")
    trials = _in_order(run.outcome())
    found = influence_of(run, trials) if by == "alphabet" else influence(trials, CLUSTERS[by], by)
    credit = trials["credit"].to_numpy(np.float64)
    if run.record["n"] <= SMALL:
        return Outcome(run, credit, found, by, trials)
    # A copy, as what pandas gives may keep the whole table.
    return Outcome(run, credit.copy(), found, by, _Keys.of(trials))


def _in_order(trials: pd.DataFrame) -> pd.DataFrame:
    """Gives trials sorted by episode and query; a copy only if they are not stored so."""
    episode, query = (trials[name].to_numpy(np.int64) for name in ("episode", "query"))
    steps = np.diff(episode * (query.max(initial=0) + 1) + query)
    return trials if (steps > 0).all() else trials.sort_values(_KEYS, ignore_index=True)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}", part)
    else:
        yield name, value


def _facts(run: Run) -> dict[str, Any]:
    """Gives all fields on which a run's episodes depend."""
    protocol, dataset = run.record["protocol"], run.record["dataset"]
    facts = {
        "protocol": protocol.get("fields") or {"name": protocol["name"]},
        "dataset": {name: dataset.get(name) for name in ("name", "digest")},
        "seed": run.record["seed"],
        "episodes": run.record["episodes"],
    }
    return {name: value for key, part in facts.items() for name, value in _flat(key, part)}


def _shown(value: Any) -> str:
    if value is None:
        return "the default"
    return f"{value:,}" if type(value) is int else str(value)[:40]


def check_same_episodes(first: Run, second: Run) -> None:
    """Checks that two runs are of the same episodes.

    Args:
        first: A run.
        second: Another run.

    Raises:
        ResultError: They are not; the message says which fields differ, and
            how.
    """
    if first.record["episodes_digest"] == second.record["episodes_digest"]:
        return
    mine, theirs = _facts(first), _facts(second)
    differing = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    how = "; ".join(
        f"{name}: {_shown(mine.get(name))} against {_shown(theirs.get(name))}" for name in differing
    )
    mend = "run both with the same"
    if differing == ["episodes"]:
        fewer = min(mine["episodes"], theirs["episodes"])
        mend = f"the first {fewer:,} episodes are the same; run both with the same --episodes"
    elif not differing:
        how = "no field, only the digest"
        mend = "they are of different versions of wayshot; run both again"
    raise ResultError(
        f"{first.folder} and {second.folder} are of different episodes ({how}); {mend}"
    )


def _check_same_trials(runs: tuple[Run, Run], trials: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    check_same_episodes(*runs)
    mine, theirs = trials
    if not all(np.array_equal(mine[key].to_numpy(), theirs[key].to_numpy()) for key in _KEYS):
        raise ResultError(
            f"{runs[0].folder} and {runs[1].folder} are of the same episodes but not of the same "
            f"trials ({', '.join(_KEYS)}); run both again"
        )
    others = [key for key in _IMAGE if not _same_names(mine[key], theirs[key])]
    if others:
        raise ResultError(
            f"{runs[0].folder} and {runs[1].folder} are of the same episodes but of other query "
            f"images ({', '.join(others)}); run both again with the same data"
        )


def _same_names(mine: pd.Series, theirs: pd.Series) -> bool:
    """Tells whether two columns hold the same names, in whatever order their categories are."""
    if mine.dtype == theirs.dtype == "category" and mine.cat.categories.equals(
        theirs.cat.categories
    ):
        return np.array_equal(mine.cat.codes.to_numpy(), theirs.cat.codes.to_numpy())
    return bool((mine.astype(object).to_numpy() == theirs.astype(object).to_numpy()).all())


def matched(found: Mapping[str, Sequence[Run]]) -> tuple[list[list[Run]], list[str]]:
    """Groups the runs of several scorers by episodes that all of them share.

    Args:
        found: The runs of each scorer, under the name for messages.

    Returns:
        As `together`, with one run of each scorer (the last one, if there are
        several).

    Raises:
        ResultError: As `together`.
    """
    groups, left_out = together(found, lambda runs: False)
    return [[run for (run,) in sides] for sides in groups], left_out


def together(
    found: Mapping[str, Sequence[Run]], several: Callable[[Sequence[Run]], bool]
) -> tuple[list[list[list[Run]]], list[str]]:
    """Groups the runs of names by episodes that all of them share.

    Args:
        found: The runs of each name.
        several: Tells whether runs of several scorers may stand under one name,
            such as the trainings of one recipe.

    Returns:
        Two lists. First, for each shared set of episodes, the runs of each
        name: one for each scorer (the last one, if there are several). Second,
        for each protocol that all names were run on but with different
        episodes, a message that says how the episodes differ.

    Raises:
        ResultError: No episodes are shared, a name stands for several scorers
            that may not stand together, or the same run has two names.
    """
    named = list(found.values())
    groups: list[list[list[Run]]] = []
    for digest in dict.fromkeys(run.record["episodes_digest"] for run in named[0]):
        of_each = {
            name: [run for run in runs if run.record["episodes_digest"] == digest]
            for name, runs in found.items()
        }
        if all(of_each.values()):
            groups.append([_distinct(name, runs, several) for name, runs in of_each.items()])
    for sides in groups:
        runs = [run for side in sides for run in side]
        folders = [run.folder.resolve() for run in runs]
        twice = next((run for run in runs if folders.count(run.folder.resolve()) > 1), None)
        if twice:
            raise ResultError(f"{twice.folder}: the same run twice; name different scorers")
    done = {sides[0][0].protocol for sides in groups}
    protocols = [dict.fromkeys(run.protocol for run in runs) for runs in named]
    unlike = [
        [next(run for run in reversed(runs) if run.protocol == name) for runs in named]
        for name in protocols[0]
        if name not in done and all(name in others for others in protocols)
    ]
    if not groups and all(len(runs) == 1 for runs in named):
        unlike = [[runs[0] for runs in named]]
    left_out: list[str] = []
    for runs in unlike:
        try:
            for run in runs[1:]:
                check_same_episodes(runs[0], run)
        except ResultError as error:
            left_out.append(str(error))
    if not groups:
        have = (
            f"{name} has {', '.join(mine)}" for name, mine in zip(found, protocols, strict=True)
        )
        nothing = f"no protocol in common: {'; '.join(have)}; run all on the same"
        raise ResultError(left_out[0] if left_out else nothing)
    return groups, left_out


def _distinct(
    name: str, runs: Sequence[Run], several: Callable[[Sequence[Run]], bool]
) -> list[Run]:
    found = list({run.record["scorer"]["digest"]: run for run in runs}.values())
    if len(found) > 1 and not several(found):
        folders = ", ".join(str(run.folder) for run in runs)
        raise ResultError(
            f"{name!r} stands for several scorers on {runs[0].protocol}; name one of the folders "
            f"{folders}"
        )
    return found


def disagreeing(first: Run, second: Run) -> pd.DataFrame:
    """Lists the trials for which two scorers have different credit.

    Args:
        first: A run.
        second: A run of another scorer on the same episodes.

    Returns:
        One row for each trial, sorted by episode and query. Columns: episode,
        query, target, alphabet, character, drawer; and for each scorer, with
        the ending `_first` or `_second`: credit, predicted,
        predicted_alphabet, predicted_character and margin. The predicted names
        are missing if the class is the true class of no trial of the episode.

    Raises:
        ResultError: The runs are of different episodes or trials, or trials
            cannot be read.
    """
    check_same_episodes(first, second)
    both = _in_order(first.trials), _in_order(second.trials)
    _check_same_trials((first, second), both)
    unlike = (both[0]["credit"] != both[1]["credit"]).to_numpy()
    listed = both[0].loc[unlike, [*_KEYS, "alphabet", "character", "drawer"]]
    for trials, name in zip(both, ("first", "second"), strict=True):
        classes = trials[["episode", "target", "alphabet", "character"]]
        classes = classes.drop_duplicates(["episode", "target"]).set_axis(
            ["episode", "predicted", "predicted_alphabet", "predicted_character"], axis=1
        )
        chosen = trials.loc[unlike, [*_KEYS, "credit", "predicted", "margin"]]
        chosen = chosen.merge(classes, "left", ["episode", "predicted"]).set_index(_KEYS)
        listed = listed.join(chosen.add_suffix(f"_{name}"), on=_KEYS)
    return listed.reset_index(drop=True)
