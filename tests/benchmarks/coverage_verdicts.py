"""False verdicts over alphabets: not among the best, as good as another, and of recipes.

Accuracies of alphabets are drawn directly, so that many worlds are cheap; episodes do not mix
alphabets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special
from wayshot.results import Run
from wayshot.results.statistics import compare_recipes, error_of
from wayshot.results.statistics.equivalence import equivalence_of
from wayshot.results.statistics.influences import influence
from wayshot.results.statistics.multiplicity import holm, step_down

SCORERS = 2, 3, 5, 10, 20, 50
ALPHABETS = 5, 10, 20
MARGIN = 0.02
BEST = tuple((alphabets, scorers) for alphabets in ALPHABETS for scorers in SCORERS)
EQUAL = tuple((alphabets, each) for alphabets in ALPHABETS for each in (20, 100))
RECIPES = tuple(
    (alphabets, seeds) for alphabets in ALPHABETS for seeds in ((2, 2), (3, 3), (5, 5), (3, 1))
)
SPREADS = ((0.03, 0.003, 0.03), (0.02, 0.01, 0.02), (0.01, 0.03, 0.02))
"""Standard deviations of the difference: over alphabets, trainings, and both together."""


def _paired(gains: np.ndarray) -> np.ndarray:
    """p-values of paired t tests over alphabets, of gains (alphabets, scorers)."""
    count = len(gains)
    error = gains.std(axis=0, ddof=1) / math.sqrt(count)
    t = np.abs(gains.mean(axis=0)) / np.maximum(error, 1e-12)
    return 2 * special.stdtr(count - 1, -t)


def best(cell: tuple[int, int], worlds: int) -> dict[str, float]:
    """How often one of equally good scorers is not among the best; and what is found.

    Half of the scorers have something in common and a larger spread. For what is found, half of
    the scorers are worse by four standard errors of what is their own.
    """
    alphabets, scorers = cell
    methods = bold, over_pairs, over_others
    found = np.zeros((len(methods), 2))
    worse = np.arange(scorers) >= math.ceil(scorers / 2)
    for world in range(worlds):
        rng = np.random.default_rng(np.random.SeedSequence([world, *cell]))
        spread = np.where(np.arange(scorers) % 2, 0.02, 0.04)
        parts = 0.1 * rng.standard_normal((alphabets, 1))
        parts = parts + spread * rng.standard_normal((alphabets, scorers))
        parts[:, ::2] += 0.03 * rng.standard_normal((alphabets, 1))
        lowered = parts - worse * 4 * spread / math.sqrt(alphabets)
        for row, method in zip(found, methods, strict=True):
            kept = method(lowered)
            row += len(method(parts)) < scorers, 1 - sum(worse[[*kept]]) / worse.sum()
    names = ["bold", "pairs", "others"]
    return {
        f"{what}, {name}": float(found[row, column] / worlds)
        for column, what in enumerate(("false", "found"))
        for row, name in enumerate(names)
    }


def bold(parts: np.ndarray) -> set[int]:
    """The scorers that get bold: those than which no other is better, after `step_down`."""
    return _not_worse(parts, lambda pairs, p_values: step_down(parts / len(parts), pairs, p_values))


def over_pairs(parts: np.ndarray) -> set[int]:
    """The same with Holm's correction for all pairs."""
    return _not_worse(parts, lambda _, p_values: holm(p_values))


def _not_worse(
    parts: np.ndarray, correct: Callable[[list[tuple[int, int]], list[float]], list[float]]
) -> set[int]:
    first, second = np.triu_indices(parts.shape[1], 1)
    p_values = _paired(parts[:, first] - parts[:, second])
    pairs = [*zip(first.tolist(), second.tolist(), strict=True)]
    adjusted = np.array(correct(pairs, p_values.tolist()))
    means = parts.mean(axis=0)
    worse = np.where(means[first] < means[second], first, second)
    return {*range(parts.shape[1])} - {*worse[adjusted < 0.05].tolist()}


def over_others(parts: np.ndarray) -> set[int]:
    """Those that do not differ from the best of the data, by Holm's correction for so many."""
    first = int(parts.mean(axis=0).argmax())
    others = [place for place in range(parts.shape[1]) if place != first]
    adjusted = holm(_paired(parts[:, [first]] - parts[:, others]).tolist())
    apart = {place for place, p in zip(others, adjusted, strict=True) if p < 0.05}
    return {*range(parts.shape[1])} - apart


def equal(cell: tuple[int, int], worlds: int) -> dict[str, float]:
    """How often two scorers that differ by the margin are shown to be equal; and equal ones."""
    alphabets, each = cell
    shown = {"false": 0, "power": 0}
    for world in range(worlds):
        rng = np.random.default_rng(np.random.SeedSequence([world, *cell]))
        ease = np.clip(0.85 + 0.06 * rng.standard_normal(alphabets), 0.6, 0.95)
        gap = 0.02 * rng.standard_normal(alphabets)
        chance = rng.random((alphabets, each))
        second = (chance < ease[:, None]) * 1.0
        # The same trials are easy for both, but for some.
        again = np.where(rng.random(chance.shape) < 0.7, chance, rng.random(chance.shape))
        for name, difference in (("false", MARGIN), ("power", 0.0)):
            first = (again < (ease + gap + difference)[:, None]) * 1.0
            gains = (first - second).ravel()
            names = np.repeat(np.arange(alphabets), each)
            one, other = (
                influence(pd.DataFrame({"credit": side.ravel()}), names) for side in (first, second)
            )
            found = one - other
            shown[name] += equivalence_of(found, gains, error_of(found, gains), MARGIN).shown
    return {name: count / worlds for name, count in shown.items()}


def _trained(accuracies: np.ndarray, name: str) -> list[Run]:
    """The trainings of a recipe of their accuracies (seeds, alphabets), one trial each."""
    runs = []
    count = np.arange(accuracies.shape[1])
    alphabets = pd.Categorical.from_codes(count, [f"{one:02}" for one in count])
    same = pd.Categorical.from_codes(np.zeros_like(count), ["a"])
    for seed, values in enumerate(accuracies):
        trials = pd.DataFrame(
            {
                "episode": count,
                "query": 0,
                "target": 0,
                "predicted": 0,
                "credit": values,
                "rank": 1.0,
                "margin": 0.0,
                "alphabet": alphabets,
                "character": same,
                "drawer": same,
            }
        )
        digest = {"name": name, "digest": f"{name}{seed}"}
        said = {**digest, "training": {"recipe": name, "seed": seed}}
        record = {
            "protocol": {"name": "simulated"},
            "scorer": said,
            "n": len(count),
            "episodes": len(count),
            "episodes_digest": "simulated",
        }
        run = Run(Path(f"{name}{seed}"), record)
        vars(run)["trials"] = trials
        runs.append(run)
    return runs


def recipes(cell: tuple[int, tuple[int, int]], worlds: int) -> dict[str, float]:
    """Coverage of the difference of two equally good recipes, and false verdicts."""
    alphabets, seeds = cell
    held, alarms = [], []
    for number, (gap, of_training, both) in enumerate(SPREADS):
        for world in range(worlds // len(SPREADS)):
            key = [world, number, alphabets, *seeds]
            rng = np.random.default_rng(np.random.SeedSequence(key))
            gaps = gap * rng.standard_normal(alphabets) / 2
            sides, truth = [], 0.0
            for count, sign, name in zip(seeds, (1, -1), "ab", strict=True):
                own = of_training * rng.standard_normal((count, 1))
                noise = both * rng.standard_normal((count, alphabets))
                # A single scorer is taken as it is.
                truth += sign * float(own.mean()) if count == 1 else 0.0
                sides.append(_trained(0.7 + sign * gaps + own + noise, name))
            found = compare_recipes(*sides)
            low, high = found.difference.low, found.difference.high
            assert low is not None and high is not None
            held.append(low <= truth <= high)
            alarms.append(not held[-1] if truth else (found.p_value or 1) < 0.05)
    return {"covered": float(np.mean(held)), "false": float(np.mean(alarms))}
