"""Forest plots: intervals one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..statistics import Estimate
from ..tables import half
from .material import Material
from .style import INK, Look, Size, figure, legend, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 0.19
_COMPARED = 3
"""The largest number of scorers in a forest plot by alphabet."""

_DRAWERS = 15


@dataclass(frozen=True)
class Interval:
    """One interval of a forest plot.

    Attributes:
        row: Number of its row, from 0 at the top.
        estimate: Value and ends, as fractions.
        look: Colour and marker.
        filled: Whether the marker is filled.
        shift: How far it is below the middle of its row, from -0.5 to 0.5.
    """

    row: int
    estimate: Estimate
    look: Look
    filled: bool = True
    shift: float = 0.0


def _forest(
    rows: Sequence[str], intervals: Sequence[Interval], xlabel: str, size: Size, scale: float = 1.0
) -> Figure:
    drawn = figure(size, _ROW * scale * len(rows) * size.font / 8.5 + 0.75)
    axes = drawn.subplots()
    for one in intervals:
        y, found = one.row + one.shift, one.estimate
        if found.low is not None and found.high is not None:
            axes.plot(
                [100 * found.low, 100 * found.high], [y, y], color=one.look.colour, linewidth=1.3
            )
        axes.plot(
            [100 * found.value],
            [y],
            color=one.look.colour,
            marker=one.look.marker,
            markerfacecolor=one.look.colour if one.filled else "none",
            linestyle="none",
        )
    axes.set_yticks(range(len(rows)), [short(row, size.letters) for row in rows])
    axes.set(xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    return drawn


def draw_differences(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the paired differences from the baseline; filled markers are decided.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where there is nothing to compare.
    """
    found = material.contrasts(column)
    if not found:
        return None
    intervals = [
        Interval(
            row,
            one.comparison.difference,
            material.looks[one.label],
            one.adjusted < 1 - material.level,
        )
        for row, one in enumerate(found)
    ]
    with styled(size):
        xlabel = f"difference from {short(material.base(column))}, points"
        drawn = _forest([one.label for one in found], intervals, xlabel, size)
        drawn.axes[0].axvline(0, color=INK, linewidth=0.8)
    return drawn


def draw_alphabets(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the accuracy of the best scorers on each alphabet, the hardest alphabet first.

    The intervals are for new characters of the same alphabet.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where there is only one alphabet.
    """
    best = material.by_accuracy(column)[:_COMPARED]
    found = {label: material.by_alphabet(label, column) for label in best}
    first = found[best[0]]
    if len(first) < 2:
        return None
    rows = sorted(first, key=lambda name: sum(one[name].value for one in found.values()))
    shifts = [0.22 * (place - (len(best) - 1) / 2) for place in range(len(best))]
    intervals = [
        Interval(rows.index(name), one, material.looks[label], shift=shift)
        for (label, by_name), shift in zip(found.items(), shifts, strict=True)
        for name, one in by_name.items()
    ]
    with styled(size):
        drawn = _forest(rows, intervals, "accuracy %", size, 0.6 + 0.4 * len(best))
        for label in best:
            look = material.looks[label]
            drawn.axes[0].plot([], [], color=look.colour, marker=look.marker, label=short(label))
        legend(drawn, size)
    return drawn


def draw_drawers(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the share of all errors of the drawers with the most errors of the best scorer.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where there are no errors, or only one drawer.
    """
    best = material.by_accuracy(column)[0]
    found = material.errors(best, column, "drawer")
    if len(found) < 2 or not half(found):
        return None
    top = found.head(_DRAWERS)
    with styled(size):
        drawn = figure(size, _ROW * len(top) * size.font / 8.5 + 0.75)
        axes = drawn.subplots()
        shares = (100 * top["share"]).tolist()
        axes.barh(range(len(top)), shares, color=material.looks[best].colour, height=0.7)
        axes.set_yticks(range(len(top)), [short(str(name), size.letters) for name in top.index])
        axes.set(xlabel=f"share of the errors of {short(best)}, %", ylim=(len(top) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
    return drawn
