"""Collection: the runs of some folders, to select from and to put into a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import ResultError
from ..statistics import LEVEL
from ..store import Run, find
from . import labels
from .accuracy_table import table
from .summary import ends_of, result


@dataclass(frozen=True)
class Results:
    """Stored runs.

    Attributes:
        runs: The runs, sorted by protocol, with fewer ways first.
    """

    runs: tuple[Run, ...]

    def select(self, scorers: Sequence[str] = (), protocols: Sequence[str] = ()) -> Results:
        """Selects runs by name.

        Args:
            scorers: Names of scorers, in the order wanted; all if empty.
            protocols: Names of protocols, in the order wanted; all if empty.

        Raises:
            ResultError: There is no run with one of the names, or with this
                combination of names.
        """
        runs = list(self.runs)
        for wanted, choose, shown, what in (
            (scorers, labels.of_scorer, labels.rows, "scorer"),
            (protocols, labels.of_protocol, labels.columns, "protocol"),
        ):
            place: dict[Path, int] = {}
            for i, one in enumerate(wanted):
                meant = choose(self.runs, one)
                if not meant:
                    there = ", ".join(dict.fromkeys(shown(self.runs).values()))
                    raise ResultError(f"no run of {what} {one!r}; there are {there}")
                for run in meant:
                    place.setdefault(run.folder, i)
            if wanted:
                runs = [run for run in runs if run.folder in place]
                runs.sort(key=lambda run, place=place: place[run.folder])
        if not runs:
            raise ResultError("no run of these scorers on these protocols")
        return type(self)(tuple(runs))

    def __str__(self) -> str:
        """Writes the table of the runs, as `wayshot table` prints it."""
        return table(self.runs).render("text")

    def table(self, interval: str = "population", level: float = LEVEL) -> pd.DataFrame:
        """Summarises the runs.

        Args:
            interval: As for `estimates.estimate_run`.
            level: Nominal coverage.

        Returns:
            One row for each run. Columns: protocol, scorer, value, low and
            high (accuracy and its interval, fractions; missing where there is
            no interval; `summary.ends_of` other intervals), level, method, n,
            clusters, seed, episodes, digests, parameters, leaked_characters,
            folder.

        Raises:
            ResultError: Trials cannot be read, or the interval is unknown or
                not defined for a run's protocol.
        """
        frame = pd.DataFrame([_row(run, interval, level) for run in self.runs])
        counts = ["clusters", "parameters", "leaked_characters"]
        ends = dict.fromkeys(ends_of(interval), "float64")
        return frame.astype(dict.fromkeys(counts, "Int64") | ends)


def _row(run: Run, interval: str, level: float) -> dict[str, Any]:
    found = result(run, interval, level, lenient=True)
    accuracy = found.pop("accuracy")
    names = ("seed", "episodes", "protocol_digest", "episodes_digest", "scorer_digest")
    return {
        "protocol": run.protocol,
        "scorer": run.scorer,
        **{name: accuracy[name] for name in ("value", *ends_of(interval), "level", "method")},
        "n": found["n"],
        "clusters": accuracy["clusters"],
        **{name: found[name] for name in names},
        "trials_digest": run.record["trials_digest"],
        **{name: found[name] for name in ("parameters", "leaked_characters", "folder")},
    }


def _natural(name: str) -> list[Any]:
    """Gives a sort key by which lake-within-5w1s comes before lake-within-20w1s."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def load(*folders: str | Path) -> Results:
    """Reads the records of all runs stored below some folders.

    Args:
        folders: The folders; `runs` if none is given.

    Raises:
        ResultError: As `run.find`.
    """
    return Results(in_order(folders or ("runs",)))


def in_order(folders: Iterable[str | Path]) -> tuple[Run, ...]:
    """Finds all runs below some folders, by protocol, with fewer ways first.

    Args:
        folders: The folders.

    Raises:
        ResultError: As `run.find`.
    """
    return tuple(sorted(find(folders), key=lambda run: _natural(run.protocol)))
