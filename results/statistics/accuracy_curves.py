"""Accuracy curves: accuracy against ways or shots, in a band that holds the whole curve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from ..errors import ResultError
from ..store import Run
from .bands import pointwise_level
from .characters import influence_of, population_influence
from .estimates import LEVEL, Estimate
from .extrapolation import Extrapolation, HeldOut, extrapolated
from .influences import Influence
from .intervals import INTERVALS, estimate
from .thinning import thinned

_ROUND = 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9
"""Numbers of ways of a curve, times powers of ten: between them it is straight to the eye."""


@dataclass(frozen=True)
class MostWays:
    """The largest number of ways at which an accuracy is still reached.

    Attributes:
        accuracy: The accuracy, as a fraction.
        ways: The number of ways; None if it is not reached at the fewest ways.
        low: The number at which the lower edge of the band still reaches it,
            or None, as for `ways`; also if there is no band.
        high: The number at which the upper edge still reaches it, or None.
        offered: The largest number of ways that was run; a number that is equal to
            it means so many or more.
    """

    accuracy: float
    ways: int | None
    low: int | None
    high: int | None
    offered: int


@dataclass(frozen=True)
class AccuracyCurve:
    """Accuracy of a scorer against ways or shots.

    Attributes:
        what: `ways` or `shots`.
        scorer: Name of the scorer.
        protocols: Names of the protocols of the runs that it is from.
        from_ranks: Whether all points follow from the ranks of one run.
        episodes: Number of episodes of the run with the most ways or shots.
        points: The accuracy at each number. The ends of the intervals are a
            band, which holds the whole curve with the probability `level`.
        level: Nominal coverage of the band.
        pointwise: Nominal coverage of the interval at each single point.
        runs: Accuracies of runs of their own, beside points that follow from ranks.
        most_ways: Where an accuracy is still reached, of curves over ways.
        beyond: Accuracies with more ways than were run; not in the band.
        held_out: How well half of the ways predict all of them; None where that says
            nothing, see `Extrapolation`.
    """

    what: str
    scorer: str
    protocols: tuple[str, ...]
    from_ranks: bool
    episodes: int
    points: dict[int, Estimate]
    level: float
    pointwise: float
    runs: dict[int, float]
    most_ways: MostWays | None = None
    beyond: dict[int, Estimate] | None = None
    held_out: HeldOut | None = None

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""

        def listed(points: Mapping[int, Estimate]) -> list[dict[str, Any]]:
            return [{self.what: n, "accuracy": one.as_json()} for n, one in points.items()]

        return {
            **asdict(self),
            "points": listed(self.points),
            "beyond": listed(self.beyond or {}),
            "runs": [{self.what: n, "accuracy": value} for n, value in self.runs.items()],
            "held_out": {**asdict(self.held_out), "error": self.held_out.error}
            if self.held_out
            else None,
        }


def ranks_tell(run: Run) -> bool:
    """Tells whether accuracies with fewer ways follow from a run's ranks.

    They do not if the scorer sees the other classes of an episode (level 3), or if
    episodes differ in their number of ways.

    Args:
        run: The run.
    """
    fields, scorer = run.record["protocol"].get("fields") or {}, run.record["scorer"]
    alone = scorer.get("level", 1) < 3
    return alone and type(fields.get("ways")) is int and not fields.get("fewest_ways")


def _looks_of(run: Run) -> int:
    return run.record.get("stopping", {}).get("looks", 1)


def _estimate(trials: pd.DataFrame, found: Influence, level: float, looks: int) -> Estimate:
    return estimate(trials, level=level, find=lambda _: found, looks=looks)


def families(runs: Sequence[Run], what: str) -> tuple[list[dict[int, Run]], list[Run]]:
    """Groups runs that differ in nothing but their ways, or but their shots.

    Args:
        runs: The runs of several scorers.
        what: `ways` or `shots`.

    Returns:
        The runs of each curve by number, ascending; and the runs that are in no
        curve: those of episodes with several numbers of ways, and of several with the
        same number all but that with the most episodes.
    """
    found: dict[tuple[Any, ...], dict[int, Run]] = {}
    left: list[Run] = []
    for run in sorted(runs, key=lambda run: -run.record["episodes"]):
        fields = dict(run.record["protocol"].get("fields") or {})
        number = fields.pop(what, None)
        if type(number) is not int or fields.get("fewest_ways"):
            left.append(run)
            continue
        key = (
            run.scorer,
            run.record["scorer"]["digest"],
            run.record["dataset"]["digest"],
            run.record["seed"],
            *sorted((name, str(value)) for name, value in fields.items()),
        )
        if number in found.setdefault(key, {}):
            left.append(run)
        found[key].setdefault(number, run)
    order = [run.folder for run in runs]
    curves = [dict(sorted(one.items())) for one in found.values()]
    curves.sort(key=lambda one: min(order.index(run.folder) for run in one.values()))
    return curves, left


def _spaced(most: int) -> list[int]:
    """Numbers from 2 to the most; all of them up to 10, and some of those beyond."""
    tens = (10**power for power in range(1, len(str(most))))
    beyond = {round(one * ten) for ten in tens for one in _ROUND}
    return sorted({*range(2, min(most, 10) + 1), *(n for n in beyond if n <= most), most})


def _last(most: int, reaches: Callable[[int], bool]) -> int | None:
    """Finds the largest number from 2 to `most` that is reached, where larger ones are harder."""
    if not reaches(2):
        return None
    low, high = 2, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return low


def curve_over_ways(
    run: Run,
    level: float = LEVEL,
    accuracy: float = 0.95,
    beyond: Sequence[int] = (),
    others: Mapping[int, Run] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> AccuracyCurve:
    """Computes accuracy against ways from the ranks of one run.

    A trial with the true class at rank r of W tells its mean credit over all
    choices of fewer classes (`thinning`). Episodes of fewer ways would be of the same
    alphabets.

    Args:
        run: A run for which `ranks_tell`.
        level: Nominal coverage of the band.
        accuracy: The accuracy for `most_ways`, as a fraction.
        beyond: Larger numbers of ways to extrapolate to.
        others: Runs of the same scorer with fewer ways, to be named beside the curve.
        progress: Is told how many of `steps` are done.

    Raises:
        ResultError: Ranks do not tell, or a number or the level is impossible.
    """
    if not ranks_tell(run):
        raise ResultError(
            f"{run.folder}: its ranks say nothing of fewer ways, as the scorer sees all classes of "
            "an episode, or their number varies; run it with several numbers of ways"
        )
    offered = int(run.record["protocol"]["fields"]["ways"])
    fewest = [one for one in beyond if one <= offered]
    if fewest:
        raise ResultError(
            f"{fewest[0]} ways are not beyond the {offered} of {run.protocol}; name a larger number"
        )
    if not 0 < accuracy < 1:
        raise ResultError(f"accuracy {accuracy:g} is impossible, expected between 0 and 1")
    trials, looks = run.outcome(), _looks_of(run)
    memory: dict[int, tuple[pd.DataFrame, Influence]] = {}

    def fewer(ways: int) -> tuple[pd.DataFrame, Influence]:
        chosen = thinned(trials, offered, ways)
        return chosen, population_influence(chosen, run.uses_images_once)

    numbers: set[int] = {*_spaced(offered), *(others or {})}
    for ways in sorted(numbers):
        memory[ways] = fewer(ways)
        progress(1)
    pointwise = pointwise_level([found for _, found in memory.values()], level)
    whole = memory[offered][1]
    points = {ways: _estimate(*one, pointwise, looks) for ways, one in memory.items()}
    memory.clear()
    between = dict(points)

    def at(ways: int) -> Estimate:
        if ways not in between:
            between[ways] = _estimate(*fewer(ways), pointwise, looks)
        return between[ways]

    ends = {
        end: _last(offered, partial(_reaches, at, accuracy, end))
        for end in ("value", "low", "high")
    }
    most_ways = MostWays(accuracy, ends["value"], ends["low"], ends["high"], offered)
    further = Extrapolation({}, None)
    if beyond:
        further = extrapolated(trials, offered, sorted({*beyond}), whole, level)
    return AccuracyCurve(
        what="ways",
        scorer=run.scorer,
        protocols=(run.protocol,),
        from_ranks=True,
        episodes=run.record["episodes"],
        points=_as_band(points, level),
        level=level,
        pointwise=pointwise,
        runs={n: float(one.outcome()["credit"].mean()) for n, one in (others or {}).items()},
        most_ways=most_ways,
        beyond=further.estimates,
        held_out=further.held_out,
    )


def _reaches(at: Callable[[int], Estimate], accuracy: float, end: str, ways: int) -> bool:
    value = getattr(at(ways), end)
    return value is not None and value >= accuracy - 1e-12


def _as_band(points: Mapping[int, Estimate], level: float) -> dict[int, Estimate]:
    return {
        number: replace(one, level=level, method=f"{one.method}, whole curve")
        for number, one in sorted(points.items())
    }


def steps(run: Run, others: Collection[int] = ()) -> int:
    """Gives the number of steps that `curve_over_ways` reports.

    Args:
        run: The run.
        others: Numbers of ways of other runs.
    """
    return len({*_spaced(int(run.record["protocol"]["fields"]["ways"])), *others})


def curve_over_runs(
    runs: Mapping[int, Run], what: str, level: float = LEVEL, accuracy: float = 0.95
) -> AccuracyCurve:
    """Computes accuracy against ways or shots from runs of a scorer, one for each number.

    Args:
        runs: The run of each number; their protocols differ in nothing else.
        what: `ways` or `shots`.
        level: Nominal coverage of the band.
        accuracy: The accuracy for `most_ways`, as a fraction.

    Raises:
        ResultError: There are no runs, or the level is impossible.
    """
    ordered = dict(sorted(runs.items()))
    pointwise = band_level([*ordered.values()], "population", level)
    points = {}
    for number, run in ordered.items():
        trials = run.outcome()
        points[number] = _estimate(trials, influence_of(run, trials), pointwise, _looks_of(run))
    most_ways = None
    if what == "ways":
        there = {
            end: [n for n in ordered if _reaches(points.__getitem__, accuracy, end, n)]
            for end in ("value", "low", "high")
        }
        ends = {end: max(some) if some else None for end, some in there.items()}
        last = max(ordered)
        most_ways = MostWays(accuracy, ends["value"], ends["low"], ends["high"], last)
    return AccuracyCurve(
        what=what,
        scorer=next(iter(ordered.values())).scorer,
        protocols=tuple(run.protocol for run in ordered.values()),
        from_ranks=False,
        episodes=[*ordered.values()][-1].record["episodes"],
        points=_as_band(points, level),
        level=level,
        pointwise=pointwise,
        runs={},
        most_ways=most_ways,
    )


def band_level(runs: Sequence[Run], interval: str = "population", level: float = LEVEL) -> float:
    """Computes the level of single intervals of several runs that hold together.

    Args:
        runs: Runs of one scorer.
        interval: The kind of interval. Those over new alphabets use the correlation of
            runs over alphabets (`pointwise_level`), all others Bonferroni's correction.
        level: Probability that all intervals hold.

    Raises:
        ResultError: There are no runs, or the level is impossible.
    """
    if INTERVALS[interval].covers == INTERVALS["population"].covers:
        return pointwise_level([influence_of(run, run.outcome()) for run in runs], level)
    return 1 - (1 - level) / max(len(runs), 1)
