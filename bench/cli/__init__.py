"""The command line: one file a subcommand, loaded when it is called."""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from ... import __version__
from ...models import ModelError
from ...results import ResultError, plain
from ...tasks import TaskError
from ..errors import ScorerError, UnknownScorerError
from .limits import check_memory, check_threads
from .waiting import ended

COMMANDS = {
    "run": ("run", "Evaluate scorers on protocols, store the trials and print the table."),
    "table": ("table", "Print a table of stored runs."),
    "compare": (
        "compare",
        "Compare scorers on the same episodes, and say which differences are real.",
    ),
    "sweep": ("sweep", "Evaluate many scorers on many protocols, as a file says."),
    "report": ("report", "Write a report of stored runs, as a page for a browser."),
    "figure": ("figure", "Draw a chart of stored runs, for a paper."),
    "curve": (
        "curve",
        "Say how accuracy falls with ways or rises with shots, and where it is 95 %.",
    ),
    "rescore": ("rescore", "Print all metrics and intervals of stored runs."),
    "plan": ("plan", "Say how many episodes decide a difference between two scorers."),
    "audit": ("audit", "Check whether a scorer, or the episodes of a protocol, can be trusted."),
    "conformance": (
        "conformance",
        "Check this installation against published figures and fixed digests.",
    ),
    "latency": ("latency", "Measure how long scorers take for a query."),
    "list": ("listing", "List all protocols, scorers, datasets, backbones or recipes."),
    "describe": ("describe", "Describe a protocol, scorer, dataset, split, backbone or recipe."),
    "data": ("data", "Get Omniglot, check it, or say where it is."),
    "episodes": ("episodes", "Write the episodes of a protocol to a file, for other frameworks."),
    "train": ("train", "Train a Siamese network by a recipe."),
    "card": ("card", "Write the results of stored runs into the card of a network."),
}
"""Module and purpose of each subcommand."""


class _Commands(click.Group):
    """Imports a subcommand's file only when it is called, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f".{COMMANDS[cmd_name][0]}", __name__).command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, COMMANDS, n=2)
            hint = f"closest: {', '.join(close)}" if close else f"expected {', '.join(COMMANDS)}"
            ctx.fail(f"No such command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"auto_envvar_prefix": "WAYSHOT", "help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  wayshot run glyphs-within-20w1s -s siamese-small -s hausdorff",
)
@click.version_option(__version__, allow_from_autoenv=False)
def group() -> None:
    """One-shot evaluation: N-way k-shot benchmarks, and tables a reviewer can trust.

    Every option can be set by a variable too: --episodes of wayshot run by
    WAYSHOT_RUN_EPISODES.
    """
    # Not for --help, which is quick.
    from .variables import warn_of_unknown

    warn_of_unknown(group)


def _is_for_the_user(error: Exception) -> bool:
    """Whether an error's message is a line for the user and not a bug."""
    return isinstance(error, ModelError | ResultError | TaskError | ScorerError | OSError)


def _lacking(error: Exception) -> str | None:
    """Says what the machine, and not this project, was short of; None if that is not the error."""
    said = str(error)
    if isinstance(error, MemoryError) or "failed to map segment" in said:
        more = f" ({' '.join(said.split())})" if said else ""
        return (
            f"the memory is used up{more}; end other programs, raise ulimit -v, or use fewer --jobs"
        )
    if isinstance(error, RuntimeError) and "can't start new thread" in said:
        return (
            "no more threads can be started; end other programs, raise ulimit -u or ulimit -v, "
            "set OPENBLAS_NUM_THREADS=1, or use fewer --jobs"
        )
    return None


def _label(error: Exception) -> str:
    """Says what to type where a user took a label of stored runs for a scorer's name; or ""."""
    if not isinstance(error, UnknownScorerError):
        return ""
    from .labels import typed_for

    return typed_for(error.name)


def _line(words: str, state: dict[str, Any]) -> str:
    """One line for the user, with the variables that set what it is about."""
    line = " ".join(words.split())
    named = [
        variable
        for variable, signs in state.get("variables", {}).items()
        if variable not in line and any(sign in line for sign in signs)
    ]
    return plain(line + (f" (set by {', '.join(named)})" if named else ""))


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its status.

    Args:
        arguments: Words of the command; those of the process where None.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # It is closed.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal of an old encoding lacks ±, and the letters of many alphabets.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        check_memory()
        check_threads()
    except (MemoryError, RuntimeError) as error:
        click.echo(f"wayshot: {_lacking(error) or error}", err=True)
        sys.exit(2)
    # Later than that, as this loads NumPy.
    from ..scorers import answers, leave_behind, own_logs, silent

    # What options say of themselves, for the messages below.
    state: dict[str, Any] = {}
    status: Any = 0
    try:
        with answers(), own_logs(), ended():
            status = group.main(arguments, prog_name="wayshot", standalone_mode=False, obj=state)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "wayshot"
        line = _line(error.format_message(), state)
        click.echo(f"{plain(where)}: {line} (see {plain(where)} --help)", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("wayshot: interrupted; the same command goes on where it stopped", err=True)
        sys.exit(130)
    except Exception as error:
        said = _lacking(error)
        if said is None and not _is_for_the_user(error):
            raise
        if state.get("traceback"):
            traceback.print_exception(error)
        said = said or _label(error) or str(error)
        click.echo("wayshot: " + _line(said, state), err=True)
        sys.exit(2)
    finally:
        if arguments is None:
            # What a model prints when the process ends is no answer either.
            silent()
            raised = sys.exception()
            leave_behind(raised.code if isinstance(raised, SystemExit) else status or bool(raised))
    if status:
        sys.exit(status)
