"""Verdicts: comparisons of stored runs, in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
import tabulate

from ... import results
from ...results import percent, plain
from ...results.statistics import (
    FEWEST_SEEDS,
    OF_TWO_SEEDS,
    POWER,
    Comparison,
    Equivalence,
    Practical,
    Ranking,
    RecipeComparison,
)

_WIDTH = 100


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _signed(share: float, digits: int = 1) -> str:
    return f"{'' if share < 0 else '+'}{percent(share, digits)}"


def _probability(p: float | None) -> str:
    if p is None:
        return "–"
    return f"{p:.2g}" if p >= 1e-4 else "below 0.0001"


def _points(one: results.Estimate) -> tuple[str, str]:
    """A difference and its interval in points, to two places of the interval's half."""
    if one.low is None or one.high is None or one.halfwidth is None:
        return _signed(one.value), "–"
    half = 100 * one.halfwidth
    digits = min(max(1, 1 - math.floor(math.log10(half))), 6) if half else 1
    value, low, high = (_signed(end, digits) for end in (one.value, one.low, one.high))
    return value, f"{low} to {high}"


def _method(one: results.Estimate) -> str:
    return f"{one.method}, {one.clusters}" if one.clusters else one.method


def _heading(one: Comparison | Ranking | RecipeComparison, scorers: str) -> str:
    return textwrap.fill(
        f"{plain(one.protocol)}: {scorers}; {one.n:,} trials of {one.episodes:,} episodes, "
        f"digest {one.episodes_digest[:8]}",
        _WIDTH,
    )


def comparison_text(one: Comparison, equal: Equivalence | None = None) -> str:
    """Says how two scorers compare: figures, and a verdict.

    Args:
        one: The comparison.
        equal: Whether they are as good as one another within a margin, where that was asked.
    """
    first, second = map(plain, one.scorers)
    value, interval = _points(one.difference)
    level = _percent(round(1 - one.difference.level, 12))
    flips = f"all {one.flips:,}" if one.flips % 2 == 0 else f"{one.flips:,} random"
    trust = "" if one.independent else "; takes trials as independent, which share images here"
    detectable = "cannot be told, as all trials are alike"
    if one.detectable is not None and one.detectable_at_best is not None:
        best = f"; with endlessly many episodes {100 * one.detectable_at_best:.2g}"
        detectable = (
            f"{100 * one.detectable:.2g} points ({_percent(POWER)} power at {level})"
            f"{best if one.detectable_at_best else ''}"
        )
    rows = [
        (first, f"{percent(one.accuracies[0])} %"),
        (second, f"{percent(one.accuracies[1])} %"),
        (
            "difference",
            f"{value} points, {_percent(one.difference.level)} interval {interval} "
            f"({_method(one.difference)})",
        ),
        ("p-value", _probability(one.p_value)),
        ("  flips of signs", f"{_probability(one.sign_flip)} (by {one.by}, {flips})"),
        ("  McNemar", f"{_probability(one.mcnemar)} (exact{trust})"),
        (
            "disagreements",
            f"{one.disagreements:,} of {one.n:,} trials ({percent(one.disagreements / one.n)} %): "
            f"{one.wins[0]:,} for {first}, {one.wins[1]:,} for {second}",
        ),
        ("smallest detectable", detectable),
    ]
    if one.p_value is None:
        # Without an interval, nothing can be tested or detected.
        untested = [("difference", f"{value} points, no interval"), rows[-2]]
        rows = [*rows[:2], *untested]
    facts = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True)
    verdict = textwrap.fill(_verdict(one, level), _WIDTH)
    parts = [_heading(one, f"{first} against {second}"), facts, verdict]
    if equal:
        parts.append(textwrap.fill(_equal(equal), _WIDTH))
    return "\n\n".join(parts)


def _equal(one: Equivalence) -> str:
    margin, level = f"{100 * one.margin:g} points", _percent(round(1 - one.level, 12))
    if one.low is None or one.high is None or one.smallest is None:
        return f"Nothing can be said about a margin of {margin}: there is no interval."
    interval = f"{_signed(one.low, 2)} to {_signed(one.high, 2)} points"
    found = (
        "They are as good as one another" if one.shown else "It is not shown that they are equal"
    )
    test = "" if one.p_value is None else f"two one-sided tests, p {_probability(one.p_value)}; "
    return (
        f"{found} within {margin}, at the level of {level} ({test}"
        f"{_percent(round(2 * one.level - 1, 12))} interval {interval}). The smallest margin for "
        f"which it is shown is {math.ceil(1e4 * one.smallest) / 100:g} points."
    )


def practical_text(scorers: Sequence[str], rope: float, one: Practical | None) -> str:
    """Says how probably a difference matters.

    Args:
        scorers: Names of the two scorers.
        rope: Half the width of the region of practical equivalence, as a fraction.
        one: The probabilities, or None.
    """
    points = f"{100 * rope:g} points"
    if one is None:
        return f"Nothing can be said about a region of {points}: the error is not known."
    first, second = map(plain, scorers)
    return textwrap.fill(
        f"After the data, with a flat prior: with probability {one.first_better:.3f} {first} is "
        f"better by more than {points}, with {one.equivalent:.3f} they are within {points}, and "
        f"with {one.second_better:.3f} {second} is better by more.",
        _WIDTH,
    )


_FOR = {
    "character of one alphabet": "for new characters of this alphabet; it says nothing about new "
    "alphabets",
    "character within alphabets": "for new characters of these alphabets; it says nothing about "
    "new alphabets",
    "episode": "for new images of the same characters",
}
"""What a verdict is for where the alphabets are too few, by `Comparison.by`."""


def _verdict(one: Comparison, level: str) -> str:
    value = one.difference.value
    if one.p_value is None:
        reason = one.difference.method.removeprefix("none ").strip("()")
        if one.independent:
            return f"No verdict: {reason}. Add images, characters or alphabets."
        return (
            f"No verdict: {reason}. Add characters or alphabets; or, for a verdict on new images "
            "of the same characters, run a -once protocol."
        )
    if one.p_value < 1 - one.difference.level:
        what = f", {_FOR[one.by]}" if one.by in _FOR else ""
        return f"{plain(one.scorers[value < 0])} is better, at the level of {level}{what}."
    words = f"They cannot be told apart at the level of {level}."
    if one.detectable_at_best is None or one.detectable is None or not value:
        return words
    if one.episodes_needed:
        images = ", if there are images for so many" if one.independent else ""
        return (
            f"{words} About {one.episodes_needed:,} episodes would decide a difference as large "
            f"as this one{images} ({_percent(POWER)} power)."
        )
    if abs(value) > one.detectable_at_best:
        return f"{words} The official runs are too few to decide a difference as large as this one."
    return (
        f"{words} No number of episodes would decide a difference as large as this one: these "
        f"{one.difference.clusters} {one.by.partition(' ')[0]}s limit it; it takes others, or more "
        "of them."
    )


def recipes_text(one: RecipeComparison) -> str:
    """Says how two recipes compare over their trainings: figures, and a verdict.

    Args:
        one: The comparison.
    """
    first, second = map(plain, one.scorers)
    value, interval = _points(one.difference)
    level = _percent(round(1 - one.difference.level, 12))
    rows = [
        (name, _trained(mean, seeds, values, spread))
        for name, mean, seeds, values, spread in zip(
            (first, second), one.accuracies, one.seeds, one.values, one.spreads, strict=True
        )
    ]
    if one.p_value is None:
        rows.append(("difference", f"{value} points, no interval"))
    else:
        said = f"{value} points, {_percent(one.difference.level)} interval {interval}"
        known = [f"{one.difference.clusters} groups"] if one.difference.clusters else []
        if one.freedom is not None:
            known.append(f"{one.freedom:.1f} degrees of freedom")
        rows += [
            ("difference", said),
            ("  method", "; ".join(filter(None, (one.difference.method, ", ".join(known))))),
            ("p-value", _probability(one.p_value)),
        ]
    if one.between_trainings is not None and one.detectable is not None:
        rows += [
            (
                "between trainings",
                f"about {100 * one.between_trainings:.0f} % of the variance of the difference, "
                "which more seeds lessen",
            ),
            (
                "smallest detectable",
                f"{100 * one.detectable:.2g} points ({_percent(POWER)} power at {level})",
            ),
        ]
    facts = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True)
    parts = [
        _heading(one, f"{first} against {second}"),
        facts,
        textwrap.fill(_recipes_verdict(one, level), _WIDTH),
    ]
    if one.of_two:
        parts.append(textwrap.fill(_of_two(one.of_two), _WIDTH))
    if one.equivalence:
        parts.append(textwrap.fill(_equal(one.equivalence), _WIDTH))
    return "\n\n".join(parts)


def _of_two(scorers: Sequence[str]) -> str:
    return f"Warning: {' and '.join(map(plain, scorers))}: {OF_TWO_SEEDS}"


def _trained(
    mean: float,
    seeds: Sequence[Any],
    values: Sequence[float],
    spread: float | None,
) -> str:
    if spread is None:
        return f"{percent(mean)} % (as it is, not trained anew)"
    each = ", ".join(
        f"{seed}: {percent(value, 2)}" for seed, value in zip(seeds, values, strict=True)
    )
    return f"{percent(mean, 2)} %, mean of the seeds {each}; sd {percent(spread, 2)}"


def _recipes_verdict(one: RecipeComparison, level: str) -> str:
    if one.p_value is None:
        reason = one.difference.method.removeprefix("none ").strip("()")
        return f"No verdict: {reason}. Add characters or alphabets."
    fixed = [name for name, seeds in zip(one.scorers, one.seeds, strict=True) if not seeds]
    whose = (
        f"new trainings of {plain(one.scorers[bool(one.seeds[1])])}" if fixed else "new trainings"
    )
    where = _FOR.get(one.by, f"for new {one.by}s").removeprefix("for ")
    for_what = f"for {whose} and {where}"
    if one.p_value < 1 - one.difference.level:
        better = plain(one.scorers[one.difference.value < 0])
        return f"{better} is better, at the level of {level}, {for_what}."
    return f"They cannot be told apart at the level of {level}, {for_what}."


def trials_text(one: Comparison, trials: pd.DataFrame, listed: int) -> list[str]:
    """Lists trials on which two scorers disagree: a title and a table; [] if there are none.

    Args:
        one: The comparison.
        trials: The trials, as from `disagreeing`.
        listed: How many to list.
    """
    if not listed or not len(trials):
        return []

    def says(row: Any, side: str) -> str:
        credit, alphabet = row[f"credit_{side}"], row[f"predicted_alphabet_{side}"]
        within = "" if alphabet == row["alphabet"] else f"{alphabet}/"
        words = f"{within}{row[f'predicted_character_{side}']}"
        if credit:
            words = "right" if credit == 1 else f"tied for {credit:.2g}"
        return f"{plain(words)} ({row[f'margin_{side}']:+.3g})"

    headers = ["episode", "query", "character", "drawer", *map(plain, one.scorers)]
    rows = [
        [
            *(row["episode"], row["query"], plain(f"{row['alphabet']}/{row['character']}")),
            *(plain(str(row["drawer"])), says(row, "first"), says(row, "second")),
        ]
        for row in trials.head(listed).to_dict("records")
    ]
    table = tabulate.tabulate(rows, headers=headers, disable_numparse=True)
    all_of = f"; --disagreements {len(trials)} lists all" if len(rows) < len(trials) else ""
    title = (
        "Trials on which they disagree, by what each says and its margin: "
        f"{len(rows):,} of {len(trials):,}{all_of}"
    )
    return [title, table]


def ranking_text(one: Ranking) -> str:
    """Says how several scorers compare: groups, all pairs, and ranks.

    Args:
        one: The ranking.
    """
    level, names = _percent(round(1 - one.level, 12)), list(map(plain, one.scorers))
    order = [place for group in one.groups for place in group]
    scorers = [
        {
            "scorer": names[place],
            "accuracy %": percent(one.accuracies[place]),
            "group": one.letters[place],
            "mean rank": f"{one.ranks.means[place]:.2f}" if one.ranks else "–",
        }
        for place in dict.fromkeys(order)
    ]
    pairs = []
    for (first, second), pair in one.pairs.items():
        value, interval = _points(pair.difference)
        pairs.append(
            {
                "pair": f"{names[first]} less {names[second]}",
                "points": value,
                f"{_percent(one.level)} interval": interval,
                "p-value": _probability(pair.p_value),
                "corrected": _probability(one.adjusted[first, second]),
                "disagreements": f"{percent(pair.disagreements / pair.n)} %"
                if isinstance(pair, Comparison)
                else "–",
            }
        )
    tested = [pair for pair in one.pairs.values() if pair.p_value is not None]
    methods = " or ".join(dict.fromkeys(_method(pair.difference) for pair in one.pairs.values()))
    letters = (
        f"Scorers that share a letter cannot be told apart: paired differences ({methods}), "
        f"corrected for the number of pairs, {level}."
    )
    if not tested:
        pair = next(iter(one.pairs.values()))
        of_runs = isinstance(pair, Comparison)
        letters = _verdict(pair, level) if of_runs else _recipes_verdict(pair, level)
    else:
        recipes = [pair for pair in one.pairs.values() if isinstance(pair, RecipeComparison)]
        if recipes:
            letters += " Differences of recipes cover new trainings."
        names_of_two = [
            names[place]
            for places, pair in one.pairs.items()
            if isinstance(pair, RecipeComparison)
            for place, seeds in zip(places, pair.seeds, strict=True)
            if len(seeds) == FEWEST_SEEDS
        ]
        if names_of_two:
            letters += f" {_of_two([*dict.fromkeys(names_of_two)])}"
    return "\n\n".join(
        [
            _heading(one, f"{len(names)} scorers"),
            tabulate.tabulate(scorers, headers="keys", disable_numparse=True),
            textwrap.fill(letters, _WIDTH),
            tabulate.tabulate(pairs, headers="keys", disable_numparse=True),
            textwrap.fill(_ranks(one, level), _WIDTH),
        ]
    )


def _ranks(one: Ranking, level: str) -> str:
    if not one.ranks:
        return f"Too few {one.what}s to rank on."
    found = one.ranks
    davenport = "every ranking the same"
    if found.iman_davenport is not None and found.iman_davenport_p is not None:
        p_value = _probability(found.iman_davenport_p)
        davenport = f"Iman and Davenport's F {found.iman_davenport:.2f}, p {p_value}"
    return (
        f"Ranks over {found.blocks} {one.what}s: Friedman's chi-squared {found.friedman:.2f}, "
        f"p {_probability(found.friedman_p)}; {davenport}. Nemenyi: mean ranks differ at {level} "
        f"from {found.critical_difference:.2f} on."
    )
