"""The command line: one file a subcommand, loaded when it is called."""

from __future__ import annotations

import importlib
import io
import sys

import click

from ... import __version__
from ...models import ModelError
from ...results import ResultError, plain
from ...tasks import TaskError
from ..errors import ScorerError

COMMANDS = {
    "run": ("run", "Evaluate scorers on protocols, store the trials and print the table."),
    "table": ("table", "Print a table of stored runs."),
    "compare": (
        "compare",
        "Compare scorers on the same episodes, and say which differences are real.",
    ),
    "report": ("report", "Write a report of stored runs, as a page for a browser."),
    "figure": ("figure", "Draw a chart of stored runs, for a paper."),
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


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its status.

    Args:
        arguments: Words of the command; those of the process where None.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal of an old encoding lacks ±, and the letters of many alphabets.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = group.main(arguments, prog_name="wayshot", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "wayshot"
        problem = " ".join(error.format_message().split())
        click.echo(plain(f"{where}: {problem} (see {where} --help)"), err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("wayshot: interrupted; the same command goes on where it stopped", err=True)
        sys.exit(130)
    except Exception as error:
        if not _is_for_the_user(error):
            raise
        click.echo("wayshot: " + plain(" ".join(str(error).split())), err=True)
        sys.exit(2)
    if status:
        sys.exit(status)
