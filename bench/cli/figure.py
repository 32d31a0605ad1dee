"""`wayshot figure`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from ...results.pictures import CHARTS, Size, check_suffix, draw_chart
from ...results.pictures import FIGURE_SUFFIXES as SUFFIXES
from ...results.tables import load
from .common import (
    examples,
    folders_of_runs,
    interval_option,
    json_option,
    level_option,
    option,
    protocols_option,
    scorers_option,
)
from .report import cards_in, material_of

_UNITS = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}


def _inches(_: click.Context, __: click.Parameter, text: str) -> float:
    """Reads a width such as 3.3in."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(in|cm|mm|pt)", text.replace(" ", ""))
    width = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 2 <= width <= 20:
        raise click.BadParameter(
            f"{text!r} is no width from 2in to 20in; expected such as 3.3in, 8.4cm or 240pt"
        )
    return width


@click.command(
    "figure",
    epilog="\b\nFigures:\n"
    + "\n".join(f"  {name}" for name in CHARTS)
    + "\n\n"
    + examples(
        "wayshot figure ways runs -o ways.pdf --width 3.3in",
        "wayshot figure alphabets --protocol lake-runs -o alphabets.svg",
    ),
)
@click.argument("name", type=click.Choice(tuple(CHARTS)), metavar="NAME")
@folders_of_runs
@option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to draw. FILE ends in .pdf, .svg or .png.  [default: NAME.pdf]",
)
@option(
    "--width",
    callback=_inches,
    metavar="WIDTH",
    default="3.3in",
    show_default=True,
    help="Width of the figure, in in, cm, mm or pt: that of a column of your paper.",
)
@option(
    "--font",
    type=click.FloatRange(4, 24),
    metavar="POINTS",
    default=8,
    show_default=True,
    help="Size of text in points.",
)
@scorers_option("Show only this scorer.")
@protocols_option("Show only this protocol.")
@interval_option
@level_option("Confidence level of the intervals.")
@option(
    "--baseline",
    metavar="NAME",
    help="The scorer with which others are compared. Without it, the most accurate scorer.",
)
@option(
    "--training",
    "trainings",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="For the figure training: a folder of wayshot train, or a card in it. May be repeated.",
)
@json_option
def command(
    name: str,
    folders: tuple[str, ...],
    out: Path | None,
    width: float,
    font: float,
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    interval: str,
    level: float,
    baseline: str | None,
    trainings: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Draw the chart NAME of the runs that are stored in the folders DIR.

    It is a chart of wayshot report. A scorer has the same colour in all
    figures of the same folders.
    """
    out = out or Path(f"{name}.pdf")
    check_suffix(out, SUFFIXES)
    every = load(*folders)
    runs = every.select(scorers, protocols).runs
    cards = [card for path in trainings for card in cards_in(path)]
    material = material_of(runs, every.runs, baseline, interval, level, cards)
    column = None
    if CHARTS[name].of_protocol:
        columns = material.table.columns
        if len(columns) > 1:
            raise click.UsageError(
                f"{name} shows one protocol; choose by --protocol from {', '.join(columns)}"
            )
        column = next(iter(columns), None)
    draw_chart(name, material, out, Size(width, font), column)
    if as_json:
        facts = {"path": str(out), "figure": name, "protocol": column, "width_inches": width}
        click.echo(json.dumps(facts, indent=1))
    else:
        click.echo(f"{out}: {CHARTS[name].about}")
