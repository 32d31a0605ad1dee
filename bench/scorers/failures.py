"""Failures: evaluations that ended with an error, while others continue."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ...models import ModelError
from ..errors import ScorerError
from .precision import MaskedError
from .surroundings import is_interrupt, outside


class BrokenScorerError(ScorerError):
    """A scorer whose own code raises, hangs, kills its process, or gives invalid answers."""


class NotFiniteError(BrokenScorerError):
    """A scorer that gave NaN or infinity.

    Attributes:
        place: Index of the first of them in the answer.
    """

    def __init__(self, message: str, place: tuple[int, ...]) -> None:
        """Keeps the place.

        Args:
            message: The message, one line.
            place: Index of the first such number in the answer.
        """
        super().__init__(message)
        self.place = place

    def __reduce__(self) -> tuple[type, tuple[str, tuple[int, ...]]]:
        return type(self), (str(self), self.place)


class OverdueScorerError(BrokenScorerError):
    """A scorer that takes longer than a unit may take."""


class OverdueError(RuntimeError):
    """A unit of work that took longer than its limit."""


LONGEST = 300
"""Most characters of an error of a scorer's own code."""

_WORD = 30
"""Most characters that are left out lest a word is cut."""

_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

_FOREIGN = ("site-packages", "dist-packages")
"""Folders of installed packages: an error seldom is in their lines."""

_LIBRARY = tuple(filter(None, map(sysconfig.get_path, ("stdlib", "platstdlib"))))


def _is_theirs(frame: FrameType) -> bool:
    """Tells whether a line is of the user's own code, and not of Python, a package or wayshot."""
    module, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
    if module.partition(".")[0] == "wayshot" or file.startswith(
        ("<frozen ", "<__array_function__")
    ):
        return False
    return not (file.startswith(_LIBRARY) or any(one in Path(file).parts for one in _FOREIGN))


def _own(error: BaseException, name: str) -> Any:
    """Gives what Python keeps of an exception, of whatever its class makes an attribute."""
    return vars(BaseException)[name].__get__(error)


def _chain(error: BaseException) -> list[BaseException]:
    """Gives an exception and its causes, the first cause last."""
    chain = [error]
    while True:
        last = chain[-1]
        context = None if _own(last, "__suppress_context__") else _own(last, "__context__")
        cause = _own(last, "__cause__")
        cause = context if cause is None else cause
        if cause is None or any(cause is one for one in chain):
            return chain
        chain.append(cause)


def place(error: BaseException) -> str:
    """Gives file and line where an exception was raised: the last line of the user's own code.

    Args:
        error: The exception. If it passed no such line, its causes are looked at.

    Returns:
        `file.py:12`, relative to the current folder if the file is in it; empty if no line of
        the user's is known.
    """
    for one in _chain(error):
        lines = traceback.walk_tb(_own(one, "__traceback__"))
        theirs = [(frame.f_code.co_filename, line) for frame, line in lines if _is_theirs(frame)]
        if isinstance(one, SyntaxError) and one.filename:
            theirs.append((one.filename, one.lineno or 1))
        if theirs:
            file, line = theirs[-1]
            path = Path(file)
            path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            return f"{path if len(str(path)) <= 80 else path.name}:{line}"
    return ""


def _cut(line: str, room: int) -> str:
    if len(line) <= room:
        return line
    kept = line[: max(room - 4, 0)]
    whole = kept if line[len(kept)].isspace() else kept.rpartition(" ")[0]
    # A word that is too long for the line is cut.
    return f"{whole if len(whole) >= len(kept) - _WORD else kept} ..."


def _uncoloured(text: str) -> str:
    """Removes the codes by which terminals are told colours."""
    return _COLOURS.sub("", text)


def _said(error: BaseException) -> str:
    try:
        said = " ".join(f"{type(error).__name__}: {_uncoloured(str(error))}".split())
        # Half letters and control characters, of which each reader would make something else.
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in said)
    except BaseException:
        # An exception of someone else's may not know how to describe itself.
        return type(error).__name__


def told(start: str, error: BaseException, end: str = "") -> str:
    """Gives one line of at most 300 characters about an exception.

    It says where in the user's code the exception was raised, and what caused it.

    Args:
        start: The beginning of the line: what raised it.
        error: The exception.
        end: What follows the exception's own message.
    """
    where, *causes = place(error), *_chain(error)[1:]
    end += f", at {where}" if where else ""
    if causes:
        end += f", caused by {_cut(_said(causes[-1]), LONGEST // 3)}"
    end = _cut(end, LONGEST - 80)
    line = " ".join(f"{start} {_said(error)}".split())
    return _cut(line, LONGEST - len(end)) + end


@contextmanager
def answering(scorer: str, method: str, *given: np.ndarray, hint: str = "") -> Iterator[None]:
    """Turns an exception of a scorer into one line for the user.

    What the scorer leaves behind in the process is put back; see `outside`.

    Args:
        scorer: Name of the scorer.
        method: Name of the method that is called.
        *given: The arrays that it is given.
        hint: What may be the matter with them.

    Raises:
        BrokenScorerError: The scorer raised an exception. A `ScorerError`, a
            `ModelError`, or Ctrl-C is raised unchanged.
    """
    try:
        with outside():
            yield
    except (ScorerError, ModelError):
        raise
    except MaskedError as error:
        raise BrokenScorerError(f"scorer {scorer}: {method} gave {error}") from None
    except BaseException as error:
        if is_interrupt(error):
            raise
        arrays = " and ".join(f"{one.dtype} {one.shape}" for one in given)
        end = f" (given {arrays}{hint})" if given else ""
        raise BrokenScorerError(told(f"scorer {scorer}: {method} raised", error, end)) from error


@contextmanager
def blamed(scorer: str) -> Iterator[None]:
    """Turns an executor's error about a hanging or dying scorer into a line about the scorer.

    Args:
        scorer: Name of the scorer.

    Raises:
        BrokenScorerError: A unit was overdue, or its worker process died.
    """
    try:
        yield
    except OverdueError as error:
        raise OverdueScorerError(f"scorer {scorer}: {error}") from None
    except BrokenExecutor as error:
        raise BrokenScorerError(f"scorer {scorer}: {error}") from None


@dataclass(frozen=True)
class Failure:
    """An evaluation that ended without a run.

    Attributes:
        protocol: Name of the protocol.
        scorer: Name of the scorer.
        reason: The error, in one line.
        error: The exception, or None where it is not known.
    """

    protocol: str
    scorer: str
    reason: str
    error: BaseException | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, protocol: str, scorer: str, error: Exception) -> Failure:
        """Makes a failure from an exception.

        Args:
            protocol: Name of the protocol.
            scorer: Name of the scorer.
            error: The exception.
        """
        reason = " ".join(_uncoloured(str(error)).split())
        for start in (f"scorer {scorer}: ", f"scorer {scorer!r}: ", f"scorer {scorer!r} "):
            reason = reason.removeprefix(start)
        return cls(protocol, scorer, reason, error)

    def as_json(self) -> dict[str, str]:
        """Gives protocol, scorer and reason."""
        return {"protocol": self.protocol, "scorer": self.scorer, "reason": self.reason}

    def __str__(self) -> str:
        return f"{self.protocol}, {self.scorer}: failed: {self.reason}"
