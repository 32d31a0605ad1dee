"""Other intervals near 100 % and with few hard alphabets, beside the default: docs/coverage.md.

Counts of right answers are drawn for each alphabet of each world, so that many worlds are cheap;
episodes do not mix alphabets. A method is chosen by the first half of the worlds and judged by the
second, which has other effects and other numbers of alphabets. Needs no data.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special, stats

CHARACTERS, DRAWERS = 26, 20
ACCURACIES = (0.9, 0.988, 0.997)
EPISODES = (400, 2_000, 10_000)
FLIPS = 599

# Gives probabilities of right answers, ndarray (worlds, alphabets, characters or images).
World = Callable[[int, int, float, np.random.Generator], np.ndarray]
Ends = tuple[np.ndarray, np.ndarray]


def drawers(of_alphabets: float, of_drawers: float, of_characters: float) -> World:
    """Effects of alphabets, of drawers within alphabets, and of characters add up."""

    def world(worlds: int, alphabets: int, middle: float, rng: np.random.Generator) -> np.ndarray:
        found = middle + of_alphabets * rng.standard_normal((worlds, alphabets, 1, 1))
        found = found + of_characters * rng.standard_normal((worlds, alphabets, CHARACTERS, 1))
        found = found + of_drawers * rng.standard_normal((worlds, alphabets, 1, DRAWERS))
        return special.expit(found).reshape(worlds, alphabets, -1)

    return world


def hard(share: float, shift: float, of_alphabets: float, of_characters: float) -> World:
    """A share of the alphabets is much harder than the others."""

    def world(worlds: int, alphabets: int, middle: float, rng: np.random.Generator) -> np.ndarray:
        shape = worlds, alphabets, 1
        found = middle + of_alphabets * rng.standard_normal(shape)
        found = found - shift * (rng.random(shape) < share)
        noise = rng.standard_normal((worlds, alphabets, CHARACTERS))
        return special.expit(found + of_characters * noise)

    return world


def beta(of_alphabets: float, of_characters: float) -> World:
    """Accuracies of alphabets are beta-distributed, and those of characters around them."""

    def world(worlds: int, alphabets: int, middle: float, rng: np.random.Generator) -> np.ndarray:
        mean = special.expit(middle)
        one = rng.beta(mean * of_alphabets, (1 - mean) * of_alphabets, (worlds, alphabets, 1)).clip(
            1e-9, 1 - 1e-9
        )
        shape = worlds, alphabets, CHARACTERS
        return rng.beta(one * of_characters, (1 - one) * of_characters, shape)

    return world


def pairs(rate: float) -> World:
    """Most errors are confusions of few pairs of characters, whose number varies."""

    def world(worlds: int, alphabets: int, middle: float, rng: np.random.Generator) -> np.ndarray:
        errors = special.expit(-middle)
        shape = worlds, alphabets
        count = rng.poisson(rate * np.exp(0.5 * rng.standard_normal(shape) - 0.125))
        confused = np.zeros((*shape, CHARACTERS))
        for number in range(8):
            for _ in range(2):
                character = rng.integers(0, CHARACTERS, shape)[..., None]
                share = (rng.beta(0.7, 0.7, shape) * (count > number))[..., None]
                there = np.take_along_axis(confused, character, 2)
                np.put_along_axis(confused, character, np.maximum(there, share), 2)
        return 1 - np.clip(confused * min(0.7 * errors * CHARACTERS / rate, 1) + 0.3 * errors, 0, 1)

    return world


HALVES: dict[str, list[tuple[str, World, int]]] = {
    "choosing": [
        ("drawers", drawers(0.5, 0.8, 0.5), 20),
        ("hard alphabets", hard(0.1, 2.5, 0.4, 0.5), 20),
        ("beta", beta(15, 10), 20),
        ("pairs", pairs(1.5), 20),
    ],
    "judging": [
        ("drawers", drawers(0.8, 0.5, 0.8), 10),
        ("drawers", drawers(0.3, 1.2, 0.5), 20),
        ("hard alphabets", hard(0.1, 2.0, 0.6, 0.8), 20),
        ("hard alphabets", hard(0.2, 3.0, 0.3, 0.3), 10),
        ("beta", beta(40, 20), 20),
        ("beta", beta(8, 10), 13),
        ("pairs", pairs(3), 20),
        ("pairs", pairs(0.8), 13),
    ],
}


def middle_of(world: World, alphabets: int, accuracy: float) -> float:
    """Finds the log-odds at which a world has an accuracy."""
    low, high = -2.0, 12.0
    for _ in range(30):
        middle = (low + high) / 2
        found = world(400, alphabets, middle, np.random.default_rng(9)).mean()
        low, high = (middle, high) if found < accuracy else (low, middle)
    return (low + high) / 2


def by_formulas(means: np.ndarray, rng: np.random.Generator) -> dict[str, Ends]:
    """Intervals for the log-odds from the means of alphabets, ndarray (worlds, alphabets)."""
    alphabets = means.shape[1]
    mean = means.mean(axis=1)
    residuals = means - mean[:, None]
    error = means.std(axis=1, ddof=1) / np.sqrt(alphabets) / (mean * (1 - mean))
    middle = special.logit(mean)

    def around(low: np.ndarray | float, high: np.ndarray | float) -> Ends:
        return special.expit(middle - low * error), special.expit(middle + high * error)

    t = stats.t.ppf(0.975, alphabets - 1)
    wider = t * np.sqrt(alphabets / (alphabets - 1))
    excess = np.mean(residuals**4, axis=1) / np.mean(residuals**2, axis=1) ** 2 - 3
    fewer = 2 / (2 / (alphabets - 1) + np.maximum(excess, 0) / alphabets)
    moments = stats.t.ppf(0.975, np.maximum(fewer, 3))
    # The weights of Webb (2014) have six points, for few clusters.
    points = np.sqrt([0.5, 1, 1.5])
    weights = rng.choice(np.concatenate([-points, points]), (FLIPS, alphabets))
    sums = residuals @ weights.T / alphabets
    spread = np.sqrt((residuals**2 @ weights.T**2 / alphabets - sums**2) / (alphabets - 1))
    wild = sums / np.maximum(spread, 1e-9)
    ends = np.quantile(wild, [0.025, 0.975], axis=1)
    return {
        "default": around(t, t),
        "GEE, Mancl and DeRouen": around(wider, wider),
        "GEE, Pan and Wall": around(moments, moments),
        "wild bootstrap, Webb": around(ends[1], -ends[0]),
        "bootstrap-t": _bootstrap_t(means, middle, around, rng),
    }


def _bootstrap_t(
    means: np.ndarray, middle: np.ndarray, around: Callable[..., Ends], rng: np.random.Generator
) -> Ends:
    """Resamples alphabets, and studentizes on the scale of log-odds."""
    alphabets = means.shape[1]
    found = []
    for chosen in rng.integers(0, alphabets, (FLIPS, alphabets)):
        part = means[:, chosen]
        mean = part.mean(axis=1).clip(1e-6, 1 - 1e-6)
        error = part.std(axis=1, ddof=1) / np.sqrt(alphabets) / (mean * (1 - mean))
        found.append((special.logit(mean) - middle) / np.maximum(error, 1e-6))
    ends = np.quantile(found, [0.025, 0.975], axis=0)
    return around(ends[1], -ends[0])


def by_likelihood(right: np.ndarray, queries: int) -> dict[str, Ends]:
    """Intervals of a beta-binomial model, from counts of right answers (worlds, alphabets)."""
    alphabets = right.shape[1]
    means = special.expit(np.linspace(0.2, 8.5, 120))
    odds = np.linspace(-7, 0.5, 22)
    values, place = np.unique(right, return_inverse=True)
    place = place.reshape(right.shape)
    logarithms = np.empty((len(right), len(means), len(odds)))
    for number, correlation in enumerate(special.expit(odds)):
        size = 1 / correlation - 1
        a, b = means * size, (1 - means) * size
        table = special.betaln(values[:, None] + a, queries - values[:, None] + b)
        logarithms[..., number] = (table - special.betaln(a, b))[place].sum(axis=1)
    profile = logarithms.max(axis=2)
    profile -= profile.max(axis=1, keepdims=True)
    made: dict[str, Ends] = {}
    for name, quantile in (
        ("beta-binomial, profile likelihood", stats.chi2.ppf(0.95, 1)),
        ("beta-binomial, profile likelihood, F", stats.f.ppf(0.95, 1, alphabets - 1)),
    ):
        inside = profile >= -quantile / 2
        made[name] = (
            means[inside.argmax(axis=1)],
            means[len(means) - 1 - inside[:, ::-1].argmax(axis=1)],
        )
    weak = -0.5 * ((odds + 3) / 1.5) ** 2
    posterior = np.exp(logarithms + weak - logarithms.max(axis=(1, 2), keepdims=True)).sum(axis=2)
    share = np.cumsum(posterior, axis=1) / posterior.sum(axis=1, keepdims=True)
    ends = (means[(share >= tail).argmax(axis=1)] for tail in (0.025, 0.975))
    made["beta-binomial, weak prior"] = (next(ends), next(ends))
    return made


def study(half: str, worlds: int) -> pd.DataFrame:
    """Coverage and interval score of every method in every cell, in percent."""
    rows = []
    rng = np.random.default_rng(np.random.SeedSequence([*half.encode()]))
    for name, world, alphabets in HALVES[half]:
        for accuracy in ACCURACIES:
            middle = middle_of(world, alphabets, accuracy)
            fresh = (np.random.default_rng(seed) for seed in range(40))
            truth = np.mean([world(400, alphabets, middle, one).mean() for one in fresh])
            for episodes in EPISODES:
                # Episodes of five queries, of one alphabet each.
                queries = 5 * episodes // alphabets
                share = world(worlds, alphabets, middle, rng)
                cells = share.shape[2]
                asked = rng.multinomial(queries, np.full(cells, 1 / cells), share.shape[:2])
                right = rng.binomial(asked, share).sum(axis=2)
                # Where alphabets do not differ, the default is another interval.
                right = right[np.ptp(right, axis=1) > 0]
                made = by_formulas(right / queries, rng) | by_likelihood(right, queries)
                for method, (low, high) in made.items():
                    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
                    score = np.mean(high - low + 2 / 0.05 * missed)
                    held = 100 * np.mean(missed == 0)
                    rows.append((name, alphabets, accuracy, episodes, method, held, score))
    names = ["worlds", "alphabets", "accuracy", "episodes", "method", "held", "score"]
    found = pd.DataFrame(rows, columns=names)
    # Within a cell by its number; scores of cells differ by their accuracy.
    cell = np.arange(len(found)) // found["method"].nunique()
    default = found.loc[found["method"] == "default", "score"].to_numpy()
    found["score"] /= default[cell]
    return found


def main() -> None:
    """Prints the halves as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000)
    parser.add_argument("--half", choices=HALVES, action="append", help="only this half")
    asked, start = parser.parse_args(), time.process_time()
    worlds = asked.worlds
    for half in asked.half or HALVES:
        found = study(half, worlds)
        print(f"\nThe {half} half, {worlds:,} worlds a cell:\n")
        print("| interval | coverage, mean | lowest | highest | score |\n|---|---|---|---|---|")
        for method, part in found.groupby("method", sort=False):
            held, score = part["held"], np.exp(np.log(part["score"]).mean())
            cells = f"{held.mean():.1f} | {held.min():.1f} | {held.max():.1f} | {score:.3f}"
            print(f"| {method} | {cells} |", flush=True)
        default = found[found["method"] == "default"]
        print("\nThe default, mean over episodes:\n")
        print(default.pivot_table("held", ["worlds", "alphabets"], "accuracy").round(1))
    print(f"\n{time.process_time() - start:.0f} s of CPU time")


if __name__ == "__main__":
    main()
