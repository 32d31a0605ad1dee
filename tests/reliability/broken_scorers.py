"""Scorers that are sound, and that fail in every way; named as broken_scorers:NAME."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np


class Pixels:
    """Level 1: the share of common ink, of some of the pixels."""

    @property
    def digest(self):
        """Parts those that answer the first batch alike."""
        return type(self).__name__

    def embed(self, images):
        flat = images.reshape(len(images), -1)[:, ::9].astype(np.float32)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1)

    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)


class Pairs:
    """Level 2: the same."""

    def score(self, query_images, support_images):
        pixels = Pixels()
        return pixels.compare(pixels.embed(query_images), pixels.embed(support_images))


class Classifier:
    """Level 3: the same, of the mean over the shots."""

    def classify(self, support_images, support_labels, query_images):
        scores = Pairs().score(query_images, support_images)
        ways = range(support_labels.max() + 1)
        return np.stack([scores[:, support_labels == way].mean(axis=1) for way in ways], axis=1)


class Late(Pixels):
    """Is itself for the first batch, by which a scorer is known, and breaks afterwards."""

    def __init__(self):
        self._batches = 0

    def embed(self, images):
        self._batches += 1
        embedded = super().embed(images)
        return embedded if self._batches == 1 else self.later(embedded)

    def later(self, embedded):
        raise NotImplementedError


class Raises(Late):
    def later(self, embedded):
        raise RuntimeError("out of\nluck")


class Leaves(Late):
    def later(self, embedded):
        raise SystemExit(0)


class Hangs(Late):
    def later(self, embedded):
        time.sleep(3600)


class Dies(Late):
    def later(self, embedded):
        os._exit(3)


class Killed(Late):
    def later(self, embedded):
        os.kill(os.getpid(), signal.SIGKILL)


class DiesAtOnce(Pixels):
    def embed(self, images):
        os._exit(3)


class HangsAtOnce(Pixels):
    def embed(self, images):
        time.sleep(3600)


class RaisesAtOnce(Pixels):
    def embed(self, images):
        raise RuntimeError("out of\nluck")


class DiesOnce(Late):
    """Ends its process once: the file named by the environment says whether it has."""

    def later(self, embedded):
        done = Path(os.environ["DIES_ONCE"])
        if not done.exists():
            done.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return embedded


class Shape(Late):
    def later(self, embedded):
        return embedded[:-1]


class Width(Late):
    def later(self, embedded):
        return embedded[:, : 100 + self._batches]


class Type(Late):
    def later(self, embedded):
        return embedded.astype(str)


class Nothing(Late):
    def later(self, embedded):
        return None


class Nan(Late):
    def later(self, embedded):
        return embedded * np.nan


class Huge(Pixels):
    """Scores near the end of what a float holds, which is allowed."""

    def compare(self, query, support):
        return super().compare(query, support) * np.float64(1e308) * 1.7


class Infinite(Pixels):
    def compare(self, query, support):
        return super().compare(query, support) + np.inf


class Same(Pixels):
    """Fills and returns the same array at every call, which is allowed."""

    def __init__(self):
        self._kept = np.empty((256, 1225), np.float32)

    def embed(self, images):
        self._kept[:] = super().embed(images)
        return self._kept
