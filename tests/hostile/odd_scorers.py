"""Scorers that are odd, or that leave something behind; named as odd_scorers:NAME."""

from __future__ import annotations

import asyncio
import os
import sys

import numpy as np


class Pixels:
    """Level 1: the share of common ink, of some of the pixels."""

    def embed(self, images):
        return images.reshape(len(images), -1)[:, ::9].astype(np.float32)

    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)


class Late(Pixels):
    """Is itself for the first batch, by which a scorer is known, and odd afterwards."""

    digest = property(lambda self: type(self).__name__)

    def __init__(self):
        self._calls = 0

    def embed(self, images):
        self._calls += 1
        embedded = super().embed(images)
        return embedded if self._calls == 1 else self.later(embedded)

    def later(self, embedded):
        raise NotImplementedError


class OwnError(BaseException):
    pass


class Text(str):
    """A text that cannot be printed."""

    def __str__(self):
        raise RuntimeError("no text")


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


class Ends(Late):
    def later(self, embedded):
        os._exit(0)


class EndsAtOnce(Pixels):
    def embed(self, images):
        os._exit(0)


class NoWidth(Pixels):
    def embed(self, images):
        return np.zeros((len(images), 0), np.float32)


class NanLater(Pixels):
    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores * np.nan if scores.ndim == 3 and len(scores) == 1 else scores


class AttributeRaises(Pixels):
    @property
    def parameters(self):
        raise RuntimeError("no attribute")


class AttributeRaisesBase(Pixels):
    @property
    def trained_on(self):
        raise OwnError("no attribute")


class AttributeRaisesLater(Pixels):
    @property
    def trained_on(self):
        yield "Latin/character01"
        raise RuntimeError("no attribute")


class AnyAttributeRaises(Pixels):
    def __getattr__(self, name):
        raise RuntimeError("no attribute")


class StateRaises(Pixels):
    class Held:
        __slots__ = ()

        def __reduce_ex__(self, protocol):
            raise OwnError("no state")

    def __init__(self):
        self.held = self.Held()


class NegativeParameters(Pixels):
    parameters = -1


class ManyParameters(Pixels):
    parameters = 10**40


class NegativeFlops(Pixels):
    flops = -5


class ManyFlops(Pixels):
    flops = 10**40


class OddNumber(Pixels):
    class Number(int):
        def __int__(self):
            raise RuntimeError("no number")

    parameters = Number(5)


class NegativeSeed(Pixels):
    def __init__(self):
        self.training = {"recipe": "r", "seed": -1}


class LargeSeed(Pixels):
    def __init__(self):
        self.training = {"recipe": "r", "seed": 10**30}


class LongRecipe(Pixels):
    def __init__(self):
        self.training = {"recipe": "r" * 5_000_000, "seed": 1}


class LongName(Pixels):
    name = "n" * 5_000_000


class HalfName(Pixels):
    name = "a\ud800b"


class LongEngine(Pixels):
    engine = "e" * 5_000_000


class HalfEngine(Pixels):
    engine = "\udfff"


class LargeBatch(Pixels):
    batch = 10**9


FAILING = [
    *(RaisesBase, RaisesBaseAtOnce, RaisesInterrupt, RaisesEnd, RaisesCancelled, RaisesMemory),
    *(Ends, EndsAtOnce, NoWidth, NanLater, StateRaises),
    *(AttributeRaises, AttributeRaisesBase, AttributeRaisesLater, AnyAttributeRaises),
    *(NegativeParameters, ManyParameters, NegativeFlops, ManyFlops, OddNumber),
    *(NegativeSeed, LargeSeed, LongRecipe, LongName, HalfName, LongEngine, HalfEngine, LargeBatch),
]


class OddText(Pixels):
    name = Text("odd text")


class AnyAttribute(Pixels):
    def __getattr__(self, name):
        return self


class PassedOver(Pixels):
    @property
    def passed_over(self):
        raise RuntimeError("no attribute")


class Moves(Pixels):
    def embed(self, images):
        os.chdir("/")
        return super().embed(images)


class Strict(Pixels):
    def embed(self, images):
        np.seterr(all="raise")
        return super().embed(images)


class Speaks(Pixels):
    def embed(self, images):
        sys.stdout.buffer.write(b"noise")
        sys.stdout.writelines(["noise"])
        return super().embed(images)


class Closes(Pixels):
    def embed(self, images):
        sys.stdout.close()
        return super().embed(images)


class Replaces(Pixels):
    def embed(self, images):
        sys.stdout = sys.stderr = None
        return super().embed(images)


class Forks(Late):
    def later(self, embedded):
        if os.fork():
            os.wait()
        return embedded


SOUND = [OddText, AnyAttribute, PassedOver, Moves, Strict, Speaks, Closes, Replaces, Forks]
