"""Browsing: the trials that a report shows one by one, with their images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..pictures import Material
from ..tables import confusions
from ..text import shown
from .drawings import Drawings, Sheet

MOST_TRIALS = 400
"""The largest number of trials of a protocol that can be looked at one by one."""

_TILES = 2400
"""About how many images a protocol's trials may need."""

_PAIRS = 6
_CONFUSED = 2
"""How many pairs of characters are shown, of how many scorers."""

_DRAWN = 24
"""The largest number of drawings of a character."""


@dataclass(frozen=True)
class Browsed:
    """The trials of one protocol that can be looked at.

    Attributes:
        data: What the page's script needs, in JSON's types.
        confused: Pairs of characters with their drawings, in JSON's types.
        licence: Whose the images are; "" without images.
        missing: Why there are no images; "" where there are some.
        shown: Number of trials that can be looked at.
        n: Number of all trials.
    """

    data: dict[str, Any]
    confused: list[dict[str, Any]]
    licence: str
    missing: str
    shown: int
    n: int

    @property
    def sampled(self) -> bool:
        """Whether only some of the trials can be looked at."""
        return self.shown < self.n


class _Names:
    """Numbers names, so that each is written once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._place: dict[str, int] = {}

    def number(self, name: str) -> int:
        if name not in self._place:
            self._place[name] = len(self.all)
            self.all.append(shown(name))
        return self._place[name]


def _chosen(credits: dict[str, np.ndarray], order: list[str]) -> np.ndarray:
    """Chooses trials: errors of the best scorer first, then of the next; then others.

    Args:
        credits: The credits of each scorer, float ndarray (n,).
        order: The scorers, the most accurate first.

    Returns:
        Places of the trials, ascending, int ndarray.
    """
    n = len(credits[order[0]])
    if n <= MOST_TRIALS:
        return np.arange(n)
    rng = np.random.default_rng(np.random.SeedSequence(MOST_TRIALS))
    # Each scorer gets a share of what is left, so that none crowds the others out.
    taken = np.zeros(n, bool)
    for place, row in enumerate(order):
        wrong = np.flatnonzero((credits[row] < 1) & ~taken)
        share = -(-(MOST_TRIALS - int(taken.sum())) // (len(order) - place))
        share = max(share, (MOST_TRIALS - int(taken.sum())) // 2)
        taken[rng.permutation(wrong)[:share]] = True
    rest = np.flatnonzero(~taken)
    taken[rng.permutation(rest)[: max(0, MOST_TRIALS - int(taken.sum()))]] = True
    return np.flatnonzero(taken)


def browsed(
    material: Material, column: str, drawings: tuple[Drawings | None, str]
) -> Browsed | None:
    """Collects trials of a protocol to look at, and the most confused characters.

    Args:
        material: The runs.
        column: Label of the protocol.
        drawings: The images of its episodes; or None, and why there are none.

    Returns:
        The trials; None if no scorer makes an error.
    """
    source, missing = drawings
    order = material.by_accuracy(column)
    trials = {row: _sorted(material.run(row, column).trials) for row in order}
    credits = {row: one["credit"].to_numpy(np.float64) for row, one in trials.items()}
    if all((one == 1).all() for one in credits.values()):
        return None
    first = trials[order[0]]
    places = _chosen(credits, order)
    sheet, names = Sheet(), _Names()
    rows, support = _rows(first, places, source, sheet, names)
    kept = np.array([place for place, _ in rows], np.int64)
    confused = _confused(material, column, source, sheet)
    fields = {row: _answers(one, kept) for row, one in trials.items()}
    scores = {
        row: np.round(run.scores[_order(run.trials)][kept].astype(np.float64), 3)
        for row in order
        if (run := material.run(row, column)).record.get("scores_digest") and run.scores is not None
    }
    data = {
        "column": column,
        "names": names.all,
        "scorers": order,
        "trials": [one for _, one in rows],
        "support": support,
        "answers": [fields[row] for row in order],
        "scores": {
            str(order.index(row)): [
                [None if np.isneginf(score) else float(score) for score in one] for one in some
            ]
            for row, some in scores.items()
        },
        "sheet": sheet.drawn(source) if source and sheet.rows else None,
    }
    return Browsed(data, confused, source.licence if source else "", missing, len(rows), len(first))


def _order(trials: pd.DataFrame) -> np.ndarray:
    return np.lexsort((trials["query"].to_numpy(), trials["episode"].to_numpy()))


def _sorted(trials: pd.DataFrame) -> pd.DataFrame:
    return trials.iloc[_order(trials)].reset_index(drop=True)


def _classes(trials: pd.DataFrame, names: _Names) -> dict[int, dict[int, int]]:
    """Gives for each episode the numbers of the names of its classes, where a query tells them."""
    found: dict[int, dict[int, int]] = {}
    few = trials.drop_duplicates(["episode", "target"])
    columns = (few[name] for name in ("episode", "target", "alphabet", "character"))
    for episode, target, alphabet, character in zip(*columns, strict=True):
        found.setdefault(int(episode), {})[int(target)] = names.number(f"{alphabet}/{character}")
    return found


def _rows(
    trials: pd.DataFrame,
    places: np.ndarray,
    source: Drawings | None,
    sheet: Sheet,
    names: _Names,
) -> tuple[list[tuple[int, list[int]]], dict[str, Any]]:
    """Gives the chosen trials, and the support of their episodes."""
    rows: list[tuple[int, list[int]]] = []
    support: dict[str, Any] = {}
    there = trials["episode"].isin(trials["episode"].iloc[places])
    classes = {} if source else _classes(trials[there], names)
    columns = (
        trials[name].iloc[places]
        for name in ("episode", "query", "target", "alphabet", "character", "drawer")
    )
    for place, episode, query, target, alphabet, character, drawer in zip(
        places.tolist(), *columns, strict=True
    ):
        key, tile = str(episode), -1
        if source:
            if len(sheet.rows) >= _TILES and key not in support:
                continue
            items, queries = source.episode(int(episode))
            tile = sheet.tile(int(queries[query]))
            if key not in support:
                there = [way for way in range(len(items)) if items[way, 0] >= 0]
                called = source.names([int(items[way, 0]) for way in there])
                support[key] = [
                    [names.number(f"{one[0]}/{one[1]}"), [sheet.tile(int(i)) for i in items[way]]]
                    for way, one in zip(there, called, strict=True)
                ]
        elif key not in support:
            known = classes[int(episode)]
            ways = max(known) + 1
            support[key] = [[known.get(way, -1), []] for way in range(ways)]
        named = [names.number(str(one)) for one in (alphabet, f"{alphabet}/{character}", drawer)]
        rows.append((place, [int(episode), int(query), int(target), *named, tile]))
    return rows, support


def _answers(trials: pd.DataFrame, kept: np.ndarray) -> list[list[float]]:
    """Gives for each trial what was chosen, the credit and the margin."""
    columns = (trials[name].iloc[kept] for name in ("predicted", "credit", "margin"))
    return [
        [int(predicted), round(float(credit), 4), float(f"{margin:.4g}")]
        for predicted, credit, margin in zip(*columns, strict=True)
    ]


def _confused(
    material: Material, column: str, source: Drawings | None, sheet: Sheet
) -> list[dict[str, Any]]:
    """Gives the most confused characters of the best scorers, with their drawings."""
    best = [
        row
        for row in material.by_accuracy(column)
        if not material.run(row, column).record["scorer"].get("baseline")
    ]
    found = []
    for row in (best or material.by_accuracy(column))[:_CONFUSED]:
        pairs = confusions(material.run(row, column), _PAIRS)
        for one in pairs.to_dict("records"):
            sides = [str(one["true"]), str(one["taken_for"])]
            found.append(
                {
                    "scorer": row,
                    "names": [shown(side) for side in sides],
                    "count": int(one["count"]),
                    "trials": int(one["trials"]),
                    "tiles": [_tiles(side, source, sheet) for side in sides],
                }
            )
    return found


def _tiles(character: str, source: Drawings | None, sheet: Sheet) -> Iterable[int]:
    if source is None:
        return []
    # A name may hold slashes itself; the table of images knows where it is to be divided.
    parts = character.split("/")
    for place in range(1, len(parts)):
        rows = source.of_character("/".join(parts[:place]), "/".join(parts[place:]))
        if rows:
            return [sheet.tile(row) for row in rows[:_DRAWN]]
    return []
