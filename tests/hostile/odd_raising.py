"""Scorers that raise, that end their process, or that cannot be made."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

import abc
import asyncio
import enum
import os
import signal
import sys
from unittest import mock

from odd_pixels import Late, Pairs, Pixels


class OwnError(BaseException):
    pass


class SilentError(Exception):
    """An error that cannot be printed, and has a cause of its own at every look."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__

    @property
    def __cause__(self):
        raise RuntimeError("no cause")


class RaisesBase(Late):
    def later(self, embedded):
        raise OwnError("out of luck")


class RaisesBaseAtOnce(Pixels):
    def embed(self, images):
        raise OwnError("out of luck")


class RaisesInterrupt(Late):
    def later(self, embedded):
        raise KeyboardInterrupt


class RaisesEnd(Late):
    def later(self, embedded):
        raise GeneratorExit


class RaisesCancelled(Late):
    def later(self, embedded):
        raise asyncio.CancelledError


class RaisesMemory(Late):
    def later(self, embedded):
        raise MemoryError


class RaisesSilent(Late):
    def later(self, embedded):
        raise SilentError


class RaisesGroup(Late):
    def later(self, embedded):
        raise ExceptionGroup("several", [ValueError("\x1b[31mred\n\n"), OSError(28, "full")])


class RaisesLong(Late):
    def later(self, embedded):
        raise ValueError("word " * 10**6)


class RaisesHalf(Late):
    def later(self, embedded):
        raise ValueError("\ud800\x00\x1b]0;title\x07")


class RaisesChain(Late):
    """An error whose cause is itself, by way of another."""

    def later(self, embedded):
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first


class Deep(Late):
    def later(self, embedded):
        return self.later(embedded)


class Ends(Late):
    def later(self, embedded):
        os._exit(0)


class EndsAtOnce(Pixels):
    def embed(self, images):
        os._exit(0)


class Leaves(Pairs):
    def score(self, query_images, support_images):
        sys.exit("no more")


class NoFunction(Pixels):
    embed = 5


class ManyArguments(Pixels):
    def embed(self, images, more, words):
        return images


class NotMade(Pixels):
    def __init__(self):
        raise OwnError("not made")


class NeedsWords(Pixels):
    def __init__(self, words):
        self.words = words


class MakesNothing(Pixels):
    def __new__(cls):
        return None


class MakesText(Pixels):
    def __new__(cls):
        return "siamese-small"


class MakesItself(Pixels):
    """Makes its own class."""

    def __new__(cls):
        return cls


class Abstract(Pixels, abc.ABC):
    @abc.abstractmethod
    def more(self): ...


class _Refusing(type):
    def __call__(cls):
        raise OwnError("not made")


class Refused(Pixels, metaclass=_Refusing):
    pass


class Few(enum.Enum):
    ONE = 1


class Imitated:
    """An object that has every attribute."""

    def __new__(cls):
        return mock.MagicMock()


class Hidden(Pixels):
    """Has no attribute but the methods of a scorer."""

    def __getattribute__(self, name):
        if name not in ("embed", "compare"):
            raise OwnError(name)
        return object.__getattribute__(self, name)


class LiesOnce(Pixels):
    """Its method is another at each look."""

    looks = 0

    @property
    def compare(self):
        self.looks += 1
        if self.looks > 6:
            raise AttributeError("compare")
        return super().compare


class StateRaises(Pixels):
    class Held:
        __slots__ = ()

        def __reduce_ex__(self, protocol):
            raise OwnError("no state")

    def __init__(self):
        self.held = self.Held()


FAILING = [
    *(RaisesBase, RaisesBaseAtOnce, RaisesInterrupt, RaisesEnd, RaisesCancelled, RaisesMemory),
    *(RaisesSilent, RaisesGroup, RaisesLong, RaisesHalf, RaisesChain, Deep),
    *(Ends, EndsAtOnce, Leaves, NoFunction, ManyArguments, NotMade, NeedsWords, MakesNothing),
    *(MakesText, MakesItself, Abstract, Refused, Few, Imitated, Hidden, LiesOnce, StateRaises),
]


class Killed(Late):
    def later(self, embedded):
        os.kill(os.getpid(), signal.SIGKILL)


class Aborts(Late):
    def later(self, embedded):
        os.abort()


class Alarm(Late):
    def later(self, embedded):
        signal.alarm(1)
        signal.pause()


class Becomes(Late):
    """Puts another program in the place of its process."""

    def later(self, embedded):
        os.execv("/bin/true", ["true"])


ENDING = [Killed, Aborts, Alarm, Becomes]
"""Of these only a worker process can be lost; in one process they end the command."""
