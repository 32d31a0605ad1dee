"""Scorers that are odd objects, or that hold what can hardly be read."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

import threading
import weakref
from collections import UserDict
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType, SimpleNamespace

import numpy as np
from odd_pixels import Pixels


class OwnError(BaseException):
    pass


class NoObject(Pixels):
    """Cannot be compared, hashed, printed, counted, copied or tested for truth."""

    def __eq__(self, other):
        raise OwnError("no object")

    __hash__ = None
    __bool__ = __len__ = __repr__ = __str__ = __iter__ = __contains__ = __eq__
    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = __sizeof__ = __eq__
    __format__ = __dir__ = __array__ = __index__ = __float__ = __lt__ = __call__ = __eq__


class OtherClass(Pixels):
    """Says that it is of another class."""

    __class__ = property(lambda self: dict)


class NoModule(Pixels):
    __module__ = 5


class _Meta(type):
    """A class that cannot be compared, hashed, printed or asked for its objects."""

    def __eq__(cls, other):
        raise OwnError("no class")

    __hash__ = type.__hash__
    __instancecheck__ = __subclasscheck__ = __repr__ = __bool__ = __len__ = __iter__ = __eq__

    @property
    def __doc__(cls):
        raise OwnError("no text")


class OddClass(Pixels, metaclass=_Meta):
    pass


class NoDict(Pixels):
    __slots__ = ("held",)

    @property
    def __dict__(self):
        raise OwnError("no attributes")


class Loose:
    """An object without a class of its own."""

    def __new__(cls):
        return SimpleNamespace(embed=Pixels().embed, compare=Pixels().compare)


@dataclass(frozen=True, slots=True)
class Frozen(Pixels):
    width: int = 5


class Loop(Pixels):
    """Holds itself, and lists within lists."""

    def __init__(self):
        self.held = [self]
        for _ in range(100_000):
            self.held = [self.held]


class Holds(Pixels):
    """Holds what can hardly be read."""

    def __init__(self):
        self.lock, self.thread = threading.Lock(), threading.current_thread()
        self.weak, self.view = weakref.ref(Holds), memoryview(b"abc")
        self.lines, self.closed = (line for line in "ab"), PurePath(__file__)
        self.rows, self.seen = np.array([None, self], dtype=object), MappingProxyType({})
        self.more, self.proxy = UserDict({1: self}), weakref.proxy(self)
        self.nan, self.cell = {float("nan"): np.datetime64("nat")}, lambda: self


class GoneProxy(Pixels):
    def __init__(self):
        self.gone = weakref.proxy(Pixels())


FAILING = [NoModule, OddClass, NoDict, GoneProxy]

SOUND = [NoObject, OtherClass, Loose, Frozen, Loop, Holds]
