"""Findings: what a report says in words and small tables about the runs of one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..errors import ResultError
from ..pictures import Material, scored
from ..statistics import Comparison, verification_of
from ..tables import concentration, percent

_PAIRS_AT_MOST = 2**21
"""The largest number of scores of a run of which all metrics of pairs are computed."""


@dataclass(frozen=True)
class Pair:
    """A pair of scorers, compared.

    Attributes:
        scorers: Their labels.
        points: The difference, first less second, in points.
        interval: Its interval.
        p_value: The p-value, corrected for the number of pairs.
        disagreements: Trials with more credit for the first, and for the second.
        verdict: What follows.
        decided: Whether they differ significantly.
    """

    scorers: tuple[str, str]
    points: str
    interval: str
    p_value: str
    disagreements: tuple[int, int]
    verdict: str
    decided: bool


@dataclass(frozen=True)
class Group:
    """A scorer with the letters of its groups.

    Attributes:
        label: The scorer.
        accuracy: In percent.
        letters: Scorers with a common letter cannot be told apart.
        rank: Mean rank over alphabets, or "".
    """

    label: str
    accuracy: str
    letters: str
    rank: str


def _points(value: float) -> str:
    return f"{100 * value + 0.0:+.1f}"


def _probability(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else "below 0.0001"


def _verdict(one: Comparison, names: tuple[str, str], decided: bool) -> str:
    if one.p_value is None:
        return "no verdict: too few characters or alphabets"
    if decided:
        return f"{names[one.difference.value < 0]} is better"
    if one.episodes_needed:
        return f"undecided; about {one.episodes_needed:,} episodes would decide"
    at_best = one.detectable_at_best
    if at_best is None or not one.difference.value:
        return "undecided"
    if abs(one.difference.value) > at_best:
        return "undecided; the official runs are too few"
    few = one.by.partition(" ")[0]
    return f"undecided; no number of episodes would decide, it takes more {few}s"


def _pair(one: Comparison, names: tuple[str, str], adjusted: float, level: float) -> Pair:
    found, decided = one.difference, adjusted < 1 - level
    interval = ""
    if found.low is not None and found.high is not None:
        interval = f"{_points(found.low)} to {_points(found.high)}"
    p_value = "–" if one.p_value is None else _probability(adjusted)
    return Pair(
        names, _points(found.value), interval, p_value, one.wins,
        _verdict(one, names, decided), decided,
    )  # fmt: skip


def compared(material: Material, column: str) -> list[Pair]:
    """Compares the scorers of a protocol in pairs.

    Args:
        material: The runs.
        column: Label of the protocol.

    Returns:
        All pairs of the scorers in `Material.rows`, those of close scorers first.
    """
    ranking = material.ranking(column)
    if ranking is None:
        base = material.base(column)
        return [
            _pair(one.comparison, (one.label, base), one.adjusted, material.level)
            for one in material.contrasts(column)
        ]
    pairs = [
        _pair(
            # `Material.ranking` ranks single runs, not trainings of recipes.
            cast(Comparison, one),
            (ranking.scorers[first], ranking.scorers[second]),
            ranking.adjusted[first, second],
            material.level,
        )
        for (first, second), one in ranking.pairs.items()
    ]
    return sorted(pairs, key=lambda one: abs(float(one.points)))


def groups(material: Material, column: str) -> list[Group]:
    """Gives the letters of the scorers on a protocol, the most accurate first; may be empty.

    Args:
        material: The runs.
        column: Label of the protocol.
    """
    ranking = material.ranking(column)
    if ranking is None or all(one.p_value is None for one in ranking.pairs.values()):
        return []
    order = sorted(range(len(ranking.scorers)), key=lambda place: -ranking.accuracies[place])
    return [
        Group(
            ranking.scorers[place],
            percent(ranking.accuracies[place]),
            ranking.letters[place],
            f"{ranking.ranks.means[place]:.2f}" if ranking.ranks else "",
        )
        for place in order
    ]


def concentrations(material: Material, column: str) -> list[str]:
    """Says how few alphabets and drawers account for half of each scorer's errors.

    Args:
        material: The runs.
        column: Label of the protocol.
    """
    found = []
    for row in material.by_accuracy(column):
        if material.run(row, column).record["scorer"].get("baseline") and found:
            continue
        for by in ("alphabet", "drawer"):
            parts = material.errors(row, column, by)
            if len(parts) > 1 and parts["errors"].sum():
                words = f"{concentration(row, parts)}"
                worst = parts.iloc[:3]
                names = ", ".join(
                    f"{name} {percent(share, 0)} %"
                    for name, share in zip(worst.index, worst["share"], strict=True)
                )
                found.append(f"{words}; most in {names}.")
    return found


def verified(material: Material, column: str) -> list[tuple[str, dict[str, str]]]:
    """Gives the metrics of pairs of each scorer with stored scores, as text.

    Args:
        material: The runs.
        column: Label of the protocol.
    """
    found = []
    for row, run in scored(material, column).items():
        if run.scores is None or run.scores.size > _PAIRS_AT_MOST:
            continue
        try:
            metrics: dict[str, Any] = verification_of(run, material.level)
        except ResultError:
            # Of a single alphabet there are curves, but no intervals.
            continue
        shown = {
            name: f"{percent(one['value'], 2)} ({percent(one['low'], 2)}–{percent(one['high'], 2)})"
            for name, one in metrics["verification"].items()
        }
        for name, value in (metrics["calibration"] or {}).items():
            shown[name] = percent(value, 2)
        found.append((row, shown))
    return found


def trained(cards: Sequence[Any]) -> list[dict[str, str]]:
    """Gives the facts of trainings, as text.

    Args:
        cards: Cards of trained networks.
    """
    found = []
    for card in cards:
        images = sum(
            steps * (card["recipe"].get(stage) or {}).get("batch", 0) * (1 + (stage == "pairs"))
            for stage, steps in card["steps"].items()
        )
        facts = {
            "network": str(card["name"]),
            "seed": str(card["seed"]),
            "parameters": f"{card['parameters']:,}",
            "steps": ", ".join(f"{done:,} by {stage}" for stage, done in card["steps"].items()),
            "time": f"{card['seconds'] / 60:.0f} minutes",
            "images a second": f"{images / card['seconds']:,.0f}" if card["seconds"] else "–",
            "trained on": f"{card['hardware']}; {card['software']['backend']}",
            "weights": str(card["digest"])[:12],
        }
        for name, value in (card.get("validation") or {}).items():
            facts[f"validation, {name}"] = f"{percent(value)} %"
        found.append(facts)
    return found
