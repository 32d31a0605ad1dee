"""Scorers that the tests name as example_scorers:NAME."""

from __future__ import annotations

import time

import numpy as np


class Pixels:
    """Level 1: the share of common ink, in floating point."""

    def embed(self, images):
        flat = images.reshape(len(images), -1).astype(np.float32)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1)

    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)


class Pairs:
    """Level 2: the same."""

    def score(self, query_images, support_images):
        pixels = Pixels()
        return pixels.compare(pixels.embed(query_images), pixels.embed(support_images))


class Slow(Pairs):
    """Takes its time, so that a run can be killed in between."""

    def score(self, query_images, support_images):
        time.sleep(0.02)
        return super().score(query_images, support_images)


class Counting(Pixels):
    """Level 1: embeds and compares by a hash of the pixels; every answer differs."""

    def embed(self, images):
        weights = np.random.default_rng(0).standard_normal(images[0].size)
        return images.reshape(len(images), -1) @ weights[:, None]

    def compare(self, query, support):
        return -np.abs(query - np.swapaxes(support, -1, -2))


class Nan(Pixels):
    def compare(self, query, support):
        return super().compare(query, support) * np.nan


class Raises:
    def score(self, query_images, support_images):
        raise RuntimeError("out of\nluck")


not_a_scorer = 5
pixels = Pixels()


def make_pixels():
    return Pixels()
