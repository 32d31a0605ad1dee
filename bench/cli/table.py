"""`wayshot table`."""

from __future__ import annotations

from pathlib import Path

import click

from ... import results
from ...results.pictures import draw_pareto
from ...results.tables import CHOICES, EXTRAS, PARTS, breakdowns, confusion_tables, load
from .common import (
    folders_of_runs,
    interval_option,
    level_option,
    option,
    picture_option,
    protocols_option,
    scorers_option,
)


@click.command("table")
@folders_of_runs
@option(
    "--format",
    "form",
    type=click.Choice(results.FORMATS),
    default="text",
    show_default=True,
)
@interval_option
@level_option
@option(
    "--decimals",
    type=click.IntRange(0, 6),
    default=1,
    show_default=True,
    help="Of percentages; more where 99.96 would look like 100.",
)
@scorers_option("Show only this scorer.")
@protocols_option("Show only this protocol.")
@option(
    "--columns",
    "extras",
    metavar="NAME,...",
    help=f"More columns: {', '.join(EXTRAS)}.",
)
@option(
    "--baseline",
    metavar="NAME",
    help="Mark what differs significantly from this scorer.",
)
@option(
    "--published",
    is_flag=False,
    flag_value=CHOICES[0],
    type=click.Choice(CHOICES),
    help="Add rows as published by others; all: those that nobody has verified too, marked.",
)
@option("--by", type=click.Choice(PARTS), help="Where the errors are, instead of the table.")
@option(
    "--confusions",
    type=click.IntRange(1),
    metavar="N",
    help="The N most confused pairs of characters, instead of the table.",
)
@option(
    "--seeds",
    is_flag=True,
    help="Trainings of one recipe combined, with the spread between them, instead of the table.",
)
@picture_option(
    "accuracy against latency, of the scorers that wayshot latency has measured", old=("--pareto",)
)
@option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    folders: tuple[str, ...],
    form: str,
    interval: str,
    level: float,
    decimals: int,
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    extras: str | None,
    baseline: str | None,
    published: str | None,
    by: str | None,
    confusions: int | None,
    seeds: bool,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Print a table of the runs stored in folders (by default, runs)."""
    for_tables = {
        "--columns": extras,
        "--baseline": baseline,
        "--published": published,
        "--picture": picture,
    }
    given = [name for name, value in for_tables.items() if value]
    others = {"--by": by, "--confusions": confusions, "--seeds": seeds}
    given += [name for name, value in others.items() if value]
    if any(others.values()) and len(given) > 1:
        raise click.UsageError(f"{given[-1]} does not go with {given[0]}; ask for one at a time")
    runs = load(*folders).select(scorers, protocols).runs
    if picture:
        draw_pareto(runs, picture, interval, level)
    if by:
        document = breakdowns(runs, by)
    elif confusions:
        document = confusion_tables(runs, confusions)
    elif seeds:
        document = results.seeds_table(runs, level)
    else:
        document = results.table(
            runs,
            interval,
            level,
            baseline=baseline,
            published=published,
            extras=extras.split(",") if extras else (),
            decimals=decimals,
        )
    click.echo(document.render("json" if as_json else form))
