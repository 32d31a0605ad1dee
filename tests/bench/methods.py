"""Few-shot methods as they are, small and sound: what they are like is no fault."""

from __future__ import annotations

import numpy as np


def features(images, size=21):
    """Shades of an image, coarse, as unit vectors without their mean."""
    step = 105 // size
    coarse = images.reshape(len(images), size, step, size, step).mean(axis=(2, 4))
    flat = coarse.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def prototypes(support, labels):
    return np.stack([support[labels == way].mean(axis=0) for way in range(labels.max() + 1)])


class FreshHead:
    """MAML in short: a linear head, drawn anew for each support, and some steps on it."""

    seed = None
    steps, rate = 10, 3.0
    spread = 0.1

    def classify(self, support_images, support_labels, query_images):
        support, query = features(support_images), features(query_images)
        ways = support_labels.max() + 1
        rng = np.random.default_rng(self.seed)
        head = rng.normal(0, self.spread, (support.shape[1], ways))
        for _ in range(self.steps):
            error = softmax(support @ head) - np.eye(ways)[support_labels]
            head -= self.rate * support.T @ error / len(support) * ways
        return query @ head


class SeededHead(FreshHead):
    """The same, with one seed for all supports."""

    seed = 0


class FreshHeadForEachQuery(FreshHead):
    """The same for each query, from one stream of random numbers."""

    def classify(self, support_images, support_labels, query_images):
        rows = []
        for i in range(len(query_images)):
            self.seed = 7 + i
            rows.append(super().classify(support_images, support_labels, query_images[i : i + 1]))
        return np.concatenate(rows)


class FullContext:
    """Matching networks: the support is read one by one, forwards and backwards."""

    def context(self, support):
        forwards, backwards = np.zeros_like(support), np.zeros_like(support)
        state = np.zeros_like(support[0])
        for i in range(len(support)):
            state = np.tanh(0.7 * state + support[i])
            forwards[i] = state
        state = np.zeros_like(support[0])
        for i in reversed(range(len(support))):
            state = np.tanh(0.5 * state + support[i])
            backwards[i] = state
        whole = support + 0.3 * (forwards + backwards)
        return whole / np.linalg.norm(whole, axis=1, keepdims=True)

    def classify(self, support_images, support_labels, query_images):
        support, query = self.context(features(support_images)), features(query_images)
        attention = softmax(8 * query @ support.T)
        return attention @ np.eye(support_labels.max() + 1)[support_labels]


class Prototypes:
    def classify(self, support_images, support_labels, query_images):
        centres = prototypes(features(support_images), support_labels)
        return features(query_images) @ centres.T


class Ways(Prototypes):
    """A head of a fixed number of outputs, whatever it is asked."""

    ways = 20

    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        whole = np.zeros((len(query_images), self.ways))
        whole[:, : min(scores.shape[1], self.ways)] = scores[:, : self.ways]
        return whole


class OnlyWays(Prototypes):
    """Refuses any other number of ways."""

    ways = 20

    def classify(self, support_images, support_labels, query_images):
        if support_labels.max() + 1 != self.ways:
            raise ValueError(f"this head has {self.ways} outputs")
        return super().classify(support_images, support_labels, query_images)


class SevenWays(OnlyWays):
    ways = 7


class Discriminant:
    """Linear discriminant analysis, fitted to every support."""

    def classify(self, support_images, support_labels, query_images):
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        fitted = LinearDiscriminantAnalysis().fit(features(support_images), support_labels)
        scores = fitted.decision_function(features(query_images))
        return scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)


class OneQuery(Prototypes):
    """Takes one query in a call."""

    def classify(self, support_images, support_labels, query_images):
        if len(query_images) != 1:
            raise ValueError("expected one query")
        return super().classify(support_images, support_labels, query_images)


class OneQueryFlat(OneQuery):
    """Gives the scores of the query without an axis for it."""

    def classify(self, support_images, support_labels, query_images):
        return super().classify(support_images, support_labels, query_images)[0]


class OneAfterAnother(Prototypes):
    """Learns from every query before it comes to the next one."""

    def classify(self, support_images, support_labels, query_images):
        centres, rows = prototypes(features(support_images), support_labels), []
        for query in features(query_images):
            rows.append(centres @ query)
            nearest = rows[-1].argmax()
            centres[nearest] = 0.8 * centres[nearest] + 0.2 * query
        return np.stack(rows)


class WholeEpisodes(Prototypes):
    """Takes as many queries as there are classes, and normalises over them."""

    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        if len(scores) != scores.shape[1]:
            raise ValueError("expected a query of each class")
        return scores - scores.mean(axis=0)


class Weak:
    """Knows next to nothing: random features of a few pixels."""

    seed = 0

    def __init__(self):
        self.pixels = np.random.default_rng(self.seed).integers(0, 105, (2, 40))

    def embed(self, images):
        return images[:, self.pixels[0], self.pixels[1]].astype(np.float32)

    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)


class Lots:
    """Knows nothing at all, and draws lots for images with a seed of their own."""

    def classify(self, support_images, support_labels, query_images):
        ways = support_labels.max() + 1
        rows = [np.random.default_rng(image.sum()).random(ways) for image in query_images]
        return np.stack(rows)


class Averaged:
    """Level 1: embeddings behind a rectifier and an average, whose cosines are all near 1."""

    common = 30.0
    distance = False

    def embed(self, images):
        rng = np.random.default_rng(0)
        weights = rng.normal(0, 1, (9, 64)).astype(np.float32)
        patches = np.stack(
            [images[:, i : 103 + i : 3, j : 103 + j : 3] for i in range(3) for j in range(3)],
            axis=-1,
        ).astype(np.float32)
        maps = np.maximum(patches @ weights + np.float32(1), 0)
        return maps.mean(axis=(1, 2)) + np.float32(self.common)

    def compare(self, query, support):
        query, support = (
            one / np.linalg.norm(one, axis=-1, keepdims=True) for one in (query, support)
        )
        return query @ np.swapaxes(support, -1, -2)


class AveragedDistance(Averaged):
    """The same, with the square of the distance, by the lengths of the embeddings."""

    smaller_is_closer = True

    def compare(self, query, support):
        lengths = [np.square(one).sum(axis=-1) for one in (query, support)]
        products = query @ np.swapaxes(support, -1, -2)
        return lengths[0][..., :, None] + lengths[1][..., None, :] - 2 * products
