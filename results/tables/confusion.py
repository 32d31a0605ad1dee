"""Confusion: which characters a scorer takes for which others."""

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
from .by_group import codes_of
from .caption import describe
from .layout import Cell, Column, Layout, Section
from .marks import warnings
from .writers import render

_FIELDS = ["true", "taken_for", "count", "trials", "share"]


def confusions(run: Run, most: int = 10) -> pd.DataFrame:
    """Lists the pairs of characters that are confused the most.

    A trial is an error if a wrong class scores higher than the true class; a
    tie with the true class is no error. The character of the wrong class is
    known only if it is the true class of another trial of the episode; errors
    without a known character are left out.

    Args:
        run: The run.
        most: The largest number of pairs.

    Returns:
        One row for each pair, the most frequent first. Columns: true and
        taken_for, each `alphabet/character`; count, the number of errors;
        trials, the number of trials of the true character whose episode
        contains the other; share, count divided by trials.

    Raises:
        ResultError: `most` is less than 1, or trials cannot be read.
    """
    if most < 1:
        raise ResultError(f"{most} pairs cannot be listed, expected at least 1")
    trials = run.trials
    code, names = codes_of(trials, "character")
    episode = np.unique(trials["episode"].to_numpy(), return_inverse=True)[1]
    target, predicted = (trials[name].to_numpy(np.int64) for name in ("target", "predicted"))
    ways = int(max(target.max(initial=0), predicted.max(initial=0))) + 1
    character = np.full((int(episode.max(initial=0)) + 1) * ways, -1)
    character[episode * ways + target] = code
    taken = character[episode * ways + predicted]
    wrong = (trials["credit"].to_numpy() == 0) & (taken >= 0)
    pairs, count = np.unique(code[wrong] * len(names) + taken[wrong], return_counts=True)
    order = np.lexsort((pairs, -count))[:most]
    rows = []
    for pair, errors in zip(pairs[order], count[order], strict=True):
        true, other = divmod(int(pair), len(names))
        with_other = np.unique(np.flatnonzero(character == other) // ways)
        both = int(np.isin(episode[code == true], with_other).sum())
        rows.append((names[true], names[other], int(errors), both, errors / both))
    return pd.DataFrame(rows, columns=_FIELDS)


@dataclass(frozen=True)
class Confusions:
    """The most confused characters of several runs, to be written out.

    Attributes:
        found: For each run: label of the protocol, label of the scorer, the
            run, and its `confusions`.
    """

    found: tuple[tuple[str, str, Run, pd.DataFrame], ...]

    def layouts(self) -> Sequence[Layout]:
        """Lays out one table for each run."""
        return [_layout(*one) for one in self.found]

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives the names of fields, and one flat dict for each run and pair."""
        rows = [
            {"protocol": column, "scorer": row, **{str(key): pair[key] for key in pair}}
            for column, row, _, frame in self.found
            for pair in frame.to_dict("records")
        ]
        return ["protocol", "scorer", *_FIELDS], rows

    def data(self) -> dict[str, Any]:
        """Gives the content of the JSON interface."""
        return {"confusions": self.flat()[1]}

    def render(self, form: str, width: int | None = None) -> str:
        """Writes them out.

        Args:
            form: One of `writers.FORMATS`.
            width: As for `writers.render`.
        """
        return render(self, form, width)


def _layout(column: str, row: str, run: Run, found: pd.DataFrame) -> Layout:
    digest = labels.shown(run.record["episodes_digest"][:8])
    rows = tuple(
        (
            labels.shown(str(one["true"])),
            (
                Cell(labels.shown(str(one["taken_for"]))),
                Cell(f"{one['count']:,}"),
                Cell(percent(float(one["share"]))),
            ),
        )
        for one in found.to_dict("records")
    )
    return Layout(
        name=f"{run.protocol} {run.scorer} confusions",
        title=f"Most confused characters, {row}, {column}",
        stub="character",
        columns=(Column("taken for", kind="names"), Column("errors"), Column("%")),
        sections=(Section(rows),),
        notes=(
            "Errors are trials of the character in which the class of the other scored higher; "
            "ties are not errors. %: errors in percent of the trials of the character whose "
            "episodes contain the other.",
            f"{describe(column, run)}, digest {digest}.",
            *warnings([(row, run)]),
        ),
    )


def confusion_tables(runs: Sequence[Run], most: int = 10) -> Confusions:
    """Lists the most confused characters of each of several runs.

    Args:
        runs: The runs.
        most: As for `confusions`.

    Raises:
        ResultError: There are no runs, trials cannot be read, `most` is less
            than 1, or two protocols have one name.
    """
    return Confusions(
        tuple(
            (column, row, run, confusions(light(run), most))
            for (row, column), run in labels.placed(runs).items()
        )
    )
