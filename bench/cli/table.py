"""`wayshot table`."""

from __future__ import annotations

import click

from ... import results


@click.command("table")
@click.argument("folders", nargs=-1, metavar="[DIR]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(results.FORMATS),
    default="text",
    show_default=True,
)
@click.option(
    "--interval", type=click.Choice(results.INTERVALS), default="population", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(folders: tuple[str, ...], form: str, interval: str, as_json: bool) -> None:
    """Print a table of the runs stored in folders (by default, runs)."""
    runs = results.find(folders or ["runs"])
    click.echo(results.table(runs, interval).render("json" if as_json else form))
