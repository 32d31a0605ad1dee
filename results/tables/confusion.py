"""Confusion: which characters a scorer takes for which others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run, light
from . import labels
from .by_group import codes_of
from .caption import describe
from .layout import Cell, Column, Layout, Section, percent
from .marks import warnings
from .writers import render

_FIELDS = ["true", "taken_for", "count", "trials", "share"]


def confusions(run: Run, most: int = 10) -> pd.DataFrame:
    """Lists the pairs of characters that are confused the most.

    An error counts where a class is ahead of the true one; a tie is none. The
    class ahead has a character where a trial of the episode asks for it.

    Args:
        run: The run.
        most: How many pairs, at most.

    Returns:
        A row a pair, the most frequent first: true and taken_for, each
        `alphabet/character`; count, the errors; trials, those of the true
        character with the other in the episode; share, count of trials.

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
    """What several scorers confuse, to be written out.

    Attributes:
        found: For each run its labels of protocol and scorer, and its `confusions`.
    """

    found: tuple[tuple[str, str, Run, pd.DataFrame], ...]

    def layouts(self) -> Sequence[Layout]:
        """A table a run."""
        return [_layout(*one) for one in self.found]

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Names of fields; one flat dict for each run and pair."""
        rows = [
            {"protocol": column, "scorer": row, **{str(key): pair[key] for key in pair}}
            for column, row, _, frame in self.found
            for pair in frame.to_dict("records")
        ]
        return ["protocol", "scorer", *_FIELDS], rows

    def data(self) -> dict[str, Any]:
        """The JSON interface."""
        return {"confusions": self.flat()[1]}

    def render(self, form: str) -> str:
        """Writes them out, in one of `writers.FORMATS`."""
        return render(self, form)


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
    """Lists what each of several runs confuses.

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
