"""`wayshot conformance`."""

from __future__ import annotations

import json
from typing import Any

import click
import tabulate

from ...results import plain
from .common import data_option, examples, json_option, progress


def _shown(value: Any) -> str:
    """A value in a cell; digests by their beginning."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return " ".join(f"{one:g}" for one in value)
    if isinstance(value, bool | int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() else repr(value)
    text = plain(str(value))
    is_digest = len(text) == 64 and " " not in text
    return f"{text[:12]}…" if is_digest else text


@click.command("conformance", epilog=examples("wayshot conformance --data omniglot"))
@data_option
@json_option
@click.pass_context
def command(context: click.Context, data: str | None, as_json: bool) -> None:
    """Check this installation against published figures and fixed digests.

    These are published counts and errors, digests of files, and digests of
    episodes. Run it after a port to another system or a change of a
    dependency. Without Omniglot, the checks that need it are skipped. The exit
    status is 1 if a check differs.
    """
    from ..conformance import conform

    answers = list(conform(data, progress))
    counts = {
        status: sum(answer.status == status for answer in answers)
        for status in ("ok", "differs", "skipped")
    }
    if as_json:
        click.echo(json.dumps({**counts, "checks": [one.as_json() for one in answers]}, indent=1))
    else:
        rows = [
            {
                "check": one.name,
                "expected": _shown(one.expected),
                "found": plain(one.reason) if one.status == "skipped" else _shown(one.found),
                "": one.status,
                "source": one.source,
            }
            for one in answers
        ]
        click.echo(tabulate.tabulate(rows, headers="keys", disable_numparse=True))
        click.echo("\n" + ", ".join(f"{count} {status}" for status, count in counts.items()))
    if counts["differs"]:
        context.exit(1)
