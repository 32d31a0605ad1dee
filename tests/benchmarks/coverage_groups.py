"""One to twenty alphabets of 10 to 200 characters: coverage and false alarms of the default."""

from __future__ import annotations

import numpy as np
import pandas as pd
from coverage_worlds import FAR_APART, draws, nearest, scattered, told, trials
from wayshot.results.statistics import population_influence
from wayshot.results.statistics.estimates import on_logit_scale

GROUPS = 1, 2, 3, 4, 5, 10, 20
CLASSES = 10, 50, 200
FEWEST_ALPHABETS = 5
EPISODES = 1_000, 4_000

CELLS = tuple((groups, classes) for groups in GROUPS for classes in CLASSES)


def groups(cell: tuple[int, int], worlds: int) -> pd.DataFrame:
    """Coverage and false verdicts with so many alphabets of so many characters.

    Fewer than five alphabets are the same in all worlds, and their characters and images are
    not, because that is what the interval covers; from five on, the alphabets are drawn anew.
    """
    count, classes = cell
    protocol = f"lake-{'within' if count == 1 else 'between'}-5w1s"
    rows = []
    for names, rng, episodes in draws(protocol, worlds, (classes,) * count, EPISODES[-1]):
        fixed = np.random.default_rng(count) if count < FEWEST_ALPHABETS else None
        images = scattered(FAR_APART, rng, names, fixed)
        two = [
            trials(
                nearest(images[:, seen])(episodes[: EPISODES[-1]]), episodes[: EPISODES[-1]], names
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
