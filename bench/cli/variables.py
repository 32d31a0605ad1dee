"""Variables of the environment: which are read, and a warning of others."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from functools import cache

import click

from ...results import plain
from .common import Option

_PREFIX = "WAYSHOT"
_OTHERS = ("WAYSHOT_CACHE", "WAYSHOT_DATA", "WAYSHOT_EASYFSL")
"""What is read elsewhere than by an option; the last by the benchmarks."""


def _read_by(command: click.Command | None, prefix: str) -> Iterator[str]:
    """Names of all variables that a command's options read, or its subcommands'."""
    for parameter in command.params if command else ():
        if isinstance(parameter, Option):
            yield from parameter.variables(prefix)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _read_by(command.get_command(context, name), f"{prefix}_{name.upper()}")


@cache
def _say(line: str) -> None:
    """Says a line to the user, once in a process."""
    click.echo(plain(line), err=True)


def warn_of_unknown(group: click.Group) -> None:
    """Warns of every variable WAYSHOT_... that nothing reads.

    Commands are slow to import. Those that no variable is named after are imported
    only to find the closest to an unknown variable.
    """
    given = {name for name in os.environ if name.startswith(f"{_PREFIX}_")} - {*_OTHERS}
    context, unknown = click.Context(group), given
    for command in group.list_commands(context):
        prefix = f"{_PREFIX}_{command.upper()}"
        if any(name.startswith(f"{prefix}_") for name in given):
            unknown = unknown.difference(_read_by(group.get_command(context, command), prefix))
    if not unknown:
        return
    known = [name.removeprefix(_PREFIX) for name in (*_OTHERS, *_read_by(group, _PREFIX))]
    for name in sorted(unknown):
        close = difflib.get_close_matches(name.removeprefix(_PREFIX), known, n=1)
        hint = f"the closest is {_PREFIX}{close[0]}" if close else "see wayshot --help"
        _say(f"wayshot: warning: nothing reads the variable {name}; {hint}")
