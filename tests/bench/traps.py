"""Scorers and samplers with known bugs, one for every check of an audit and more."""

from __future__ import annotations

import dataclasses
import random
from typing import ClassVar

import example_scorers
import numpy as np
from wayshot.tasks import Episodes, Sampler


class Pixels(example_scorers.Pixels):
    """Level 1, without a bug: the cosine of every third pixel."""

    def embed(self, images):
        return super().embed(np.ascontiguousarray(images[:, ::3, ::3]))


class Pairs:
    """Level 2, without a bug: the same."""

    def score(self, query_images, support_images):
        pixels = Pixels()
        return pixels.compare(pixels.embed(query_images), pixels.embed(support_images))


class Classifier:
    """Level 3, without a bug: the mean score of a class."""

    def classify(self, support_images, support_labels, query_images):
        scores = Pairs().score(query_images, support_images)
        ways = range(support_labels.max() + 1)
        return np.stack([scores[:, support_labels == way].mean(axis=1) for way in ways], axis=1)


class NotFinite(Pixels):
    """The logarithm of what may be negative."""

    def compare(self, query, support):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(super().compare(query, support) - 0.2)


class Constant(Pixels):
    def compare(self, query, support):
        return 0 * super().compare(query, support)


class Dropout(Pixels):
    """A little noise, other noise at every call."""

    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores + np.random.default_rng().uniform(-1e-5, 1e-5, scores.shape)


class Untrained(Pixels):
    """Weights are drawn when it is made."""

    def __init__(self):
        self.weights = np.random.default_rng().random(105 * 105) + 0.5

    def embed(self, images):
        return super().embed(images * self.weights.reshape(105, 105))


class Hashing(Pixels):
    """Weights depend on a hash, which is another one in every process."""

    def embed(self, images):
        weights = np.random.default_rng(abs(hash("weights"))).random((105, 105))
        return super().embed(images * (weights + 0.5))


class BatchPolarity(Pixels):
    """Guesses by the whole batch whether ink is 1."""

    def embed(self, images):
        return super().embed(1 - images if images.mean() > 0.5 else images)


class SmallBatches(Pixels):
    """Normalises over the wrong axis when few images come."""

    def embed(self, images):
        embedded = super().embed(images)
        return embedded - embedded.mean(axis=0) / 2 if len(images) < 8 else embedded


class FixedAugmentation(Pixels):
    """Augments at test too; the seed is fixed, so that it looks deterministic."""

    def embed(self, images):
        noise = np.random.default_rng(0).random(images.shape)
        return super().embed(images + 0.3 * noise)


class Assigning(Pixels):
    """Takes from each score what other queries get."""

    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores - scores.mean(axis=-2, keepdims=True) / 2


class Fading(Pixels):
    """Trusts later queries less."""

    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores * 0.99 ** np.arange(scores.shape[-2])[:, None]


class Softmax(Pairs):
    """Level 2; a pair's score depends on the other pairs."""

    def score(self, query_images, support_images):
        scores = np.exp(super().score(query_images, support_images))
        return scores / scores.sum(axis=1, keepdims=True)


class FirstSupport(Pixels):
    """The first of the support is preferred, wherever it belongs."""

    def compare(self, query, support):
        scores = super().compare(query, support)
        scores[..., 0] += 0.05
        return scores


class FirstClass(Classifier):
    """Class 0 is preferred."""

    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        scores[:, 0] += 0.05
        return scores


class OverEpisodes(Pixels):
    """Takes the first axis, of episodes, for the queries."""

    def compare(self, query, support):
        scores = super().compare(query, support)
        return scores - scores.mean(axis=0, keepdims=True) / 2 if scores.ndim == 3 else scores


class Distance(Pixels):
    """A distance that does not say so."""

    def compare(self, query, support):
        return 1 - super().compare(query, support)


class Containment(Pairs):
    """How much of the query's ink is in the support."""

    def score(self, query_images, support_images):
        query, support = (
            images.reshape(len(images), -1).astype(float)
            for images in (query_images, support_images)
        )
        return query @ support.T / np.maximum(query.sum(axis=1, keepdims=True), 1)


class ByAddress(Pixels):
    """Remembers embeddings by the array that they are of."""

    def __init__(self):
        self.known = {}

    def embed(self, images):
        if id(images) not in self.known:
            self.known[id(images)] = images, super().embed(images)
        return self.known[id(images)][1]


class MemoryOrder(Pixels):
    """Reads pixels as they lie in memory."""

    def embed(self, images):
        return super().embed(images.ravel(order="K").reshape(images.shape))


class InPlace(Pixels):
    """Marks what it has seen, in a row that it does not look at."""

    def embed(self, images):
        images[:, 0] ^= 1
        return super().embed(images[:, 1:])


class Writable(Pixels):
    """Asks for an array that it could write into."""

    def embed(self, images):
        images[0, 0, 0] = images[0, 0, 0]
        return super().embed(images)


class Wrapping:
    """Level 2; subtracts unsigned bytes."""

    smaller_is_closer = True

    def score(self, query_images, support_images):
        apart = np.abs(query_images[:, None] - support_images[None])
        return apart.sum(axis=(2, 3), dtype=np.float64)


class SeedReader(Pixels):
    """Depends on how the global generator was seeded, without drawing from it."""

    def compare(self, query, support):
        state = np.random.get_state()[1]  # noqa: NPY002
        return super().compare(query, support) * (1 + state[5] % 7)


class Reseeding(Pixels):
    """Seeds the global generator of everyone."""

    def embed(self, images):
        np.random.seed(0)  # noqa: NPY002
        return super().embed(images)


class Learner(Pixels):
    """Each call changes it a little."""

    calls = 0

    def embed(self, images):
        self.calls += 1
        return super().embed(images) * (1 + 1e-6 * self.calls)


class BatchNormalised(Pixels):
    """Batch normalisation in training mode."""

    def embed(self, images):
        flat = images[:, ::3, ::3].reshape(len(images), -1).astype(np.float32)
        flat = (flat - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + 1e-3)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1)


class OtherSeed(Pixels):
    """One library is seeded, and another one drawn from."""

    def embed(self, images):
        random.seed(0)
        return super().embed(images + 0.3 * np.random.random(images.shape))  # noqa: NPY002


class WrappingEmbeddings(Pixels):
    """Embeddings are the pixels, as bytes."""

    smaller_is_closer = True

    def embed(self, images):
        return images.reshape(len(images), -1).astype(np.uint8)

    def compare(self, query, support):
        apart = [np.abs(query - support[..., i, None, :]) for i in range(support.shape[-2])]
        return np.stack([one.sum(axis=-1, dtype=np.float64) for one in apart], axis=-1)


class ByteCount(Wrapping):
    """Counts pixels in a byte."""

    def score(self, query_images, support_images):
        return (query_images[:, None] != support_images[None]).sum(axis=(2, 3), dtype=np.uint8)


class ScaledBytes(Wrapping):
    """Scales pixels to 255 before it subtracts; signed bytes it cannot read."""

    def score(self, query_images, support_images):
        return super().score(query_images * 255, support_images * 255)


class Transposed(Pairs):
    """Gives queries for classes."""

    def score(self, query_images, support_images):
        return super().score(query_images, support_images).T


class SameOrder(Classifier):
    """Takes the i-th query to be of the i-th class."""

    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        ways = scores.shape[1]
        return scores + np.eye(ways)[np.arange(len(scores)) % ways]


class SortedLabels(Classifier):
    """Takes labels to be sorted."""

    def classify(self, support_images, support_labels, query_images):
        return super().classify(support_images, np.sort(support_labels), query_images)


class AlwaysFirst(Classifier):
    """Answers class 0, which is right where the true class is always there."""

    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        return scores * 0 - np.arange(scores.shape[1])


class QueriesForClasses(Classifier):
    """Normalises over the queries of a class: its best query is taken for an answer."""

    def classify(self, support_images, support_labels, query_images):
        scores = np.exp(9 * super().classify(support_images, support_labels, query_images))
        return scores / scores.sum(axis=0, keepdims=True)


class SharedMemory(Pixels):
    """All models share what one of them has embedded."""

    known: ClassVar[dict] = {}

    def __init__(self, power=1):
        self.power = power

    def embed(self, images):
        key = images.tobytes()
        if key not in self.known:
            rows = np.arange(105)[:, None] ** self.power
            self.known[key] = super().embed(images * rows)
        return self.known[key]


class Raises(Pixels):
    def compare(self, query, support):
        raise RuntimeError("out of\nluck")


class Buggy(Sampler):
    """Draws as it should, and spoils it."""

    def block(self, index):
        drawn = super().block(index)
        return self.spoiled(
            Episodes(drawn.support.copy(), drawn.query.copy(), drawn.target.copy()), index
        )

    def spoiled(self, drawn, index):
        return drawn


class WithReplacement(Buggy):
    """The second class is the first once more, by other drawers."""

    def spoiled(self, drawn, index):
        codes = self.dataset.character_codes
        for support, query, target in zip(drawn.support, drawn.query, drawn.target, strict=True):
            of_first = np.flatnonzero(codes == codes[support[0, 0]])
            first = [support[0, 0], *query[target == 0]]
            free = np.setdiff1d(of_first, first)
            support[1, 0], query[target == 1] = free[:2]
        return drawn


class OwnSupport(Buggy):
    """The query is its own support image."""

    def spoiled(self, drawn, index):
        return Episodes(
            drawn.support,
            np.take_along_axis(drawn.support[..., 0], drawn.target.astype(int), axis=1),
            drawn.target,
        )


class Copies(Sampler):
    """Every image is there twice, as two images."""

    def __init__(self, protocol, dataset, seed=1):
        bits = dataset.images.bits.copy()
        bits[1::2] = bits[0::2]
        images = dataclasses.replace(dataset.images, bits=bits)
        super().__init__(protocol, dataclasses.replace(dataset, images=images), seed)


class WrongLabels(Buggy):
    """Images were shuffled, and labels not."""

    def spoiled(self, drawn, index):
        ways = drawn.support.shape[1]
        return Episodes(drawn.support, drawn.query, ((drawn.target + 1) % ways).astype(np.int16))


class OrderedQueries(Buggy):
    """Queries come in the order of the classes."""

    def spoiled(self, drawn, index):
        order = np.argsort(drawn.target, axis=1)
        ordered = (np.take_along_axis(one, order, axis=1) for one in (drawn.query, drawn.target))
        return Episodes(drawn.support, *ordered)


class TrueClassFirst(Buggy):
    """The class of the first query is moved to place 0."""

    def spoiled(self, drawn, index):
        for support, target in zip(drawn.support, drawn.target, strict=True):
            place = target[0]
            support[[0, place]] = support[[place, 0]]
            zero = target == 0
            target[target == place] = 0
            target[zero] = place
        return drawn


class TurnedCopies(Buggy):
    """The images of the last class are turned."""

    def spoiled(self, drawn, index):
        last = drawn.support.shape[1] - 1
        drawn.support[:, last] += len(self.dataset)
        drawn.query[drawn.target == last] += len(self.dataset)
        return drawn


class Pretending:
    """Draws the episodes of another protocol than it says."""

    drawn: ClassVar[dict] = {}

    def __init__(self, protocol, dataset, seed=1):
        self._sampler = Sampler(dataclasses.replace(protocol, **self.drawn), dataset, seed)
        self.protocol, self.dataset, self.seed = protocol, dataset, seed
        self.episodes = self._sampler.episodes
        self.block, self.blocks = self._sampler.block, self._sampler.blocks


class FewerWays(Pretending):
    drawn: ClassVar = {"fewest_ways": 3}


class AllAlphabets(Pretending):
    drawn: ClassVar = {"structure": "between"}


class AnyDrawers(Pretending):
    drawn: ClassVar = {"drawers": "any"}


class PutBack(Pretending):
    drawn: ClassVar = {"reuse": "independent"}


class LeavesOutMore(Sampler):
    """Leaves out a class that is large enough."""

    def __init__(self, protocol, dataset, seed=1):
        super().__init__(protocol, dataset, seed)
        self._pool.group_sizes = self._pool.group_sizes - 1


class SameWorkers(Buggy):
    """Every other worker draws what the one before it has drawn."""

    def block(self, index):
        return super().block(index // 2)


class IgnoresSeed(Sampler):
    def __init__(self, protocol, dataset, seed=1):
        super().__init__(protocol, dataset, 1)


class ShuffledAtLoad(Sampler):
    """Classes are shuffled by the global generator when the data are loaded."""

    def __init__(self, protocol, dataset, seed=1):
        super().__init__(protocol, dataset, seed)
        order = np.random.permutation(len(self._pool.items))  # noqa: NPY002
        self._pool.items = self._pool.items[order]


class OneStream(Sampler):
    """All blocks are drawn from one stream, in the order in which they are asked for."""

    def __init__(self, protocol, dataset, seed=1):
        super().__init__(protocol, dataset, seed)
        self._only = super()._stream(1)

    def _stream(self, *key):
        return self._only
