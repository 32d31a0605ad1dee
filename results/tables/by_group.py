"""Breakdown: where a scorer's errors are, by alphabet, character or drawer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run, light
from ..text import percent
from . import labels
from .caption import describe
from .layout import MISSING, Cell, Column, Layout, Section
from .marks import warnings
from .writers import render

PARTS = ("alphabet", "character", "drawer")
"""The parts by which trials can be grouped."""

_FEW = 0.25
"""Share of the parts: errors are concentrated if so few account for half of them."""

_FEW_ERRORS, _MOST = 20, 2 / 3
"""An interval rests on a few parts if errors are so few, and such a share of them is in these."""


def _names(trials: pd.DataFrame, by: str) -> pd.Series:
    """Names of the parts; characters and drawers are those of one alphabet."""
    alphabet = trials["alphabet"].astype(str)
    return alphabet if by == "alphabet" else alphabet + "/" + trials[by].astype(str)


def codes_of(trials: pd.DataFrame, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the parts, and gives the part of each trial.

    Args:
        trials: With the columns alphabet and `by`.
        by: One of `PARTS`.

    Returns:
        The number of each trial's part, int ndarray (n,), and the names of the
        parts, object ndarray (parts,).
    """
    keys = ["alphabet"] if by == "alphabet" else ["alphabet", by]
    codes, count = np.zeros(len(trials), np.int64), 1
    for key in keys:
        found = trials[key].astype("category").cat
        count *= len(found.categories)
        codes = codes * len(found.categories) + found.codes.to_numpy()
    # Counted, as sorting takes many times as long, and several times the memory.
    there = np.flatnonzero(np.bincount(codes, minlength=count))
    first, place = np.zeros((2, count), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    place[there] = np.arange(len(there))
    return place[codes], _names(trials.iloc[first[there]], by).to_numpy(object)


def breakdown(run: Run, by: str = "alphabet") -> pd.DataFrame:
    """Groups a run's trials by the alphabet, character or drawer of their query.

    Args:
        run: The run.
        by: One of `PARTS`. Drawers of different alphabets are different, because the
            same number may be another person in another alphabet.

    Returns:
        One row for each part, the part with the most errors first. Columns: n,
        errors (n minus the sum of credits), value (the accuracy, a fraction)
        and share (of all errors, a fraction; 0 where there are no errors).

    Raises:
        ResultError: The part is unknown, or trials cannot be read.
    """
    if by not in PARTS:
        raise ResultError(f"unknown part {by!r}; known are {', '.join(PARTS)}")
    # Alphabets are among the columns that are quicker to read.
    trials = run.outcome() if by == "alphabet" else run.trials
    codes, names = codes_of(trials, by)
    n = np.bincount(codes)
    credit = np.bincount(codes, trials["credit"].to_numpy(np.float64))
    errors = np.round(n - credit, 6)
    share = errors / errors.sum() if errors.any() else errors
    columns = {"n": n, "errors": errors, "value": credit / n, "share": share}
    found = pd.DataFrame(columns, pd.Index(names, name=by))
    return found.iloc[np.lexsort((names, -errors))]


def half(found: pd.DataFrame) -> int:
    """Gives the smallest number of parts with half of the errors; 0 without errors.

    Args:
        found: As from `breakdown`.
    """
    sums = np.cumsum(np.sort(found["errors"].to_numpy())[::-1])
    return int(np.searchsorted(sums, sums[-1] / 2) + 1) if sums[-1] > 0 else 0


def concentration(scorer: str, found: pd.DataFrame) -> str:
    """Says how few parts account for half of a scorer's errors.

    Args:
        scorer: Label of the scorer.
        found: As from `breakdown`.
    """
    few, by = half(found), found.index.name
    if not few:
        return f"{scorer} makes no errors"
    verb = "accounts" if few == 1 else "account"
    return f"{few} of {len(found)} {by}s {verb} for half of the errors of {scorer}"


def _is_concentrated(found: pd.DataFrame) -> bool:
    return 0 < half(found) <= _FEW * len(found)


def hint(errors: Sequence[tuple[str, str, pd.DataFrame]]) -> str:
    """Says so where few alphabets account for half of a scorer's errors, or "".

    Args:
        errors: Labels of scorers and of episodes, and the `breakdown` of each.
    """
    for scorer, column, found in errors:
        if _is_concentrated(found):
            return f"{concentration(scorer, found)} on {column}: wayshot table --by alphabet"
    return ""


def few_errors(errors: Sequence[tuple[str, str, pd.DataFrame]]) -> list[str]:
    """Says where an interval rests on few errors, of few alphabets.

    Args:
        errors: As for `hint`.
    """
    notes = []
    for scorer, column, found in errors:
        sizes, few = found["errors"].sort_values(ascending=False), half(found)
        total, there = sizes.sum(), sizes.head(few).sum()
        if 0 < total <= _FEW_ERRORS and _is_concentrated(found) and there >= _MOST * total:
            notes.append(
                f"{scorer} makes {total:.3g} errors on {column}, "
                f"{'all' if there == total else f'{there:.3g}'} in {few} of {len(found)} "
                f"{found.index.name}s, on which its interval rests."
            )
    return notes


@dataclass(frozen=True)
class Breakdown:
    """Scorers' trials on the same episodes, grouped by part.

    Attributes:
        label: Label of the episodes, as in a table.
        by: One of `PARTS`.
        runs: The runs by the scorer's label.
        found: The `breakdown` of each run, by the same label.
    """

    label: str
    by: str
    runs: dict[str, Run]
    found: dict[str, pd.DataFrame]

    def layout(self) -> Layout:
        """Lays it out: parts down, scorers across, in the order of the first scorer's errors."""
        first, frame = next(iter(self.found.items()))
        columns = [Column("n")]
        for scorer in self.found:
            columns += [
                Column(f"{scorer}, accuracy", scorer, "accuracy"),
                Column(f"{scorer}, share of errors", scorer, "share of errors"),
            ]
        by_part = [dict(_records(one)) for one in self.found.values()]
        rows = []
        for name in map(str, frame.index):
            cells = [Cell(f"{by_part[0][name]['n']:,}")]
            for one in by_part:
                cells += [
                    Cell(percent(one[name][key])) if name in one else MISSING
                    for key in ("value", "share")
                ]
            rows.append((labels.shown(name), tuple(cells)))
        run = next(iter(self.runs.values()))
        digest = labels.shown(run.record["episodes_digest"][:8])
        return Layout(
            name=f"{run.protocol} by {self.by}",
            title=f"Accuracy and share of all errors (%) by {self.by} of the query, {self.label}",
            stub=self.by,
            columns=tuple(columns),
            sections=(Section(tuple(rows)),),
            notes=(
                *(f"{concentration(scorer, one)}." for scorer, one in self.found.items()),
                f"Sorted by the errors of {first}, most errors first.",
                f"{describe(self.label, run)}, digest {digest}.",
                *warnings(self.runs.items()),
            ),
        )


def _records(frame: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    rows = frame.to_dict("index")
    return [(str(name), {str(key): value for key, value in rows[name].items()}) for name in rows]


@dataclass(frozen=True)
class Breakdowns:
    """Breakdowns on several sets of episodes, to be written out.

    Attributes:
        parts: One breakdown for each set of episodes.
    """

    parts: tuple[Breakdown, ...]

    def layouts(self) -> Sequence[Layout]:
        """Lays out one table for each set of episodes."""
        return [one.layout() for one in self.parts]

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives the names of fields, and one flat dict for each protocol, scorer and part."""
        rows = [
            {"protocol": one.label, "scorer": scorer, one.by: name} | row
            for one in self.parts
            for scorer, frame in one.found.items()
            for name, row in _records(frame)
        ]
        return list(rows[0]), rows

    def data(self) -> dict[str, Any]:
        """Gives the content of the JSON interface."""
        return {"breakdown": self.flat()[1]}

    def render(self, form: str, width: int | None = None) -> str:
        """Writes them out.

        Args:
            form: One of `writers.FORMATS`.
            width: As for `writers.render`.
        """
        return render(self, form, width)


def breakdowns(runs: Sequence[Run], by: str = "alphabet") -> Breakdowns:
    """Groups the trials of runs; runs of the same episodes share a table.

    Args:
        runs: The runs. Of several runs with the same scorer and episodes the
            last one is used.
        by: As for `breakdown`.

    Raises:
        ResultError: There are no runs, trials cannot be read, the part is
            unknown, or two protocols have one name.
    """
    grouped: dict[str, dict[str, Run]] = {}
    for (row, column), run in labels.placed(runs).items():
        grouped.setdefault(column, {})[row] = run
    return Breakdowns(
        tuple(
            Breakdown(
                column,
                by,
                members,
                {scorer: breakdown(light(run), by) for scorer, run in members.items()},
            )
            for column, members in grouped.items()
        )
    )
