"""Charts of accuracy against ways, and against shots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..tables import labels
from .material import Material
from .style import MOST, Size, figure, short, styled

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
        handles = {
            label: line
            for axes in drawn.axes
            for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        columns = 2 if size.width > 4 else 1
        drawn.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=columns)
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
        band = {n: cell for n, cell in there.items() if cell.low is not None}
        if band:
            low, high = ([100 * getattr(c, end) for c in band.values()] for end in ("low", "high"))
            axes.fill_between(list(band), low, high, color=look.colour, alpha=0.15, linewidth=0)
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


def _ways(material: Material, column: str) -> int:
    run = next(run for (_, where), run in material.table.runs.items() if where == column)
    return int(run.record["protocol"]["fields"]["ways"])


def draw_ways(material: Material, size: Size) -> Figure | None:
    """Draws accuracy against ways, with intervals as bands and the level of chance.

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
