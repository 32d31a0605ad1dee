"""Scorers whose answers are sound in an odd form: types, arrays used again, changed inputs."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

import tempfile
import threading
from array import array

import numpy as np
import pandas as pd
from odd_pixels import Classifier, Compares, Embeds, Pairs, Pixels


class BigEndian(Embeds):
    def formed(self, embedded):
        return embedded.astype(">f4")


class BigEndianScores(Compares):
    def formed(self, scores):
        return scores.astype(">f8")


class Long(Embeds):
    def formed(self, embedded):
        return embedded.astype(np.longdouble)


class LongScores(Compares):
    def formed(self, scores):
        return scores.astype(np.longdouble)


class Half(Embeds):
    def formed(self, embedded):
        return embedded.astype(np.float16)


class SmallWhole(Compares):
    """Distances of a type that has no negative numbers."""

    smaller_is_closer = True

    def formed(self, scores):
        return (2**16 - 1 - scores).astype(np.uint16)


class Huge(Compares):
    def formed(self, scores):
        return scores.astype(np.float64) * 1e305


class Tiny(Compares):
    def formed(self, scores):
        return scores.astype(np.float64) * 5e-324


class ReadOnly(Embeds):
    def formed(self, embedded):
        embedded.flags.writeable = False
        return embedded


class Backwards(Embeds):
    def formed(self, embedded):
        return np.ascontiguousarray(embedded[::-1, ::-1])[::-1, ::-1]


class ByColumns(Embeds):
    def formed(self, embedded):
        return np.asfortranarray(embedded)


class Unaligned(Embeds):
    def formed(self, embedded):
        wide = np.zeros(embedded.shape, dtype=[("flag", np.int8), ("value", np.float32)])
        wide["value"] = embedded
        return wide["value"]


class Mapped(Embeds):
    def formed(self, embedded):
        with tempfile.TemporaryFile() as file:
            mapped = np.memmap(file, embedded.dtype, "w+", shape=embedded.shape)
            mapped[:] = embedded
            return mapped


class OwnArray(np.ndarray):
    """An array that cannot be computed with, or printed."""

    def __array_ufunc__(self, *words, **more):
        raise RuntimeError("no numbers")

    def __array_function__(self, *words, **more):
        raise RuntimeError("no function")

    def __repr__(self):
        raise RuntimeError("no text")

    __str__ = __len__ = __bool__ = __repr__


class OwnArrays(Embeds):
    def formed(self, embedded):
        return embedded.view(OwnArray)


class Matrix(Embeds):
    def formed(self, embedded):
        return embedded.view(np.matrix)


class Rows(Embeds):
    def formed(self, embedded):
        return tuple(embedded)


class Lists(Compares):
    def formed(self, scores):
        return scores.tolist()


class Buffer(Pairs):
    def score(self, query_images, support_images):
        return [memoryview(array("f", super().score(query_images, support_images)[0]))]


class Frame(Embeds):
    def formed(self, embedded):
        return pd.DataFrame(embedded, index=range(5, 5 + len(embedded)))


class SameBuffer(Embeds):
    """Uses one array for all answers."""

    def __init__(self):
        self._held = None

    def formed(self, embedded):
        if self._held is None or self._held.shape != embedded.shape:
            self._held = np.empty_like(embedded)
        self._held[:] = embedded
        return self._held


class Afterwards(Embeds):
    """Changes what it has given, in a thread."""

    def formed(self, embedded):
        given = embedded.copy()
        timer = threading.Timer(0.05, given.fill, (9,))
        timer.daemon = True
        timer.start()
        return given


class PartOfInput(Pixels):
    def embed(self, images):
        return images.reshape(len(images), -1)[:, ::9]

    def compare(self, query, support):
        return super().compare(query.astype(np.float32), support.astype(np.float32))


class ChangesImages(Pixels):
    def embed(self, images):
        embedded = super().embed(images)
        images[:] = 1
        return embedded


class ChangesEmbeddings(Pixels):
    def compare(self, query, support):
        scores = super().compare(query, support)
        query *= 3
        support -= 1
        return scores


class ChangesPairs(Pairs):
    def score(self, query_images, support_images):
        scores = super().score(query_images, support_images)
        query_images[:], support_images[:] = 1, 0
        return scores


class ChangesSupport(Classifier):
    """Takes one query in a call, and changes all that it is given."""

    def classify(self, support_images, support_labels, query_images):
        (_,) = query_images
        scores = super().classify(support_images, support_labels, query_images)
        support_images[:], support_labels[:], query_images[:] = 0, 0, 0
        return scores[0]


class NanForBlank(Embeds):
    """Divides by the ink of an image, of which a blank one has none."""

    def formed(self, embedded):
        return embedded * (np.float32(1) / embedded.any(axis=1, keepdims=True))

    def compare(self, query, support):
        return np.nan_to_num(super().compare(query, support))


class OtherScoreType(Compares):
    calls = 0

    def formed(self, scores):
        self.calls += 1
        return scores.astype((np.float32, np.float64, np.int32)[self.calls % 3])


class ByPairs:
    def score_pairs(self, first, second):
        embed = Pixels().embed
        return (embed(first) * embed(second)).sum(axis=1)


class ByLists(Classifier):
    def classify(self, support_images, support_labels, query_images):
        return [list(row) for row in super().classify(support_images, support_labels, query_images)]


SOUND = [
    *(BigEndian, BigEndianScores, Long, LongScores, Half, SmallWhole, Huge, Tiny),
    *(ReadOnly, Backwards, ByColumns, Unaligned, Mapped, OwnArrays, Matrix, Rows, Lists, Buffer),
    *(Frame, SameBuffer, Afterwards, PartOfInput, ChangesImages, ChangesEmbeddings, ChangesPairs),
    *(ChangesSupport, NanForBlank, OtherScoreType, ByPairs, ByLists),
]
