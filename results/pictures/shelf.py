"""Shelf: stored runs to look at in a notebook, as a table and as charts."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError
from ..tables import Results, in_order, table
from .chart import CHARTS, plotted
from .material import Material, gathered
from .style import Size, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plots:
    """The charts of some runs: `plots.ways()`, `plots.alphabets(protocol="lake-runs")` and so on.

    Each chart of `wayshot figure` is a method of its name. Its arguments are
    those of `chart` but for the name.

    Attributes:
        material: The runs.
    """

    material: Material

    def chart(
        self, name: str, protocol: str | None = None, width: float = 4.8, font: float = 8.5
    ) -> Figure:
        """Draws a chart.

        Args:
            name: Its name, one of `dir(plots)`.
            protocol: Label of the protocol, for charts of one protocol; can be
                left out where there is only one.
            width: Width in inches.
            font: Size of text in points.

        Returns:
            A figure of Matplotlib.

        Raises:
            ResultError: There is nothing to draw, the name or the protocol is
                unknown, or it is not said which protocol.
        """
        columns = self.material.table.columns
        of_protocol = name in CHARTS and CHARTS[name].of_protocol
        if of_protocol and protocol is None and len(columns) == 1:
            protocol = columns[0]
        if of_protocol and protocol not in columns:
            raise ResultError(
                f"{name} shows one protocol, not {protocol!r}; choose protocol= from "
                f"{', '.join(columns)}"
            )
        size = Size(width, font)
        drawn = plotted(name, self.material, size, protocol)
        if drawn is None:
            raise ResultError(f"nothing to draw for {name}: it needs {CHARTS[name].needs}")
        # Matplotlib shows figures in notebooks only where pyplot has been imported.
        drawn._repr_svg_ = partial(_svg, drawn, size)  # pyright: ignore
        return drawn

    def __getattr__(self, name: str) -> Callable[..., Figure]:
        if name not in CHARTS:
            raise AttributeError(f"no chart {name!r}; there are {', '.join(CHARTS)}")
        return partial(self.chart, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *CHARTS]


def _svg(drawn: Figure, size: Size) -> str:
    stream = io.StringIO()
    with styled(size):
        drawn.savefig(stream, format="svg", facecolor="white")
    return stream.getvalue()


@dataclass(frozen=True)
class Shelf(Results):
    """Stored runs; a notebook shows them as a table, and `plot` has charts of them."""

    @cached_property
    def plot(self) -> Plots:
        """The charts; see `Plots`."""
        return Plots(gathered(self.runs))

    def _repr_html_(self) -> str:
        return table(self.runs).render("html")


def load(*folders: str | Path) -> Shelf:
    """Reads the records of all runs stored below some folders.

    In a notebook, `load("runs")` shows the table of accuracies, and
    `load("runs").plot.ways()` a chart.

    Args:
        folders: The folders; `runs` if none is given.

    Raises:
        ResultError: As `run.find`.

    Examples:
        >>> from wayshot import bench, results, tasks
        >>> from wayshot.bench.scorers import Chance
        >>> source = tasks.open_protocol(tasks.parse("glyphs-within-5w1s"))
        >>> run = bench.evaluate(Chance(), source, episodes=20)  # stored below runs/
        >>> results.load("runs").table()[["protocol", "scorer", "value", "n"]]
                     protocol  scorer  value    n
        0  glyphs-within-5w1s  chance    0.2  100
    """
    return Shelf(in_order(folders or ("runs",)))
