"""Episodes: support, queries and targets, as indices of the images of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from . import splits
from .data import Dataset, Images, omniglot
from .errors import TaskError
from .pool import Pool
from .progress import Progress, quiet
from .protocol import Protocol

STREAM = 1
"""Part of every random stream. Raised when the same stream comes to give other episodes."""

BLOCK = 1024
"""Episodes that are drawn together, from one random stream."""


@dataclass(frozen=True, eq=False)
class Episodes:
    """Some consecutive episodes of a protocol.

    If the number of ways varies, missing classes and their queries are -1.

    Attributes:
        support: int32 ndarray of shape (E, ways, shots), rows of
            `Dataset.images`.
        query: int32 ndarray of shape (E, ways * queries), likewise.
        target: int16 ndarray of shape (E, ways * queries): the way of each
            query's class.
    """

    support: np.ndarray
    query: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.support)

    def __getitem__(self, which: slice) -> Episodes:
        return Episodes(self.support[which], self.query[which], self.target[which])


def _shuffled_queries(
    rng: np.random.Generator, query: np.ndarray, ways: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the queries (E, ways, queries) of each episode into random order."""
    count, most, queries = query.shape
    keys = rng.random((count, most * queries))
    if ways is not None:
        # The queries of missing classes go to the end.
        keys += np.repeat(np.arange(most) >= ways[:, None], queries, axis=1)
    order = np.argsort(keys, axis=1)
    target = (order // queries).astype(np.int16)
    shuffled = np.take_along_axis(query.reshape(count, most * queries), order, axis=1)
    if ways is not None:
        target[shuffled < 0] = -1
    return shuffled, target


def _distinct(rng: np.random.Generator, sizes: np.ndarray, count: int) -> np.ndarray:
    """Draws distinct numbers, in random order, for many rows at once.

    Args:
        rng: Source of `random()` alone, whose stream is the same everywhere.
        sizes: int ndarray (rows,): row i draws from 0 to sizes[i] - 1.
        count: How many a row; what goes beyond a row's size is meaningless.

    Returns:
        int32 ndarray (rows, count).
    """
    uniform = rng.random((count, len(sizes)))
    drawn = np.empty((len(sizes), count), dtype=np.int32)
    for j in range(count):
        # The rank among the numbers not drawn yet, then the number of that rank.
        number = (uniform[j] * np.maximum(sizes - j, 1)).astype(np.int32)
        if j == 1:
            number += number >= drawn[:, 0]
        elif j > 1:
            taken = np.sort(drawn[:, :j], axis=1)
            for i in range(j):
                number += number >= taken[:, i]
        drawn[:, j] = number
    return drawn


class Sampler:
    """The episodes of a protocol over a data set, in blocks.

    Block b depends on the protocol, the data, the seed and b alone.

    Attributes:
        protocol: The protocol.
        dataset: Its images.
        seed: The seed.
        episodes: Number of episodes; None if it is not limited.
        remarks: Those of the data set, and what of it the episodes leave out.
    """

    def __init__(self, protocol: Protocol, dataset: Dataset, seed: int = 1) -> None:
        """Prepares the classes to draw from.

        Args:
            protocol: The protocol.
            dataset: The images.
            seed: The seed.

        Raises:
            TaskError: The data do not allow such episodes.
        """
        if not 0 <= seed < 2**63:
            raise TaskError(f"seed {seed} is impossible, expected 0 to 2**63 - 1")
        self.protocol = protocol
        self.dataset = dataset
        self.seed = seed
        if protocol.rotations != "none" and dataset.images.shape[1] != dataset.images.shape[2]:
            raise TaskError(
                f"{protocol.name}: images of {dataset.images.shape[1]} x {dataset.images.shape[2]} "
                "pixels cannot be turned; make them square, as in images:PATH@84"
            )
        self._pool = Pool(protocol, dataset)
        self.remarks = (*dataset.remarks, *self._left_out())
        self.episodes: int | None = None
        if protocol.reuse == "once":
            self.episodes = len(self._once[0])

    def _left_out(self) -> list[str]:
        small = self._pool.left_out
        if not small:
            return []
        names = ", ".join(small[:10]) + (", ..." if len(small) > 10 else "")
        return [f"{len(small)} left out by -fitting, as they are too small: {names}"]

    def _stream(self, *key: int) -> np.random.Generator:
        sequence = np.random.SeedSequence([self.seed, STREAM], spawn_key=key)
        return np.random.Generator(np.random.PCG64(sequence))

    @cached_property
    def _once(self) -> tuple[np.ndarray, np.ndarray]:
        """The classes and images of all episodes that use every image at most once."""
        return self._pool.use_once(self._stream(0))

    def block(self, index: int) -> Episodes:
        """Draws a block.

        Args:
            index: Number of the block, from 0.

        Returns:
            `BLOCK` episodes; fewer, or none, if the images are used up.
        """
        pool, protocol = self._pool, self.protocol
        rng = self._stream(1, index)
        ways = None
        if protocol.reuse == "once":
            chosen = slice(index * BLOCK, (index + 1) * BLOCK)
            classes, items = (array[chosen] for array in self._once)
        else:
            groups = (rng.random(BLOCK) * len(pool.group_sizes)).astype(np.int32)
            sizes = pool.group_sizes[groups]
            if protocol.fewest_ways < protocol.ways:
                most = np.minimum(protocol.ways, sizes)
                span = most - protocol.fewest_ways + 1
                ways = protocol.fewest_ways + (rng.random(BLOCK) * span).astype(np.int32)
            picks = _distinct(rng, sizes, protocol.ways)
            classes = pool.group_classes[groups[:, None], np.minimum(picks, sizes[:, None] - 1)]
            if protocol.rotations == "apart":
                classes = classes * 4 + (rng.random(classes.shape) * 4).astype(np.int32)
            items = self._images(rng, classes)
        if ways is not None:
            items = np.where((np.arange(protocol.ways) < ways[:, None])[..., None], items, -1)
        query, target = _shuffled_queries(rng, items[..., protocol.shots :], ways)
        return Episodes(np.ascontiguousarray(items[..., : protocol.shots]), query, target)

    def _images(self, rng: np.random.Generator, classes: np.ndarray) -> np.ndarray:
        """Draws shots + queries images (E, ways, shots + queries) of the classes."""
        pool, protocol = self._pool, self.protocol
        count = protocol.shots + protocol.queries
        if protocol.drawers == "any":
            picks = _distinct(rng, pool.class_sizes[classes.ravel()], count)
            return pool.items[classes[..., None], picks.reshape(*classes.shape, count)]
        drawers = pool.items.shape[1]
        if protocol.drawers == "same":
            picks = _distinct(rng, np.full(len(classes), drawers), count)
            return pool.items[classes[..., None], picks[:, None, :]]
        order = _distinct(rng, np.full(len(classes), drawers), drawers)
        half = drawers // 2
        places = [
            _distinct(rng, np.full(classes.size, size), images).reshape(*classes.shape, images)
            + offset
            for size, images, offset in (
                (half, protocol.shots, 0),
                (drawers - half, protocol.queries, half),
            )
        ]
        who = np.take_along_axis(order[:, None, :], np.concatenate(places, axis=2), axis=2)
        return pool.items[classes[..., None], who]

    def blocks(self, episodes: int) -> Iterator[Episodes]:
        """Draws the first `episodes` episodes, block by block."""
        for index in range(-(-episodes // BLOCK)):
            block = self.block(index)[: episodes - index * BLOCK]
            if len(block):
                yield block


class OfficialRuns:
    """The official one-shot runs, with the interface of `Sampler`.

    Attributes:
        protocol: `protocol.RUNS`.
        dataset: Omniglot's evaluation set, in which the images of the runs are.
        seed: Always 0; nothing is drawn.
        episodes: 20.
        remarks: None.
    """

    seed = 0
    episodes = 20
    remarks: tuple[str, ...] = ()

    def __init__(self, protocol: Protocol, dataset: Dataset, runs: omniglot.Runs) -> None:
        """Finds the images of the runs in the evaluation set.

        Args:
            protocol: `protocol.RUNS`.
            dataset: Omniglot's evaluation set.
            runs: The images and labels of the runs.

        Raises:
            TaskError: An image is not in the evaluation set.
        """
        self.protocol, self.dataset = protocol, dataset
        assert isinstance(dataset.images, Images)
        row = {bits.tobytes(): i for i, bits in enumerate(dataset.images.bits)}
        found = [
            np.array([row.get(bits.tobytes(), -1) for bits in images.reshape(400, -1)], np.int32)
            for images in (runs.support, runs.query)
        ]
        if min(found[0].min(), found[1].min()) < 0:
            raise TaskError("all_runs: an image is not in the evaluation set; fetch it again")
        self._all = Episodes(
            found[0].reshape(20, 20, 1), found[1].reshape(20, 20), runs.target.astype(np.int16)
        )

    @classmethod
    def of(cls, protocol: Protocol, dataset: Dataset, episodes: Episodes) -> OfficialRuns:
        """Makes the runs of episodes that are known already.

        Args:
            protocol: `protocol.RUNS`.
            dataset: Omniglot's evaluation set.
            episodes: All runs.
        """
        runs = cls.__new__(cls)
        runs.protocol, runs.dataset, runs._all = protocol, dataset, episodes
        return runs

    def block(self, index: int) -> Episodes:
        """Gives the runs as block 0."""
        return self._all if index == 0 else self._all[:0]

    def blocks(self, episodes: int) -> Iterator[Episodes]:
        """Gives the first `episodes` runs."""
        yield self._all[:episodes]


Source = Sampler | OfficialRuns
"""Where episodes come from."""


def open_protocol(
    protocol: Protocol,
    seed: int = 1,
    data: str | Path | Dataset | None = None,
    progress: Progress = quiet,
) -> Source:
    """Loads a protocol's data and prepares its episodes.

    Args:
        protocol: The protocol.
        seed: Which random episodes; without meaning for the official runs.
        data: Folder of Omniglot, see `omniglot.data_folder`; for a protocol of
            `arrays`, the data set, see `data.from_arrays`.
        progress: Shows the progress of decoding or drawing the images.

    Raises:
        TaskError: The data are not there, are damaged, or do not allow such
            episodes.

    Examples:
        >>> from wayshot import tasks
        >>> source = tasks.open_protocol(tasks.parse("glyphs-within-5w1s"), seed=1)
        >>> episodes = source.block(0)[:100]
        >>> episodes.support.shape, episodes.query.shape
        ((100, 5, 1), (100, 5))
    """
    if protocol.is_official:
        if isinstance(data, Dataset):
            raise TaskError(f"{protocol.name} has data of its own; for data=, expected arrays-...")
        runs = omniglot.load_runs(data, progress)
        return OfficialRuns(protocol, omniglot.load("images_evaluation", data, progress), runs)
    return Sampler(protocol, splits.load(protocol.split, protocol.part, data, progress), seed)


def episodes_digest(source: Source, episodes: int) -> str:
    """Identifies episodes, so that they can be cited.

    Args:
        source: Where they come from.
        episodes: How many.

    Returns:
        SHA-256 in hexadecimal over the protocol's digest, the data set's
        digest, and block by block for support and query a number for each
        image, from its name (for pictures, its pixels) and its turns, and the
        targets. The order in which a machine lists the images is no part of
        it: episodes of one digest have the same images.
    """
    total = hashlib.sha256(f"{source.protocol.digest} {source.dataset.digest}".encode())
    numbers = source.dataset.numbers
    for block in source.blocks(episodes):
        for rows in (block.support, block.query):
            turns, images = np.divmod(rows, len(source.dataset))
            # Of a missing class, -1.
            named = np.where(rows < 0, np.uint64(0), numbers[images] + turns.astype(np.uint64))
            total.update(np.ascontiguousarray(named, dtype="<u8").data)
        total.update(np.ascontiguousarray(block.target, dtype="<i2").data)
    return total.hexdigest()
