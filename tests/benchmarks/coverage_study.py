"""How often 95 % intervals hold the truth, by simulation: docs/coverage-table.md.

Each of many times a whole world is drawn anew (alphabets, their characters and
images, a scorer's answers), and the real episodes of a protocol are tried in
it. The truth is the mean over all worlds. Needs no data.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from coverage_groups import FEW, MORE, Cell, groups
from coverage_verdicts import BEST, EQUAL, MARGIN, RECIPES, best, equal, recipes
from coverage_worlds import (
    FAR_APART,
    PROTOCOLS,
    WORLDS,
    draws,
    nearest,
    scattered,
    told,
    trials,
)
from tqdm import tqdm
from wayshot.bench.evaluations.stopping import looks
from wayshot.results.statistics import bootstrap, influence, on_logit_scale
from wayshot.results.statistics.estimates import clustered, sampler
from wayshot.tasks import BLOCK

METHODS = ("population", "bootstrap", "t", "sampler-z")


def ends(found: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The ends of each method's interval; none where it falls back to another."""
    moved = influence(found)
    if not moved.spreads:
        return {}
    credit = found["credit"].to_numpy()
    made = {
        "population": on_logit_scale(moved),
        "bootstrap": bootstrap(moved),
        "t": clustered(credit, found["alphabet"].to_numpy().astype(np.int64)),
        "sampler-z": sampler(found, normal=True),
    }
    return {name: (one.low, one.high) for name, one in made.items()}


def counts(protocol: str) -> tuple[int, ...]:
    """The numbers of episodes that are looked at."""
    return (20,) if protocol == "lake-runs" else (400, 1_000, 10_000)


def study(protocol: str, worlds: int) -> dict[str, pd.DataFrame]:
    """Coverage by number of episodes and method, for each kind of worlds."""
    rows: dict[str, list[tuple]] = {title: [] for title in WORLDS}
    values: dict[str, list[float]] = {title: [] for title in WORLDS}
    for names, rng, episodes in draws(protocol, worlds):
        episodes = episodes[: counts(protocol)[-1]]
        # The same episodes serve all kinds.
        for title, world in WORLDS.items():
            scores = world(copy.deepcopy(rng), names)(episodes)
            whole = trials(scores, episodes, names)
            values[title].append(whole["credit"].mean())
            for count in counts(protocol):
                part = whole[whole["episode"] < count]
                mean = part["credit"].mean()
                made = ends(part).items()
                rows[title] += [(count, name, mean, *interval) for name, interval in made]
    return {title: _covered(rows[title], float(np.mean(values[title]))) for title in WORLDS}


def _covered(rows: list[tuple], truth: float) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["episodes", "method", "value", "low", "high"])
    found["covered"] = (found["low"] <= truth) & (truth <= found["high"])
    table = found.pivot_table(index="episodes", columns="method", values="covered")
    table.insert(0, "truth", truth)
    return table


def stopped(protocol: str, title: str, halfwidth: float, worlds: int) -> pd.Series:
    """Coverage where the number of episodes is settled by `--until-halfwidth`."""
    planned = looks(8 * BLOCK)
    rows, values = [], []
    for names, rng, episodes in draws(protocol, worlds):
        episodes = episodes[: planned[-1]]
        whole = trials(WORLDS[title](rng, names)(episodes), episodes, names)
        values.append(whole["credit"].mean())
        for count in planned:
            found = influence(whole[whole["episode"] < count])
            paid = on_logit_scale(found, looks=len(planned))
            if paid.high - paid.low <= 2 * halfwidth or count == planned[-1]:
                free = on_logit_scale(found)
                rows.append((count, paid.low, paid.high, free.low, free.high))
                break
    table, truth = np.array(rows), float(np.mean(values))
    held = [(table[:, i] <= truth) & (truth <= table[:, i + 1]) for i in (1, 3)]
    return pd.Series([truth, table[:, 0].mean(), *(one.mean() for one in held)])


def alarms(protocol: str, worlds: int) -> pd.DataFrame:
    """How often paired tests tell two scorers apart that are as good as one another.

    Each sees all but one of the dimensions of places.
    """
    rows = []
    for names, rng, episodes in draws(protocol, worlds):
        images, episodes = scattered(FAR_APART, rng, names), episodes[: counts(protocol)[-1]]
        two = [
            trials(nearest(images[:, seen])(episodes), episodes, names)
            for seen in (slice(1, None), slice(None, -1))
        ]
        for count in counts(protocol):
            one, other = (influence(each[each["episode"] < count]) for each in two)
            moved = one - other
            by_alphabet = told(moved.value, moved.population_variance, moved.freedom)
            over_episodes = told(moved.value, moved.sampler_variance, count - 1)
            rows.append((count, one.value, by_alphabet, over_episodes))
    found = pd.DataFrame(rows, columns=["episodes", "accuracy", "by alphabet", "over episodes"])
    return found.groupby("episodes").mean()


def _cells(values: Sequence[float]) -> str:
    return " | ".join(f"{100 * one:.1f}" for one in values)


def _study(protocol: str, worlds: int) -> list[str]:
    return [
        f"{title} | `{protocol}` | {episodes:,} | {_cells([row.truth, *(row[m] for m in METHODS)])}"
        for title, table in study(protocol, worlds).items()
        for episodes, row in table.iterrows()
    ]


def _stopped(cell: tuple[str, float], worlds: int) -> list[str]:
    protocol, halfwidth = cell
    title = "places, images close"
    truth, episodes, *held = stopped(protocol, title, halfwidth, worlds)
    first = f"{title} | `{protocol}` | {100 * halfwidth:g} | {100 * truth:.1f} | {episodes:,.0f}"
    return [f"{first} | {_cells(held)}"]


def _alarms(protocol: str, worlds: int) -> list[str]:
    return [
        f"places, images far apart | `{protocol}` | {episodes:,} | {_cells(row)}"
        for episodes, row in alarms(protocol, worlds).iterrows()
    ]


def _groups(cell: Cell, worlds: int) -> list[str]:
    sizes, protocol, images = cell
    several = f"{len(sizes)} alphabets of {sizes[0]}"
    named = several if len(sizes) >= 5 else " + ".join(map(str, sizes))
    return [
        f"{named} | {images} | `{protocol}` | {episodes:,} | {_cells(row)}"
        for episodes, row in groups(cell, worlds).iterrows()
    ]


def _verdicts(simulate: Callable[..., dict[str, float]], cell: Any, worlds: int) -> list[str]:
    alphabets, other = cell
    said = " and ".join(map(str, other)) if isinstance(other, tuple) else other
    return [f"{alphabets} | {said} | {_cells([*simulate(cell, worlds).values()])}"]


@dataclass(frozen=True)
class Part:
    """A table of the study.

    Attributes:
        about: What it shows.
        heads: Headings.
        rows: Gives rows of the table, for a cell and a number of worlds.
        cells: What is simulated, one after the other or at once.
        worlds: How many worlds of a cell are simulated, as a share of what is asked for.
    """

    about: str
    heads: tuple[str, ...]
    rows: Callable[[Any, int], list[str]]
    cells: Sequence[Any]
    worlds: float = 1


EVERY = ("lake-runs", *PROTOCOLS)
PARTS = {
    "intervals": Part(
        "Coverage of 95 % intervals",
        ("worlds", "protocol", "episodes", "accuracy", *METHODS),
        _study,
        EVERY,
    ),
    "stopping": Part(
        "With the number of episodes settled by --until-halfwidth, at most 8 blocks, 4 looks",
        (
            *("worlds", "protocol", "half-width", "accuracy", "mean episodes"),
            *("4 looks", "as if 1 look"),
        ),
        _stopped,
        [("lake-between-5w1s", 0.003), ("lake-between-20w1s", 0.005)],
    ),
    "alarms": Part(
        "Two scorers that are as good as one another, told apart by a paired test at 5 %",
        ("worlds", "protocol", "episodes", "accuracy", "by alphabet", "over episodes"),
        _alarms,
        EVERY,
    ),
    "few": Part(
        "Few alphabets, over new characters of them (places, images far apart): coverage of "
        "`population`, and\ntwo scorers that are as good as one another, told apart by a paired "
        "test at 5 %",
        (
            *("characters", "images", "protocol", "episodes", "accuracy"),
            *("population", "by character", "over episodes"),
        ),
        _groups,
        FEW,
        0.5,
    ),
    "groups": Part(
        "Five and more alphabets, over new alphabets (places, images far apart): the same",
        (
            *("alphabets", "images", "protocol", "episodes", "accuracy"),
            *("population", "by alphabet", "over episodes"),
        ),
        _groups,
        MORE,
        0.5,
    ),
    "best": Part(
        "Equally good scorers, of which one at least is not in bold; the same by Holm's correction "
        "for all pairs, and\nfor differences from the best of the data. Then the share of worse "
        "scorers that are found, where half are\nworse by four standard errors of their own",
        (
            *("alphabets", "scorers", "false, bold", "false, all pairs", "false, from the best"),
            *("found, bold", "found, all pairs", "found, from the best"),
        ),
        partial(_verdicts, best),
        BEST,
    ),
    "equal": Part(
        f"`--margin {100 * MARGIN:g}`: scorers that differ by just the margin and are shown to be "
        "equal, and equal ones\nthat are",
        ("alphabets", "trials of each", "false", "found"),
        partial(_verdicts, equal),
        EQUAL,
        5,
    ),
    "recipes": Part(
        "Two equally good recipes, compared over alphabets and trainings: coverage of the "
        "difference, and told apart\nat 5 %",
        ("alphabets", "seeds", "coverage", "told apart"),
        partial(_verdicts, recipes),
        RECIPES,
        3,
    ),
}
"""The tables by name."""


def main() -> None:
    """Prints the study as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=400, help="of each row; some have fewer")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this table")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="number of processes")
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.jobs) as pool:
        for name in asked.part or PARTS:
            one, start = PARTS[name], time.perf_counter()
            worlds = max(int(one.worlds * asked.worlds), 1)
            print(f"{one.about}; {worlds:,} worlds a row:\n")
            print(f"| {' | '.join(one.heads)} |\n{'|---' * len(one.heads)}|")
            found = pool.map(partial(one.rows, worlds=worlds), one.cells)
            for rows in tqdm(found, total=len(one.cells), desc=name, leave=False):
                print("\n".join(f"| {line} |" for line in rows), flush=True)
            print(flush=True)
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
