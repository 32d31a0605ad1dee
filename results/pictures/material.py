"""Material: what charts are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ..statistics import (
    LEVEL,
    Comparison,
    Estimate,
    Ranking,
    compare,
    corrected,
    estimate,
    rank,
)
from ..store import Run, light
from ..tables import Table, breakdown, labels, table
from .style import MOST, Look, looks


@dataclass(frozen=True)
class Contrast:
    """A scorer's difference from the baseline, on the same episodes.

    Attributes:
        label: Label of the scorer.
        comparison: The scorer compared with the baseline; positive is better than it.
        adjusted: The p-value, corrected for the number of scorers; 1 where nothing
            can be tested.
    """

    label: str
    comparison: Comparison
    adjusted: float


@dataclass(frozen=True)
class Material:
    """Stored runs, and what charts need of them, computed once.

    Attributes:
        table: The table of the runs.
        looks: How each scorer looks.
        baseline: Label of the scorer with which others are compared; None for
            the most accurate one of each protocol.
        level: Nominal coverage of intervals.
        trainings: Cards of trained networks, as `wayshot train` writes them.
        interval: The kind of intervals.
    """

    table: Table
    looks: Mapping[str, Look]
    baseline: str | None = None
    level: float = LEVEL
    trainings: tuple[Mapping[str, Any], ...] = ()
    interval: str = "population"

    @cached_property
    def _cache(self) -> dict[tuple[Any, ...], Any]:
        return {}

    def run(self, label: str, column: str) -> Run:
        """Gives the run of a cell.

        Args:
            label: Label of the scorer.
            column: Label of the protocol.
        """
        return self.table.runs[label, column]

    def rows(self, column: str, most: int | None = MOST) -> list[str]:
        """Lists the scorers with a run on a protocol, in the order of the table.

        Args:
            column: Label of the protocol.
            most: Only so many, the most accurate ones; None for all.
        """
        cells = self.table.cells
        there = [row for row in self.table.rows if (row, column) in cells]
        if most is None or len(there) <= most:
            return there
        best = sorted(there, key=lambda row: -cells[row, column].value)[:most]
        return [row for row in there if row in best]

    def by_accuracy(self, column: str, most: int | None = MOST) -> list[str]:
        """Lists the scorers with a run on a protocol, the most accurate first.

        Args:
            column: Label of the protocol.
            most: As for `rows`.
        """
        return sorted(self.rows(column, most), key=lambda row: -self.table.cells[row, column].value)

    def base(self, column: str) -> str:
        """Gives the scorer with which the others on a protocol are compared."""
        there = self.rows(column, None)
        if self.baseline in there:
            return str(self.baseline)
        fair = self.table.comparable(column) or there
        return max(fair, key=lambda row: self.table.cells[row, column].value)

    def contrasts(self, column: str) -> list[Contrast]:
        """Compares the scorers on a protocol with the baseline, the best first."""
        key = ("contrasts", column)
        if key not in self._cache:
            base = self.base(column)
            fair = set(self.table.comparable(column))
            others = [one for one in self.by_accuracy(column) if one != base and one in fair]
            found = [
                compare(self.run(one, column), self.run(base, column), self.level)
                for one in others
                if base in fair
            ]
            runs = [self.run(one, column) for one in (base, *others)]
            adjusted = corrected(runs, 0) if found else {}
            self._cache[key] = [
                Contrast(others[place], one, adjusted[place + 1]) for place, one in enumerate(found)
            ]
        return self._cache[key]

    def ranking(self, column: str) -> Ranking | None:
        """Compares all pairs of the scorers on a protocol; None for fewer than three."""
        key = ("ranking", column)
        if key not in self._cache:
            fair = set(self.table.comparable(column))
            there = [one for one in self.rows(column) if one in fair]
            runs = [self.run(one, column) for one in there]
            self._cache[key] = None
            if len(runs) > 2:
                found = rank(runs, self.level)
                self._cache[key] = replace(found, scorers=tuple(there))
        return self._cache[key]

    def errors(self, label: str, column: str, by: str) -> pd.DataFrame:
        """Groups a run's errors, see `tables.breakdown`.

        Args:
            label: Label of the scorer.
            column: Label of the protocol.
            by: As for `tables.breakdown`.
        """
        key = ("errors", label, column, by)
        if key not in self._cache:
            self._cache[key] = breakdown(light(self.run(label, column)), by)
        return self._cache[key]

    def by_alphabet(self, label: str, column: str) -> dict[str, Estimate]:
        """Estimates a scorer's accuracy on each alphabet, for new characters of it.

        Args:
            label: Label of the scorer.
            column: Label of the protocol.
        """
        key = ("by_alphabet", label, column)
        if key not in self._cache:
            trials = self.run(label, column).outcome()
            parts = {str(name): some for name, some in trials.groupby("alphabet", observed=True)}
            self._cache[key] = {
                name: estimate(some.reset_index(drop=True), level=self.level)
                for name, some in parts.items()
            }
        return self._cache[key]


def _is_baseline(run: Run) -> bool:
    return bool(run.record["scorer"].get("baseline"))


def gathered(
    runs: Sequence[Run],
    baseline: str | None = None,
    interval: str = "population",
    level: float = LEVEL,
    *,
    every: Sequence[Run] = (),
    trainings: Sequence[Mapping[str, Any]] = (),
    **layout: Any,
) -> Material:
    """Gathers what charts need.

    Args:
        runs: The runs to show.
        baseline: Name or label of the scorer with which others are compared.
        interval: As for `estimates.estimate_run`.
        level: Nominal coverage.
        every: All runs of the folders, of which `runs` may be some: a scorer
            looks the same in charts of some and of all.
        trainings: Cards of trained networks.
        **layout: Further arguments of `tables.table`.

    Raises:
        ResultError: As `tables.table`.
    """
    # A chart of alphabets or of pairs is of one training, not of a mean.
    found = table(runs, interval, level, baseline=baseline, together=False, **layout)
    named = labels.rows(every or runs)
    baselines = {named[labels.row_of(run)]: _is_baseline(run) for run in every or runs}
    names = sorted(baselines, key=lambda label: (baselines[label], label))
    return Material(
        found,
        looks([*dict.fromkeys([*names, *found.rows])]),
        found.baseline,
        level,
        tuple(trainings),
        interval,
    )
