"""Charts of accuracy against ways, and against shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..statistics import AccuracyCurve, Estimate, band_level, estimate_run
from ..tables import labels
from ..text import shown
from .material import Material
from .picture import check_suffix, save
from .style import MOST, Size, figure, legend, looks, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = 4


@dataclass(frozen=True)
class Series:
    """Protocols that differ in one number only.

    Attributes:
        title: What they have in common.
        columns: The label of the protocol of each number, ascending.
    """

    title: str
    columns: dict[int, str]


def series(material: Material, what: str) -> list[Series]:
    """Finds the protocols that differ only in their ways, or only in their shots.

    Args:
        material: The runs.
        what: `ways` or `shots`.
    """
    other = "shots" if what == "ways" else "ways"
    grouped: dict[tuple[Any, ...], dict[int, str]] = {}
    titles: dict[tuple[Any, ...], str] = {}
    for (_, column), run in material.table.runs.items():
        fields: dict[str, Any] = dict(run.record["protocol"].get("fields") or {})
        number = fields.pop(what, None)
        # Where the number of ways varies there is no one number to draw at.
        if type(number) is not int or fields.get("fewest_ways") or run.is_official:
            continue
        rest = (*sorted((name, str(value)) for name, value in fields.items()), run.record["seed"])
        name = run.protocol.replace(f"{fields.get('ways', number)}w", "", 1)
        common = run.protocol.rpartition("-")[0] if "w" in name else run.protocol
        titles.setdefault(rest, f"{labels.shown(common)}, {fields.get(other, '?')} {other}")
        grouped.setdefault(rest, {}).setdefault(number, column)
    return [
        Series(titles[rest].replace("1 shots", "1 shot"), dict(sorted(found.items())))
        for rest, found in grouped.items()
        if len(found) > 1
    ]


def _draw(material: Material, what: str, size: Size) -> Figure | None:
    found = series(material, what)[:_PANELS]
    if not found:
        return None
    with styled(size):
        drawn = figure(size, len(found) * max(1.9, 0.55 * size.width) + 0.5)
        for axes, one in zip(drawn.subplots(len(found), squeeze=False)[:, 0], found, strict=True):
            _panel(axes, material, what, one)
        legend(drawn, size)
    return drawn


def _panel(axes: Any, material: Material, what: str, one: Series) -> None:
    cells = material.table.cells
    mean = {
        row: sum(cells[row, column].value for column in there) / len(there)
        for row in material.table.rows
        if len(there := [c for c in one.columns.values() if (row, c) in cells]) > 1
    }
    best = sorted(mean, key=lambda row: -mean[row])[:MOST]
    for row in (row for row in material.table.rows if row in best):
        look = material.looks[row]
        there = {n: cells[row, c] for n, c in one.columns.items() if (row, c) in cells}
        axes.plot(
            list(there),
            [100 * cell.value for cell in there.values()],
            color=look.colour,
            marker=look.marker,
            linestyle=look.dashes,
            label=short(row),
        )
        runs = [material.run(row, column) for n, column in one.columns.items() if n in there]
        level = band_level(runs, material.interval, material.level)
        wider = (estimate_run(run, material.interval, level) for run in runs)
        _fill(axes, dict(zip(there, wider, strict=True)), look.colour)
    chance = {n: 100 / _ways(material, column) for n, column in one.columns.items()}
    axes.plot(
        list(chance),
        list(chance.values()),
        color="#7f7f7f",
        linewidth=0.9,
        linestyle=(0, (1, 3)),
        label="chance level",
    )
    axes.set_xscale("log")
    axes.set_xticks(list(one.columns), [str(n) for n in one.columns])
    axes.minorticks_off()
    axes.set(title=one.title, xlabel=what, ylabel="accuracy %", ylim=(0, 102))


def _fill(axes: Any, points: Mapping[int, Estimate], colour: str) -> None:
    """Draws a band between the ends of the points that have an interval."""
    there = {n: (one.low, one.high) for n, one in points.items() if one.low is not None}
    if there:
        low, high = ([100 * float(pair[end] or 0) for pair in there.values()] for end in (0, 1))
        axes.fill_between(list(there), low, high, color=colour, alpha=0.15, linewidth=0)


def draw_accuracy_curves(found: Sequence[AccuracyCurve], path: Path) -> None:
    """Draws accuracy curves with their bands; what is extrapolated is dashed.

    Args:
        found: The curves, all against ways or all against shots.
        path: A `.png` or `.svg` file, written completely or not at all.

    Raises:
        ResultError: The file has another ending.
    """
    check_suffix(path)
    scorers = [one.scorer for one in found]
    names = [
        shown(one.scorer)
        if scorers.count(one.scorer) == 1
        else f"{shown(one.scorer)[:40]}, {shown(one.protocols[-1])[:40]}"
        for one in found
    ]
    look, size = looks(list(dict.fromkeys(names))), Size(6, 9)
    with styled(size):
        drawn = figure(size, 4.2)
        axes = drawn.subplots()
        ticks: set[int] = set()
        for name, one in zip(names, found, strict=True):
            mine, values = look[name], {n: 100 * e.value for n, e in one.points.items()}
            marker = "" if one.from_ranks else mine.marker
            axes.plot(
                list(values), list(values.values()), color=mine.colour, label=name, marker=marker
            )
            _fill(axes, one.points, mine.colour)
            axes.plot(
                list(one.runs),
                [100 * value for value in one.runs.values()],
                color=mine.colour,
                marker=mine.marker,
                linestyle="",
            )
            further = {n: e for n, e in one.points.items() if n == max(one.points)}
            further |= one.beyond or {}
            if len(further) > 1:
                axes.plot(
                    list(further),
                    [100 * e.value for e in further.values()],
                    color=mine.colour,
                    linestyle=(0, (4, 2)),
                )
                _fill(axes, further, mine.colour)
            ticks |= {min(values), max(values), *one.runs, *further}
        axes.set_xscale("log")
        axes.set_xticks(sorted(ticks), [str(n) for n in sorted(ticks)])
        axes.minorticks_off()
        axes.set(xlabel=found[0].what if found else "ways", ylabel="accuracy %")
        drawn.legend(loc="outside lower left", ncols=1)
        save(drawn, path)


def _ways(material: Material, column: str) -> int:
    run = next(run for (_, where), run in material.table.runs.items() if where == column)
    return int(run.record["protocol"]["fields"]["ways"])


def draw_ways(material: Material, size: Size) -> Figure | None:
    """Draws accuracy against ways, with the level of chance, in bands that hold whole curves.

    Args:
        material: The runs.
        size: Size of the chart.

    Returns:
        The chart; None where no protocols differ in their ways only.
    """
    return _draw(material, "ways", size)


def draw_shots(material: Material, size: Size) -> Figure | None:
    """Draws accuracy against shots, as `draw_ways` does against ways.

    Args:
        material: The runs.
        size: Size of the chart.

    Returns:
        The chart; None where no protocols differ in their shots only.
    """
    return _draw(material, "shots", size)
