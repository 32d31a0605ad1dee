"""One to twenty alphabets of so many characters: coverage and false alarms of the default."""

from __future__ import annotations

import numpy as np
import pandas as pd
from coverage_worlds import FAR_APART, draws, nearest, scattered, told, trials
from wayshot.results.statistics import population_influence
from wayshot.results.statistics.estimates import on_logit_scale

FEWEST_ALPHABETS = 5
EPISODES = 1_000, 10_000

Cell = tuple[tuple[int, ...], str, int]
"""The number of characters of each alphabet, a protocol, and the images of each character."""

FEW: tuple[Cell, ...] = (
    *(
        ((characters,) * alphabets, "lake-within-5w1s", 20)
        for alphabets in (1, 2, 3, 4)
        for characters in (10, 50, 200)
    ),
    ((50,), "lake-within-5w1s", 5),
    ((50, 50), "lake-within-5w1s", 5),
    ((24, 24), "lake-between-5w1s", 20),
    ((10, 20, 40), "lake-between-5w1s", 20),
)

MORE: tuple[Cell, ...] = (
    *(
        ((characters,) * alphabets, "lake-between-5w1s", 20)
        for alphabets in (5, 10, 20)
        for characters in (10, 50, 200)
    ),
    ((50,) * 5, "lake-between-5w1s", 5),
    ((50,) * 20, "lake-between-5w1s", 5),
)


def groups(cell: Cell, worlds: int) -> pd.DataFrame:
    """Coverage and false verdicts with so many characters and images, on a protocol.

    Fewer than five alphabets are the same in all worlds, and their characters and images are
    not, because that is what the interval covers; from five on, the alphabets are drawn anew.
    """
    sizes, protocol, images = cell
    few = len(sizes) < FEWEST_ALPHABETS
    rows = []
    for names, rng, episodes in draws(protocol, worlds, sizes, images):
        fixed = np.random.default_rng(len(sizes)) if few else None
        spots = scattered(FAR_APART, rng, names, fixed)
        two = [
            trials(
                nearest(spots[:, seen])(episodes[: EPISODES[-1]]), episodes[: EPISODES[-1]], names
            )
            for seen in (slice(1, None), slice(None, -1))
        ]
        for number in EPISODES:
            one, other = (population_influence(each[each["episode"] < number]) for each in two)
            moved, found = one - other, on_logit_scale(one)
            alarm = told(moved.value, moved.population_variance, moved.freedom)
            over_episodes = told(moved.value, moved.sampler_variance, number - 1)
            rows.append((number, one.value, found.low, found.high, alarm, over_episodes))
    columns = ["episodes", "value", "low", "high", "alarm", "over episodes"]
    found = pd.DataFrame(rows, columns=columns)
    truth = float(found.loc[found["episodes"] == EPISODES[-1], "value"].mean())
    found["covered"] = (found["low"] <= truth) & (truth <= found["high"])
    found["value"] = truth
    return found.groupby("episodes")[["value", "covered", "alarm", "over episodes"]].mean()
