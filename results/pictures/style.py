"""Style: colours, markers and type sizes that all charts share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008, which the colour-blind tell apart; without yellow, too pale for lines.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8b5e3c")
"""Colours of scorers, as in `Look.colour`."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

INK = "#1b1b1f"
"""Colour of text and axes."""

MOST = len(COLOURS)
"""The largest number of scorers in a chart in which each has a colour."""

LONGEST = 28

_LEAST_HEIGHT, _LINE = 2.0, 1.5
"""Height of a chart without its legend in inches, and of a legend's line in heights of text."""


@dataclass(frozen=True)
class Look:
    """How a scorer looks in every chart. In gray, marker and dashes tell scorers apart.

    Attributes:
        colour: Colour, in hexadecimal.
        marker: Marker of Matplotlib.
        dashes: Line style of Matplotlib.
    """

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]]


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """Gives each scorer a look.

    Args:
        labels: Labels of all scorers, also of those that a chart leaves out;
            in the same order, they look the same.
    """
    return {
        label: Look(COLOURS[i % MOST], _MARKERS[i % MOST], _DASHES[i % len(_DASHES)])
        for i, label in enumerate(labels)
    }


@dataclass(frozen=True)
class Size:
    """The size of a chart; its height follows from its content.

    Attributes:
        width: Width in inches.
        font: Size of text in points.
    """

    width: float = 4.8
    font: float = 8.5

    @property
    def letters(self) -> int:
        """Most letters of a name in the margin, so that there is room for the chart."""
        return min(LONGEST, int(70 * self.width / self.font))


def short(label: str, longest: int = LONGEST) -> str:
    """Shortens a long name, for the margin of a chart.

    Args:
        label: The name.
        longest: Most letters.
    """
    name = shown(label)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


@contextmanager
def styled(size: Size) -> Iterator[None]:
    """Draws what is drawn within in the style of all charts.

    Args:
        size: Size of the chart.
    """
    from matplotlib import rc_context

    with rc_context(
        {
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": size.font,
            **dict.fromkeys(("axes.labelsize", "axes.titlesize", "legend.fontsize"), size.font),
            **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 0.92 * size.font),
            **dict.fromkeys(
                ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"),
                INK,
            ),
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": INK,
            "grid.alpha": 0.15,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.4,
            "lines.markersize": 4.5,
            "legend.frameon": False,
            # A name is text: nothing in it, such as $, is a formula.
            "text.parse_math": False,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
        }
    ):
        yield


def figure(size: Size, height: float) -> Figure:
    """Makes an empty figure.

    Args:
        size: Size of the chart.
        height: Height in inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(size.width, height), layout="constrained")


def legend(drawn: Figure, size: Size, title: str | None = None) -> None:
    """Puts the legend below the charts, and makes the figure higher where it needs the room.

    Args:
        drawn: The figure, whose charts have all their lines; equal labels are one entry.
        size: Size of the figure.
        title: What stands above the legend.
    """
    handles = {
        label: line
        for axes in drawn.axes
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = 2 if size.width > 4 else 1
    lines = -(-len(handles) // columns) + (title is not None)
    least = _LEAST_HEIGHT + lines * _LINE * size.font / 72
    drawn.set_figheight(max(drawn.get_figheight(), least))
    drawn.legend(
        handles.values(),
        handles.keys(),
        title=title,
        alignment="left",
        loc="outside lower left",
        ncols=columns,
    )
