"""Scorers of a user, which are sent to workers."""

import os
import time

import numpy as np


class Linear:
    """Embeds by a matrix that it reads from a file."""

    def __init__(self, weights="matrix.npy"):
        self.matrix = np.load(weights)

    def embed(self, images):
        return images[:, ::5, ::5].reshape(len(images), -1).astype(np.float32) @ self.matrix

    def compare(self, query, support):
        return -np.linalg.norm(query[..., :, None, :] - support[..., None, :, :], axis=-1)


class Slow(Linear):
    """Hangs."""

    def embed(self, images):
        if len(np.unique(images)) == 2:
            time.sleep(600)
        return super().embed(images)


class Deadly:
    """Ends every process that makes an answer of it."""

    digest = "deadly"

    def score(self, query, support):
        os.kill(os.getpid(), 9)
