"""The grammar of the command line, and what else several subcommands share.

What a command works on is typed as plain words: protocols (`run`, `latency`, `plan`,
`episodes`), scorers (`compare`, `audit`) or folders of stored runs (`table`, `rescore`, `curve`,
`card`). Everything else is an option. An option has the same name in every command:

    --runs DIR            a folder of stored runs, to read or to write
    -s, --scorer SCORER   a scorer
    --protocol NAME       one of several protocols
    --picture FILE        a picture to draw
    --data DIR            Omniglot
    --out PATH            what the command makes, where that is not a folder of runs
    --json                the answer as JSON

Scorers and folders that can be plain words can be given by their option too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ...results import INTERVALS, LEVEL, plain
from .counts import Count
from .waiting import patience as patience
from .waiting import progress as progress

RUNS = Path("runs")
"""Where runs are stored unless the user says otherwise."""


class Option(click.Option):
    """An option with old spellings, which still work and which the help does not show.

    Its variable is WAYSHOT_COMMAND_OPTION. The old spellings and the name of the parameter
    have variables too. A variable of an option that can be repeated holds words as a shell
    reads them: `siamese-small 'my folder/mine.keras'`.
    """

    def __init__(self, *names: Any, old: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.old = tuple(old)

    def variables(self, prefix: str | None) -> list[str]:
        """Names of the environment variables that set this option, the current one first.

        Args:
            prefix: `WAYSHOT_COMMAND`.
        """
        named = [self.envvar] if isinstance(self.envvar, str) else [*(self.envvar or ())]
        if not prefix:
            return named
        long = [word[2:] for word in (*self.opts, *self.old) if word.startswith("--")]
        words = [word.replace("-", "_").upper() for word in (*long, self.name or "") if word]
        return list(dict.fromkeys([*named, *(f"{prefix}_{word}" for word in words)]))

    def _variable(self, ctx: click.Context) -> str | None:
        """The first of its variables that is set and not empty."""
        return next(filter(os.environ.get, self.variables(ctx.auto_envvar_prefix)), None)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Gives the text of its variable."""
        name = self._variable(ctx)
        return os.environ[name] if name else None

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Gives the value of its variable. Several values are split as a shell splits words."""
        name = self._variable(ctx)
        if not name or not self.multiple:
            return super().value_from_envvar(ctx)
        try:
            return shlex.split(os.environ[name])
        except ValueError as error:
            raise click.BadParameter(
                f"{name} cannot be split into words ({error}); close every quotation mark"
            ) from None

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Names the variable of a value that is wrong, if that is where it is from."""
        if ctx is not None and self.name:
            source = ctx.get_parameter_source(self.name)
            variable = self._variable(ctx)
            if source is ParameterSource.ENVIRONMENT and variable:
                return variable
        return super().get_error_hint(ctx)

    def handle_parse_result(self, ctx: click.Context, opts: Any, args: list[str]) -> Any:
        """Notes which variable has set the option, for messages about its value."""
        value, args = super().handle_parse_result(ctx, opts, args)
        source = ctx.get_parameter_source(self.name) if self.name else None
        variable = self._variable(ctx)
        if source is ParameterSource.ENVIRONMENT and variable and ctx.obj is not None:
            # By its name or by its value, a message is about the option.
            values = value if isinstance(value, tuple) else (value,)
            signs = (*self.opts, *(one for one in values if isinstance(one, str) and len(one) > 1))
            ctx.obj.setdefault("variables", {})[variable] = signs
        return value, args

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Makes the old spellings known to the parser, and to nothing else."""
        shown = self.opts
        self.opts = [*shown, *self.old]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


option = partial(click.option, cls=Option)
"""The decorator for every option of every command."""

data_option = option(
    "--data",
    envvar="WAYSHOT_DATA",
    metavar="DIR",
    help="Folder with the zips of Omniglot, or with the folders that they unpack to.  [env: "
    "WAYSHOT_DATA; default: the folder of wayshot data fetch]",
)
interval_option = option(
    "--interval",
    type=click.Choice(INTERVALS),
    default="population",
    show_default=True,
    help="The kind of confidence interval. The README says what each one covers.",
)
json_option = option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def _keep_traceback(ctx: click.Context, _: Any, wanted: bool) -> None:
    if ctx.obj is not None:
        ctx.obj["traceback"] = wanted


traceback_option = option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    callback=_keep_traceback,
    help="Show where an error was raised, line by line, before the line that tells of it.",
)


def show_traceback(error: BaseException) -> None:
    """Prints on stderr where an error was raised, if `--traceback` asks for that."""
    if (click.get_current_context().obj or {}).get("traceback"):
        try:
            traceback.print_exception(error)
        except Exception:
            # A cause of someone else's may not know how to describe itself.
            click.echo(type(error).__name__, err=True)


def level_option(text: str) -> Callable:
    """The option `--level`.

    Args:
        text: Its help: what has this level.
    """
    return option(
        "--level",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="LEVEL",
        default=LEVEL,
        show_default=True,
        help=text,
    )


def seed_option(what: str = "the random episodes") -> Callable:
    """The option `--seed`.

    Args:
        what: What the seed decides.
    """
    return option(
        "--seed",
        type=Count(0, 2**63 - 1),
        metavar="N",
        default=1,
        show_default=True,
        help=f"Seed of {what}.",
    )


def examples(*commands: str) -> str:
    """The end of a command's help: commands to begin with."""
    heading = "Example:" if len(commands) == 1 else "Examples:"
    return "\n".join(["\b", heading, *(f"  {command}" for command in commands)])


def runs_option(
    text: str = "Folder of stored runs.", *, old: Sequence[str] = (), many: bool = False
) -> Callable:
    """The option `--runs`: the parameter `folder`, or `folders` where there can be many.

    Args:
        text: Its help.
        old: Old spellings.
        many: Whether it can be repeated. Without a default.
    """
    if many:
        return option(
            "--runs", "folders", multiple=True, type=click.Path(), metavar="DIR", help=text
        )
    return option(
        "--runs",
        "folder",
        old=old,
        type=click.Path(path_type=Path),
        metavar="DIR",
        default=RUNS,
        show_default=True,
        help=text,
    )


def folders_of_runs(command: Callable) -> Callable:
    """The parameter `folders`: folders of runs, as plain words DIR or by the option `--runs`."""

    @wraps(command)
    def joined(words: tuple[str, ...], folders: tuple[str, ...], **others: Any) -> Any:
        return command(folders=with_words(words, "folders") or ("runs",), **others)

    text = "The same as DIR. May be repeated.  [default: runs]"
    words = click.argument("words", nargs=-1, metavar="[DIR]...", type=click.Path())
    return words(runs_option(text, many=True)(joined))


def picture_option(what: str, *, old: Sequence[str]) -> Callable:
    """The option `--picture`.

    Args:
        what: What the picture shows, the object of "Draw".
        old: Old spellings.
    """
    return option(
        "--picture",
        old=old,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"Draw {what}. FILE ends in .png or .svg.",
    )


def terminal_width() -> int | None:
    """Gives the width of the terminal that a command prints to; None for a file or a pipe.

    The variable COLUMNS says another width, as everywhere.
    """
    if os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    # Not of descriptor 1, by which all but the answer is sent to the standard error.
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def typed(name: str) -> bool:
    """Whether a parameter's value was typed, and is neither a default nor a variable's."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def with_words(words: Sequence[Any], name: str) -> tuple[Any, ...]:
    """Joins plain words with the values of the option that means the same.

    As everywhere, what is typed goes before what a variable says.

    Args:
        words: The plain words.
        name: The option's parameter.
    """
    values = click.get_current_context().params[name]
    return (*words, *(values if typed(name) or not words else ()))


SCORER = (
    "[LABEL=]SPEC[,key=value...], where SPEC is the name of a scorer, the path of a .keras, .onnx, "
    ".tflite, .pt2 or scorer.yaml file, module:attribute or file.py:attribute"
)
"""What is typed for a scorer that answers."""


def scorers_option(text: str, *, required: bool = False) -> Callable:
    """The option `--scorer`: the parameter `scorers`, as it can be repeated.

    Args:
        text: Its help.
        required: Whether there has to be one.
    """
    return option(
        "-s",
        "--scorer",
        "scorers",
        multiple=True,
        metavar="SCORER",
        required=required,
        help=f"{text} May be repeated.",
    )


def _title(name: str) -> str:
    """The name under which runs of a protocol are stored, or the name itself if it is none."""
    from ...tasks import TaskError, parse

    try:
        return parse(name).title
    except TaskError:
        return name


def protocols_option(text: str, *, stored: bool = True) -> Callable:
    """The option `--protocol`: the parameter `protocols`, as it can be repeated.

    Args:
        text: Its help.
        stored: Whether protocols of stored runs are meant. Of a folder, a stored run has only
            the last part of its path, and the whole path means the same.
    """
    return option(
        "--protocol",
        "protocols",
        multiple=True,
        metavar="NAME",
        help=f"{text} May be repeated.",
        callback=lambda _, __, names: tuple(map(_title, names)) if stored else names,
    )


def episodes_option(default: int) -> Callable:
    """The option `--episodes`."""
    return option(
        "--episodes",
        type=Count(1, 10**9),
        metavar="N",
        default=default,
        show_default=True,
        help="Number of episodes. Some protocols have fewer.",
    )


_REMARKS = 10


def remark(name: str, remarks: Sequence[str]) -> None:
    """Says on stderr what is to be known of a protocol's data.

    Args:
        name: The protocol.
        remarks: As `Dataset.remarks`.
    """
    for one in remarks[:_REMARKS]:
        click.echo(plain(f"{name}: {one}"), err=True)
    if len(remarks) > _REMARKS:
        click.echo(
            f"{name}: {len(remarks) - _REMARKS} more remarks; wayshot describe folder:PATH has all",
            err=True,
        )


def writable(folder: Path) -> Path:
    """Makes a folder if it is not there, and makes sure that files can be written into it.

    Raises:
        click.UsageError: It cannot be.
    """
    try:
        str(folder.absolute()).encode()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except UnicodeEncodeError:
        raise click.UsageError(f"{folder}: the name is not UTF-8; choose another") from None
    except OSError as error:
        raise click.UsageError(
            f"cannot write into {folder} ({error.strerror}); choose another folder"
        ) from None
    return folder
