"""Pareto fronts: accuracy against what it costs, in latency, parameters or FLOPs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ResultError
from ..statistics import LEVEL
from ..store import MODES, Run
from ..tables import scaled
from .material import Material, gathered
from .picture import check_suffix, save
from .style import INK, Size, figure, legend, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELS = {
    "latency": "p50 latency of one query, ms",
    "params": "parameters",
    "flops": "FLOPs of embedding one image",
}

_FRONT_DASHES = ((0, (4, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)), "-")
_PROTOCOLS = 4

_POINTS = 12
"""The largest number of scorers of a protocol: the front, then the most accurate others."""


@dataclass(frozen=True)
class Point:
    """A scorer's cost and accuracy on a protocol.

    Attributes:
        row: Label of the scorer.
        name: The same, with the conditions of an unusual latency.
        cost: Latency in ms, parameters or FLOPs.
        ends: Ends of the cost's interval.
        accuracy: Accuracy and the ends of its interval, in percent.
    """

    row: str
    name: str
    cost: float
    ends: tuple[float, float]
    accuracy: tuple[float, float, float]


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Finds the points on the Pareto front.

    A point is on the front if no other point is at least as good in cost and
    accuracy, and better in one of them. Equal points are all on the front.

    Args:
        points: Cost and accuracy of each point.

    Returns:
        Indices of the points on the front, the lowest cost first.
    """
    found: list[int] = []
    for place in sorted(
        range(len(points)), key=lambda place: (points[place][0], -points[place][1])
    ):
        if (
            not found
            or points[place][1] > points[found[-1]][1]
            or points[place] == points[found[-1]]
        ):
            found.append(place)
    return found


def points(material: Material, what: str) -> dict[str, list[Point]]:
    """Gives the points of each protocol, in which scorers of unknown cost are left out.

    Args:
        material: The runs.
        what: `latency`, `params` or `flops`.
    """
    found: dict[str, list[Point]] = {}
    for (row, column), one in zip(material.table.runs, material.table.results, strict=True):
        name, ends = row, (0.0, 0.0)
        if what == "latency":
            latency: dict[str, Any] = one["latency"] or {}
            cost = latency.get("p50_ms")
            low, high = (latency.get(end) or cost or 0.0 for end in ("low_ms", "high_ms"))
            ends = low, high
            said = [MODES["cold"]] if latency.get("mode") == "cold" else []
            said += [] if latency.get("valid", True) else ["INVALID"]
            name = f"{row} ({', '.join(said)})" if said else row
        else:
            cost = one["parameters" if what == "params" else "flops"]
            ends = cost or 0.0, cost or 0.0
        if cost:
            cell = material.table.cells[row, column]
            low, high = (cell.value if end is None else end for end in (cell.low, cell.high))
            accuracy = 100 * cell.value, 100 * low, 100 * high
            found.setdefault(column, []).append(Point(row, name, cost, ends, accuracy))
    return found


def draw_costs(material: Material, size: Size, what: str) -> Figure | None:
    """Draws accuracy with its interval against a cost, and the Pareto front.

    Args:
        material: The runs.
        size: Size of the chart.
        what: `latency`, `params` or `flops`.

    Returns:
        The chart; None where no scorer's cost is known.
    """
    every = points(material, what)
    # Protocols with most scorers; of many, the fronts would cover each other.
    chosen = sorted(every, key=lambda column: -len(every[column]))[:_PROTOCOLS]
    found = {column: _most(every[column]) for column in every if column in chosen}
    if not found or (what != "latency" and max(map(len, found.values())) < 2):
        return None
    with styled(size):
        drawn = figure(size, max(2.6, 0.8 * size.width))
        axes = drawn.subplots()
        for (column, some), dashes in zip(found.items(), _FRONT_DASHES, strict=False):
            _points(axes, material, some)
            places = [(one.cost, one.accuracy[0]) for one in some]
            best = [places[place] for place in front(places)]
            # An accuracy reached at some cost is reached at every larger cost.
            axes.step(
                *zip(*best, strict=True),
                where="post",
                color=INK,
                alpha=0.6,
                linewidth=1,
                linestyle=dashes,
                label=f"front, {short(column)}" if len(found) > 1 else "front",
            )
        axes.set_xscale("log")
        axes.set(xlabel=_LABELS[what])
        axes.set_ylabel(f"accuracy %, {100 * material.level:g} % interval")
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}" if what == "latency" else scaled(x))
        axes.minorticks_off()
        axes.margins(x=0.1)
        title = short(next(iter(found))) if len(found) == 1 else None
        legend(drawn, size, title)
    return drawn


def _most(some: list[Point]) -> list[Point]:
    """Keeps the front and the most accurate scorers, in their order."""
    ahead = set(front([(one.cost, one.accuracy[0]) for one in some]))
    order = sorted(range(len(some)), key=lambda i: (i not in ahead, -some[i].accuracy[0]))
    return [some[i] for i in sorted(order[:_POINTS])]


def _points(axes: Any, material: Material, some: list[Point]) -> None:
    for one in some:
        look, (value, low, high) = material.looks[one.row], one.accuracy
        axes.errorbar(
            one.cost,
            value,
            [[value - low], [high - value]],
            [[one.cost - one.ends[0]], [one.ends[1] - one.cost]],
            fmt=look.marker,
            color=look.colour,
            linewidth=1,
            label=one.name,
        )


def draw_pareto(
    runs: Sequence[Run], path: Path, interval: str = "population", level: float = LEVEL
) -> None:
    """Draws accuracy with its interval against the median latency, and the Pareto front.

    Args:
        runs: The runs; those without a latency are left out.
        path: A `.png` or `.svg` file, written completely or not at all.
        interval: As for `estimates.estimate_run`.
        level: Nominal coverage.

    Raises:
        ResultError: No run has a latency, or the file has another ending.
    """
    check_suffix(path)
    size = Size(6.5, 9)
    drawn = draw_costs(gathered(runs, interval=interval, level=level), size, "latency")
    if drawn is None:
        raise ResultError(
            "no latency of these scorers is stored; measure some with: wayshot latency"
        )
    with styled(size):
        save(drawn, path)
