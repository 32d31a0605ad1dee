"""Labels of rows and columns: different scorers or episodes never share a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..errors import ResultError
from ..store import Run
from ..text import shown


def row_of(run: Run) -> Hashable:
    """Gives what runs of the same row share: name and digest of the scorer."""
    return run.scorer, run.record["scorer"]["digest"]


def column_of(run: Run) -> Hashable:
    """Gives what runs of the same column share: the digest of the episodes."""
    return run.record["episodes_digest"]


def rows(runs: Sequence[Run]) -> dict[Hashable, str]:
    """Labels the scorers of runs, by `row_of`.

    Of scorers with the same name, trainings of one recipe show their seeds, and
    all others their digests.
    """
    seeds: dict[str, dict[Hashable, tuple[str, Any] | None]] = {}
    for run in runs:
        training = run.record["scorer"].get("training")
        said = (str(training["recipe"]), training["seed"]) if training else None
        seeds.setdefault(run.scorer, {})[row_of(run)] = said

    def detail(run: Run, digits: int) -> str:
        known = list(seeds[run.scorer].values())
        recipes = {one and one[0] for one in known}
        if None not in known and len(recipes) == 1 and len(set(known)) == len(known):
            return f"seed {run.record['scorer']['training']['seed']}"
        return run.record["scorer"]["digest"][:digits]

    return _labels(runs, lambda run: run.scorer, row_of, detail)


def columns(runs: Sequence[Run]) -> dict[Hashable, str]:
    """Labels the episodes of runs, by `column_of`.

    Different episodes of the same protocol show seed, number and digest.
    """
    return _labels(
        runs,
        lambda run: run.protocol,
        column_of,
        lambda run, digits: (
            f"seed {run.record['seed']}, {run.record['episodes']} episodes, "
            f"{run.record['episodes_digest'][:digits]}"
        ),
    )


def of_scorer(runs: Sequence[Run], name: str) -> list[Run]:
    """Gives the runs of a scorer.

    Args:
        runs: All runs.
        name: Its name as stored or as a table prints it, also with its digest or
            the number of its seeds.
    """
    found = _of(runs, name, lambda run: run.scorer, rows(runs), row_of, "scorer")
    match = re.fullmatch(r"(.+) \(\d+ seeds(?:, ([0-9a-f]+))?\)", name)
    if found or not match:
        return found

    def trained(run: Run) -> bool:
        recipe = (run.record["scorer"].get("training") or {}).get("recipe")
        named = match[1] in (run.scorer, shown(run.scorer))
        return named and recipe is not None and str(recipe).startswith(match[2] or "")

    return [run for run in runs if trained(run)]


def of_protocol(runs: Sequence[Run], name: str) -> list[Run]:
    """Gives the runs of a protocol.

    Args:
        runs: All runs.
        name: Its name as stored or as a table prints it, also with seed and digest.
    """
    return _of(runs, name, lambda run: run.protocol, columns(runs), column_of, "protocol")


def _of(
    runs: Sequence[Run],
    name: str,
    named: Callable[[Run], str],
    labels: Mapping[Hashable, str],
    identity: Callable[[Run], Hashable],
    what: str,
) -> list[Run]:
    found = [run for run in runs if name in (named(run), shown(named(run)), labels[identity(run)])]
    # A digest may be longer or shorter than among these runs.
    if not found and (match := re.fullmatch(r"(.+) \(([0-9a-f]{6,64})\)", name)):
        found = [
            run
            for run in runs
            if match[1] == shown(named(run)) and run.record[what]["digest"].startswith(match[2])
        ]
    return found


def _labels(
    runs: Sequence[Run],
    name: Callable[[Run], str],
    identity: Callable[[Run], Hashable],
    detail: Callable[[Run, int], str],
) -> dict[Hashable, str]:
    """Labels things by name, with as much detail as it takes to tell them apart."""
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
    # A scorer has the name of another's label: numbers tell them apart.
    return {thing: f"{label} #{i}" for i, (thing, label) in enumerate(labels.items(), start=1)}


def placed(runs: Sequence[Run]) -> dict[tuple[str, str], Run]:
    """Puts runs into rows and columns, by their labels.

    Args:
        runs: The runs. Of several runs with the same scorer and episodes the
            last one is used.

    Returns:
        The run of each (row label, column label).

    Raises:
        ResultError: There are no runs, or as `check_protocols`.
    """
    if not runs:
        raise ResultError("no runs for a table; store some with: wayshot run")
    check_protocols(runs)
    row, column = rows(runs), columns(runs)
    return {(row[row_of(run)], column[column_of(run)]): run for run in runs}


def check_protocols(runs: Sequence[Run]) -> None:
    """Checks that runs with the same protocol name, or the same episodes, have the same protocol.

    Raises:
        ResultError: Two different protocols have the same name or the same
            digest of episodes; the message says which fields differ, and how.
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
