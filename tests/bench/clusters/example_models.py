"""Scorers of a user, which are sent to workers."""

import os
import time
from pathlib import Path

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


class Patient:
    """Takes its time, a hundredth of a second for an episode."""

    def classify(self, support_images, support_labels, query_images):
        time.sleep(0.01)
        support = support_images.reshape(len(support_images), -1).astype(np.float32)
        query = query_images.reshape(len(query_images), -1).astype(np.float32)
        scores = query @ support.T
        ways = range(support_labels.max() + 1)
        return np.stack([scores[:, support_labels == way].max(1) for way in ways], 1)


class Large(Linear):
    """Needs 8 GiB."""

    def embed(self, images):
        if len(np.unique(images)) == 2:
            self.kept = np.ones(2**30)
        return super().embed(images)


class Murderous(Linear):
    """Ends the process that has started its own."""

    digest = "murderous"

    def embed(self, images):
        os.kill(os.getppid(), 9)


class Where(Linear):
    """Leaves a file beside the cache of its worker."""

    def embed(self, images):
        Path(os.environ["WAYSHOT_CACHE"]).with_name("asked").touch()
        return super().embed(images)
