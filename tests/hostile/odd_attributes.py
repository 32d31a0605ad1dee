"""Scorers that say odd things of themselves, or that are odd objects."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

import itertools
from pathlib import PurePath

import numpy as np
from odd_pixels import Classifier, Pairs, Pixels


class OwnError(BaseException):
    pass


class Text(str):
    """A text that cannot be printed, compared or kept in a dict."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __format__ = __eq__ = __len__ = encode = __str__

    def __hash__(self):
        raise RuntimeError("no hash")


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


class DigestRaises(Pixels):
    @property
    def digest(self):
        raise OwnError("no digest")


class NegativeParameters(Pixels):
    parameters = -1


class ManyParameters(Pixels):
    parameters = 10**40


class VastParameters(Pixels):
    """A number that Python refuses to print."""

    parameters = 10**5000


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


class NoRecipe(Pixels):
    training = {"seed": 1}


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


class NoBatch(Pixels):
    batch = 0


class VastBatch(Pairs):
    batch = 10**5000


class NegativeConcurrency(Pixels):
    concurrency = -1


class OtherPooling(Pixels):
    pooling = "median\n"


class PrototypeOfPairs(Pairs):
    pooling = "prototype"


class OtherScale(Pixels):
    scale = "percent" * 1000


class OddDirection(Pixels):
    smaller_is_closer = "yes"


class NumberDirection(Pixels):
    smaller_is_closer = 1


class TrainedOnEndless(Pixels):
    trained_on = property(lambda self: itertools.repeat("Latin/character01"))


class TrainedOnCount(Pixels):
    trained_on = property(lambda self: (f"Latin/character{i}" for i in itertools.count()))


class TrainedOnNan(Pixels):
    trained_on = ["Latin/character01", float("nan")]


class TrainedOnPath(Pixels):
    trained_on = [PurePath("Latin/character01"), "Latin/character02"]


class TrainedOnNowhere(Pixels):
    trained_on = "no-such-part"


class TrainedOnLong(Pixels):
    trained_on = ["a/" + "b" * 5_000_000]


class TrainedOnHalf(Pixels):
    trained_on = ["Latin/\ud800"]


class WantsMuch(Pixels):
    wants = {"kind": "gray", "size": (10**9, 10**9)}


class WantsNothing(Pixels):
    wants = {"kind": "gray", "size": (0, -1)}


class WantsNan(Pixels):
    wants = {"kind": "gray", "size": float("nan")}


class WantsOther(Pixels):
    wants = {"kind": ["gray"], "colour": {}}


class WantsRaises(Pixels):
    class Held(dict):
        def __iter__(self):
            raise OwnError("no items")

        keys = items = values = get = __getitem__ = __contains__ = __len__ = __iter__

    wants = Held(kind="gray")


class OddText(Pixels):
    name = Text("odd text")


class OddEngine(Pixels):
    engine = Text("odd engine")
    pooling = Text("max")
    scale = Text("log-odds")


class OddDigest(Pixels):
    digest = Text("odd")


class OddTraining(Classifier):
    training = {"recipe": Text("r"), "seed": np.int8(3), 5: OwnError}


class AnyAttribute(Pixels):
    def __getattr__(self, name):
        return self


class PassedOver(Pixels):
    @property
    def passed_over(self):
        raise RuntimeError("no attribute")


class Lines(Pixels):
    name = "two\nlines\r\x1b[2J\x1b]0;title\x07| a | b |\u202e</script>"
    engine = "an\nengine\x1b[31m"


class Elsewhere(Pixels):
    name = "../../../elsewhere/\x00"


class Dots(Pixels):
    name = ".."


class Blank(Pixels):
    name = " \t\n"


class Nameless(Pixels):
    name = ""


class Another(Pixels):
    """Has the name of another scorer."""

    name = "chance"


class ThousandLetters(Pixels):
    name = "\U00020000" * 1000


class WholeDigest(Pixels):
    digest = 12


class LongDigest(Pixels):
    digest = "d" * 5_000_000


class HalfDigest(Pixels):
    digest = "\ud800\n"


class OtherDigest(Pixels):
    """Has another digest at each look."""

    looks = 0

    @property
    def digest(self):
        self.looks += 1
        return f"digest {self.looks}"


class ListedDigest(Pixels):
    digest = ["no", b"text", np.float32("nan")]


class Numbers(Pixels):
    """Numbers of NumPy."""

    parameters, flops, batch = np.uint64(2**63 - 1), np.int8(5), np.int16(100)
    concurrency, smaller_is_closer, baseline = np.uint8(3), np.False_, np.True_


class NotNumbers(Pixels):
    parameters, flops, batch, concurrency = "many", np.float64("nan"), 2.5, None
    baseline, engine, scale, pooling = "yes", b"engine", 3, object


class Callables(Pixels):
    """Attributes that are methods, as a network has them."""

    def parameters(self):
        raise OwnError("not to be called")

    name = engine = digest = training = wants = batch = trained_on = parameters
    smaller_is_closer = pooling = scale = flops = concurrency = baseline = parameters


class Single(Pixels):
    batch = 1


class Crowded(Pixels):
    batch, concurrency = 3, 50


class TrainedOnNumbers(Pixels):
    trained_on = {1: 2}


class TrainedOnTwice(Pixels):
    trained_on = np.array(["Latin/character01"] * 50_000)


FAILING = [
    *(AttributeRaises, AttributeRaisesBase, AttributeRaisesLater, AnyAttributeRaises, DigestRaises),
    *(OtherPooling, PrototypeOfPairs, OtherScale, OddDirection, NumberDirection),
    *(TrainedOnEndless, TrainedOnCount, TrainedOnNan, TrainedOnPath, TrainedOnNowhere),
    TrainedOnLong,
    *(WantsMuch, WantsNothing, WantsNan, WantsOther, WantsRaises),
    *(NegativeParameters, ManyParameters, VastParameters, NegativeFlops, ManyFlops, OddNumber),
    *(NegativeSeed, LargeSeed, NoRecipe, LongRecipe, LongName, HalfName, LongEngine, HalfEngine),
    *(LargeBatch, NoBatch, VastBatch, NegativeConcurrency),
]

SOUND = [
    *(OddText, OddEngine, OddDigest, OddTraining, AnyAttribute, PassedOver),
    *(Lines, Elsewhere, Dots, Blank, Nameless, Another, ThousandLetters),
    *(WholeDigest, LongDigest, HalfDigest, OtherDigest, ListedDigest),
    *(Numbers, NotNumbers, Callables, Single, Crowded, TrainedOnNumbers, TrainedOnTwice),
    TrainedOnHalf,
]
