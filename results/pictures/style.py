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

_LONGEST = 28


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


def short(label: str) -> str:
    """Shortens a long name, for the margin of a chart."""
    name = shown(label)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


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
