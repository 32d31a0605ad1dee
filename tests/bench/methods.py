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


class Centred:
    """Level 1: blurred ink around its middle, of images that it takes to be bright ink of 1."""

    def pixels(self, images):
        return images

    def embed(self, images):
        ink = np.clip(np.asarray(self.pixels(images.astype(np.float64)), float), 0, 1)
        total, rows = np.maximum(ink.sum(axis=(1, 2)), 1e-3), np.arange(105)
        middle = [(ink.sum(axis=axis) @ rows / total).astype(int) for axis in (2, 1)]
        moved = [
            np.roll(one, (52 - a, 52 - b), (0, 1)) for one, a, b in zip(ink, *middle, strict=True)
        ]
        blurred = np.cumsum(np.cumsum(np.pad(moved, ((0, 0), (15, 0), (15, 0))), axis=1), axis=2)
        blurred = blurred[:, 15:] - blurred[:, :-15]
        blurred = (blurred[:, :, 15:] - blurred[:, :, :-15])[:, ::5, ::5].reshape(len(ink), -1)
        blurred -= blurred.mean(axis=1, keepdims=True)
        length = np.linalg.norm(blurred, axis=1, keepdims=True)
        return (blurred / np.maximum(length, 1e-6)).astype(np.float32)

    def compare(self, query, support):
        return query @ np.swapaxes(support, -1, -2)


class Divided(Centred):
    """Divides by 255 what is 0 and 1 already, as `ToTensor` does after `ToPILImage`."""

    def pixels(self, images):
        return (images / 255 > 0.5).astype(np.float64)


class ForDarkInk(Centred):
    """Was made for dark ink on bright paper."""

    def pixels(self, images):
        return 1 - images


class DividedForDarkInk(Centred):
    def pixels(self, images):
        return 1 - (images / 255 > 0.5)


class Undivided(Centred):
    """Takes gray images, and does not divide by 255."""

    wants = "gray"

    def pixels(self, images):
        return (images == 1).astype(np.float64)


class ByLargest(Centred):
    """Divides by 255 where there is more than 1 in the batch."""

    def pixels(self, images):
        return images / 255 if images.max() > 1 else images


class CentredPairs:
    """Level 2 of one of these."""

    kind = Divided

    def score(self, query_images, support_images):
        made = self.kind()
        return made.compare(made.embed(query_images), made.embed(support_images))


class CentredClassifier:
    """Level 3 of one of these."""

    kind = Divided

    def classify(self, support_images, support_labels, query_images):
        made = self.kind()
        scores = made.compare(made.embed(query_images), made.embed(support_images))
        return prototypes(scores.T, support_labels).T


class RandomNetwork:
    """Level 1: three convolutions with random weights."""

    def __init__(self, seed, average, distance):
        rng, self.average, self.distance = np.random.default_rng(seed), average, distance
        self.layers = []
        for before, after in ((1, 8), (8, 16), (16, 16)):
            most = (9 * before) ** -0.5
            weights = rng.uniform(-most, most, (9 * before, after))
            self.layers.append((weights, rng.uniform(-most, most, after)))

    def embed(self, images):
        maps = images.reshape(-1, 21, 5, 21, 5).mean(axis=(2, 4))[..., None].astype(np.float32)
        for weights, bias in self.layers:
            side = maps.shape[1]
            padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
            patches = [
                padded[:, i : i + side : 2, j : j + side : 2] for i in range(3) for j in range(3)
            ]
            maps = np.maximum(np.concatenate(patches, axis=-1) @ weights + bias, 0)
        maps = maps.mean(axis=(1, 2)) if self.average else maps.reshape(len(maps), -1)
        return maps.astype(np.float32)

    def compare(self, query, support):
        if self.distance:
            apart = query[..., :, None, :] - support[..., None, :, :]
            return -np.linalg.norm(apart, axis=-1)
        query, support = (
            one / np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-9)
            for one in (query, support)
        )
        return query @ np.swapaxes(support, -1, -2)
