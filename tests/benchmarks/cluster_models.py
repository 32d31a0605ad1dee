"""A scorer for the study of clusters, whose code and weights are sent to workers."""

from __future__ import annotations

import numpy as np


class Tower:
    """Two dense layers over every third pixel: 1.4 million multiplications an image."""

    def __init__(self, weights: str) -> None:
        with np.load(weights) as stored:
            self.first, self.second = stored["first"], stored["second"]

    def embed(self, images):
        pixels = images[:, ::3, ::3].reshape(len(images), -1).astype(np.float32)
        return np.maximum(pixels @ self.first, 0) @ self.second

    def compare(self, query, support):
        query = query / np.linalg.norm(query, axis=-1, keepdims=True)
        support = support / np.linalg.norm(support, axis=-1, keepdims=True)
        return query @ np.swapaxes(support, -1, -2)


def draw_weights(path: str, seed: int) -> None:
    """Writes random weights."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(35 * 35, 1024)) / 35
    second = rng.normal(size=(1024, 128)) / 32
    np.savez(path, first=first.astype(np.float32), second=second.astype(np.float32))
