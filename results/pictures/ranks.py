"""A picture of mean ranks with their critical difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError
from ..statistics import Ranking, Ranks
from ..text import plain
from .material import Material
from .picture import check_suffix, save
from .style import INK, LONGEST, Size, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AXIS_INCHES = 4.5
_ROW_INCHES = 0.27
_BAR = 0.5

_NAMES = 0.7
"""The largest share of a chart's width that names take."""


def draw_ranks(ranking: Ranking, path: Path) -> None:
    """Draws mean ranks as Demšar 2006 does, figure 1, into a file.

    The best rank is on the right. A bar joins scorers whose mean ranks differ
    by less than Nemenyi's critical difference, which is drawn above the axis.

    Args:
        ranking: A ranking with ranks.
        path: A file with one of `SUFFIXES`; written completely or not at all.

    Raises:
        ResultError: The file has another ending, or there are no ranks.
    """
    check_suffix(path)
    if ranking.ranks is None:
        raise ResultError(
            f"{ranking.protocol}: too few to rank, expected at least 5 {ranking.what}s; "
            "choose another protocol"
        )
    save(_drawn(ranking, ranking.ranks, "black", 9), path)


def draw_critical_differences(material: Material, size: Size, column: str) -> Figure | None:
    """Draws mean ranks of the scorers on a protocol, as `draw_ranks` does.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None with fewer than three scorers or five alphabets.
    """
    ranking = material.ranking(column)
    if ranking is None or ranking.ranks is None:
        return None
    with styled(size):
        return _drawn(ranking, ranking.ranks, INK, size.font, size.width)


def _drawn(
    ranking: Ranking, found: Ranks, ink: str, font: float, width: float | None = None
) -> Figure:
    """Draws the picture; names stand outside of it where it has no width of its own."""
    from matplotlib.figure import Figure

    means, count = found.means, len(found.means)
    order = sorted(range(count), key=lambda place: means[place])
    best, rest = order[: (count + 1) // 2], order[(count + 1) // 2 :][::-1]
    bars = [(means[group[0]], means[group[-1]]) for group in found.groups if len(group) > 1]
    levels = _levels(bars)
    first_row = 1.2 + _BAR * (max(levels, default=-1) + 1)
    top, bottom = 2.6, first_row + len(best)
    letter, gap = 0.58 * font / 72, 4 / 72
    # The names of both sides leave room for the axis between them.
    most = int((_NAMES * width / 2 - gap) / letter) - len(" (10.25)") if width else 0
    names = [
        f"{short(name, max(1, min(most, LONGEST))) if width else plain(name)} ({mean:.2f})"
        for name, mean in zip(ranking.scorers, means, strict=True)
    ]
    longest = [max((len(names[place]) for place in side), default=0) for side in (rest, best)]
    left, right = (letter * letters + gap if width else 0 for letters in longest)
    whole = width or _AXIS_INCHES
    figure = Figure(figsize=(whole, _ROW_INCHES * font / 9 * (top + bottom)))
    axes = figure.add_axes((left / whole, 0, 1 - (left + right) / whole, 1))
    axes.set(xlim=(count, 1), ylim=(-bottom, top))
    axes.axis("off")
    line = {"color": ink, "clip_on": False, "solid_capstyle": "butt"}
    axes.plot((1, count), (0, 0), linewidth=1, **line)
    for tick in range(1, count + 1):
        axes.plot((tick, tick), (0, 0.3), linewidth=1, **line)
        axes.text(tick, 0.45, str(tick), ha="center", va="bottom", fontsize=font)
    length = min(found.critical_difference, count - 1)
    axes.plot((count, count - length), (1.8, 1.8), linewidth=1, marker="|", **line)
    label = f"critical difference {found.critical_difference:.2f}"
    axes.text(count, 2.1, label, ha="left", va="bottom", fontsize=font)
    margin = 0.04 * (count - 1)
    for side, end, align in ((best, 1 - margin, "left"), (rest, count + margin, "right")):
        for row, place in enumerate(side):
            y = -(first_row + row)
            axes.plot((means[place], means[place], end), (0, y, y), linewidth=0.8, **line)
            # A name is text: nothing in it, such as $, is a formula.
            spot = {"ha": align, "va": "center", "fontsize": font, "parse_math": False}
            axes.text(end - (margin if align == "left" else -margin) / 3, y, names[place], **spot)
    overhang = 0.012 * (count - 1)
    for (low, high), level in zip(bars, levels, strict=True):
        y = -(0.6 + _BAR * level)
        axes.plot((low - overhang, high + overhang), (y, y), linewidth=3, **line)
    return figure


def _levels(bars: Sequence[tuple[float, float]]) -> list[int]:
    """Puts bars, sorted by their left ends, into as few rows as possible."""
    ends: list[float] = []
    levels = []
    for low, high in bars:
        free = (level for level, end in enumerate(ends) if end < low)
        level = next(free, len(ends))
        ends[level : level + 1] = [high]
        levels.append(level)
    return levels
