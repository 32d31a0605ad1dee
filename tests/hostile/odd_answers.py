"""Scorers whose answers are no scores: of odd types and shapes, or with odd numbers."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
from odd_pixels import Classifier, Compares, Embeds, Late, Pairs, Pixels


class NoWidth(Embeds):
    def formed(self, embedded):
        return np.zeros((len(embedded), 0), np.float32)


class NanLater(Pixels):
    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores * np.nan if scores.ndim == 3 and len(scores) == 1 else scores


class Objects(Embeds):
    def formed(self, embedded):
        return embedded.astype(object)


class Complex(Compares):
    def formed(self, scores):
        return scores.astype(np.complex64)


class Times(Embeds):
    def formed(self, embedded):
        return embedded.astype(np.int64).view("datetime64[s]")


class Texts(Compares):
    def formed(self, scores):
        return scores.astype(str)


class Truths(Compares):
    def formed(self, scores):
        return scores > 3


class Records(Embeds):
    def formed(self, embedded):
        return embedded.view([("value", np.float32)])


class Whole(Compares):
    """Whole numbers that no type of NumPy holds."""

    def formed(self, scores):
        return (scores.astype(int).astype(object) * 10**40).tolist()


class Fractions(Compares):
    def formed(self, scores):
        return [[Fraction(1, 3), Decimal("0.1")]]


class HalfOverflow(Compares):
    def formed(self, scores):
        with np.errstate(over="ignore"):
            return (scores * 1e4).astype(np.float16)


class InfiniteOnce(Late):
    def later(self, embedded):
        embedded[3, 5] = np.inf
        return embedded


class LargeEmbeddings(Pixels):
    """Its scores overflow."""

    def embed(self, images):
        return super().embed(images) * np.float32(1e38)

    def compare(self, query, support):
        with np.errstate(all="ignore"):
            return super().compare(query, support)


class Nothing(Embeds):
    def formed(self, embedded):
        return None


class Generator(Embeds):
    def formed(self, embedded):
        return (row for row in embedded)


class Coroutine(Pixels):
    async def embed(self, images):
        return images


class Uneven(Embeds):
    def formed(self, embedded):
        return [row[: i % 5 + 1] for i, row in enumerate(embedded)]


class Scalar(Compares):
    def formed(self, scores):
        return np.float32(scores.sum())


class Turned(Embeds):
    def formed(self, embedded):
        return embedded.T


class TooMany(Embeds):
    def formed(self, embedded):
        return np.concatenate([embedded, embedded[:1]])


class MoreAxes(Embeds):
    def formed(self, embedded):
        return embedded[:, None]


class OneEpisode(Pixels):
    """Does not take several episodes in a call."""

    def compare(self, query, support):
        return query.reshape(-1, query.shape[-1]) @ support.reshape(-1, support.shape[-1]).T


class OtherWidth(Late):
    def later(self, embedded):
        return embedded[:, : -self._calls]


class OtherType(Late):
    def later(self, embedded):
        return embedded.astype(np.float64 if self._calls % 2 else np.float32)


class Endless(Pixels):
    """Embeddings of more numbers than any memory holds, which take none themselves."""

    def embed(self, images):
        return np.broadcast_to(np.float32(0), (len(images), 2**40))


class EndlessScores(Compares):
    def formed(self, scores):
        return np.broadcast_to(np.float32(0), (*scores.shape[:-1], 2**40))


class ArrayRaises(Embeds):
    class Held:
        def __array__(self, *words, **more):
            raise RuntimeError("no array")

    def formed(self, embedded):
        return self.Held()


class ArrayLies(Embeds):
    class Held:
        def __array__(self, *words, **more):
            return "no array"

    def formed(self, embedded):
        return self.Held()


class TensorRaises(Embeds):
    class Held:
        def detach(self):
            raise RuntimeError("no tensor")

    def formed(self, embedded):
        return self.Held()


class Masked(Compares):
    def formed(self, scores):
        return np.ma.masked_less(scores, 3)


class PairsOfOneAxis(Pairs):
    def score(self, query_images, support_images):
        return super().score(query_images, support_images)[0]


class PairsNan(Pairs):
    def score(self, query_images, support_images):
        scores = super().score(query_images, support_images)
        scores[scores == 7] = np.nan
        return scores


class PairsTooFew:
    def score_pairs(self, first, second):
        return [1.0] * (len(first) - 1)


class Labels(Classifier):
    """Gives the class of each query, and no scores."""

    def classify(self, support_images, support_labels, query_images):
        return super().classify(support_images, support_labels, query_images).argmax(axis=1)


class Probabilities(Classifier):
    def classify(self, support_images, support_labels, query_images):
        return [dict.fromkeys(set(support_labels), 0.2) for _ in query_images]


class RefusesLater(Classifier):
    calls = 0

    def classify(self, support_images, support_labels, query_images):
        self.calls += 1
        if self.calls > 40:
            raise StopIteration
        return super().classify(support_images, support_labels, query_images)


class LargeWhole(Compares):
    def formed(self, scores):
        return scores.astype(np.uint64) + 2**53


FAILING = [
    *(NoWidth, NanLater, Objects, Complex, Times, Texts, Truths, Records, Whole, Fractions),
    *(HalfOverflow, InfiniteOnce, LargeEmbeddings, Nothing, Generator, Coroutine, Uneven, Scalar),
    *(Turned, TooMany, MoreAxes, OneEpisode, OtherWidth, OtherType, Endless, EndlessScores),
    *(ArrayRaises, ArrayLies, TensorRaises, Masked, LargeWhole),
    *(PairsOfOneAxis, PairsNan, PairsTooFew, Labels, Probabilities, RefusesLater),
]
