"""A plain scorer, at each of the levels, which odd ones are made of."""

from __future__ import annotations

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


_PIXELS = Pixels()


class Pairs:
    """Level 2: the scores of `Pixels`."""

    def score(self, query_images, support_images):
        return _PIXELS.compare(_PIXELS.embed(query_images), _PIXELS.embed(support_images))


class Classifier:
    """Level 3: the scores of `Pixels`, summed over the shots."""

    def classify(self, support_images, support_labels, query_images):
        scores = _PIXELS.compare(_PIXELS.embed(query_images), _PIXELS.embed(support_images))
        return scores @ np.eye(support_labels.max() + 1, dtype=np.float32)[support_labels]


class Embeds(Pixels):
    """Gives its embeddings in an odd form."""

    def embed(self, images):
        return self.formed(super().embed(images))

    def formed(self, embedded):
        raise NotImplementedError


class Compares(Pixels):
    """Gives its scores in an odd form."""

    def compare(self, query, support):
        return self.formed(super().compare(query, support))

    def formed(self, scores):
        raise NotImplementedError
