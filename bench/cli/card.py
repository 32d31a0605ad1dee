"""`wayshot card`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ...models import write_card
from .common import examples, folders_of_runs, json_option, option
from .counts import Count

_PATH = click.Path(path_type=Path)


@click.command(
    "card", epilog=examples("wayshot card trained/siamese-small/siamese-small.json runs --looks 1")
)
@click.argument("card", type=_PATH)
@folders_of_runs
@option(
    "--looks",
    type=Count(1),
    required=True,
    metavar="N",
    help="How many times the evaluation set has been looked at for this network.",
)
@option("--statement", metavar="TEXT", help="A sentence that says what these looks decided.")
@option(
    "--seed-card",
    "seeds",
    type=_PATH,
    multiple=True,
    metavar="CARD",
    help="Card of a training of the same recipe with another seed. It needs results. May be "
    "repeated.",
)
@json_option
def command(
    card: Path,
    folders: tuple[str, ...],
    looks: int,
    statement: str | None,
    seeds: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write the results of the runs in the folders DIR into CARD, the card of a network.

    CARD is the file NAME.json from wayshot train. The Markdown file beside it
    is written anew. Runs of other networks are refused.
    """
    from ..evidence import with_results

    times = "once" if looks == 1 else f"{looks} times"
    statement = statement or f"The evaluation set was looked at {times}."
    filled = with_results(card, folders, looks, statement, seeds)
    write_card(card.parent, filled)
    if as_json:
        click.echo(json.dumps(filled["evaluation"], indent=1))
    else:
        click.echo(f"{card.with_suffix('.md')}: {len(filled['evaluation']['results'])} results")
