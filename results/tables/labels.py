"""Labels: what rows and columns are called, so that different things never share a name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..errors import ResultError
from ..store import Run
from ..text import shown


def row_of(run: Run) -> Hashable:
    """What runs of one row have in common: name and digest of the scorer."""
    return run.scorer, run.record["scorer"]["digest"]


def column_of(run: Run) -> Hashable:
    """What runs of one column have in common: the episodes."""
    return run.record["episodes_digest"]


def rows(runs: Sequence[Run]) -> dict[Hashable, str]:
    """Labels scorers, by `row_of`; those of one name by digest too."""
    return _labels(
        runs,
        lambda run: run.scorer,
        row_of,
        lambda run, digits: run.record["scorer"]["digest"][:digits],
    )


def columns(runs: Sequence[Run]) -> dict[Hashable, str]:
    """Labels episodes, by `column_of`; those of one protocol by seed, number and digest too."""
    return _labels(
        runs,
        lambda run: run.protocol,
        column_of,
        lambda run, digits: (
            f"seed {run.record['seed']}, {run.record['episodes']} episodes, "
            f"{run.record['episodes_digest'][:digits]}"
        ),
    )


def _labels(
    runs: Sequence[Run],
    name: Callable[[Run], str],
    identity: Callable[[Run], Hashable],
    detail: Callable[[Run, int], str],
) -> dict[Hashable, str]:
    """Labels things by name, and where that is not enough by as much detail as is."""
    things: dict[Hashable, Run] = {}
    for run in runs:
        things.setdefault(identity(run), run)
    names = [shown(name(run)) for run in things.values()]
    labels: dict[Hashable, str] = {}
    for digits in range(6, 65):
        labels = {
            thing: called
            if names.count(called) == 1
            else f"{called} ({shown(detail(run, digits))})"
            for (thing, run), called in zip(things.items(), names, strict=True)
        }
        if len(set(labels.values())) == len(labels):
            return labels
    # Someone has named a scorer like a label: numbers tell what digests cannot.
    return {thing: f"{label} #{i}" for i, (thing, label) in enumerate(labels.items(), start=1)}


def placed(runs: Sequence[Run]) -> dict[tuple[str, str], Run]:
    """Puts runs into rows and columns, by their labels.

    Args:
        runs: The runs; of several with the same scorer and episodes the last
            counts.

    Raises:
        ResultError: There are none, or as `check_protocols`.
    """
    if not runs:
        raise ResultError("no runs to lay out")
    check_protocols(runs)
    row, column = rows(runs), columns(runs)
    return {(row[row_of(run)], column[column_of(run)]): run for run in runs}


def check_protocols(runs: Sequence[Run]) -> None:
    """Makes sure that a protocol's name, its digest and its episodes go together.

    Raises:
        ResultError: Two protocols have one name or one digest of episodes;
            says which fields differ, and how.
    """
    first: dict[tuple[str, Hashable], Run] = {}
    for run in runs:
        for what, key in (("name", shown(run.protocol)), ("digest of episodes", column_of(run))):
            other = first.setdefault((what, key), run)
            mine, theirs = (one.record["protocol"] for one in (other, run))
            # The same images may lie in folders of different names.
            renamed = ":" not in mine["name"] and mine["name"] != theirs["name"]
            if mine["digest"] != theirs["digest"] or (what != "name" and renamed):
                raise ResultError(
                    f"{other.folder} and {run.folder} are of different protocols with the same "
                    f"{what} ({_difference(mine, theirs)}); run both again with one version of "
                    "wayshot, or lay them out in tables of their own"
                )


def _difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    first, second = ({"name": one["name"], **(one.get("fields") or {})} for one in (mine, theirs))
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return "; ".join(
        f"{name}: {first.get(name, 'the default')} against {second.get(name, 'the default')}"
        for name in differing
    ) or (f"no field, only their digests: {mine['digest'][:8]} against {theirs['digest'][:8]}")
