"""A drawing: the first episodes of a protocol, and the names of their images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ...tasks import Episodes, Source
from .findings import FAILED, PASSED, Answer


def joined(source: Source, episodes: int) -> Episodes:
    """Joins the first episodes of a source.

    Args:
        source: The source.
        episodes: Number of episodes.
    """
    blocks = list(source.blocks(episodes))
    return Episodes(
        np.concatenate([block.support for block in blocks]),
        np.concatenate([block.query for block in blocks]),
        np.concatenate([block.target for block in blocks]),
    )


def equal(first: Episodes, second: Episodes) -> bool:
    """Tells whether episodes are the same.

    Args:
        first: Episodes.
        second: Other episodes.
    """
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("support", "query", "target")
    )


def repeated(rows: np.ndarray) -> np.ndarray:
    """Tells for each row whether a number other than -1 occurs twice in it."""
    rows = np.sort(rows.reshape(len(rows), -1), axis=1)
    return ((rows[:, 1:] == rows[:, :-1]) & (rows[:, 1:] >= 0)).any(axis=1)


def whole_of(episodes: Episodes) -> np.ndarray:
    """Gives each episode as one value that can be counted, ndarray (E,)."""
    flat = [array.reshape(len(episodes), -1) for array in (episodes.support, episodes.query)]
    rows = np.ascontiguousarray(np.concatenate(flat, axis=1, dtype=np.int32))
    return rows.view(f"V{rows.shape[1] * rows.itemsize}").ravel()


class Drawing:
    """The first episodes of a protocol.

    Attributes:
        make: Prepares the episodes of a seed.
        seed: The seed.
        source: The source of the episodes.
        protocol: The protocol.
        count: Number of episodes.
    """

    def __init__(self, make: Callable[[int], Source], seed: int, episodes: int) -> None:
        """Prepares the source; episodes are drawn at their first use.

        Args:
            make: Prepares the episodes of a seed.
            seed: The seed.
            episodes: Number of episodes, at most.
        """
        self.make, self.seed = make, seed
        self.source = make(seed)
        self.protocol = self.source.protocol
        self.count = min(episodes, self.source.episodes or episodes)

    @cached_property
    def episodes(self) -> Episodes:
        """The episodes."""
        return joined(self.source, self.count)

    @cached_property
    def other(self) -> Episodes:
        """As many episodes of another seed."""
        return joined(self.make(self.seed ^ 1), self.count)

    @cached_property
    def ways(self) -> np.ndarray:
        """Number of classes of each episode, int ndarray (E,)."""
        return (self.episodes.support[:, :, 0] >= 0).sum(axis=1)

    def look(self, rows: np.ndarray, what: str) -> np.ndarray:
        """Gives the number of the character, alphabet, drawer or class of images.

        A class is a character at a rotation.

        Args:
            rows: int ndarray, rows of `Dataset.images`, -1 for no image.
            what: `character`, `alphabet`, `drawer` or `class`.

        Returns:
            int ndarray of the same shape, -1 for no image.
        """
        dataset = self.source.dataset
        turns, images = np.divmod(rows, len(dataset))
        if what in ("character", "class"):
            codes = dataset.character_codes[images]
            found = 4 * codes + turns if what == "class" else codes
        else:
            found = dataset.table[what].cat.codes.to_numpy()[images]
        return np.where(rows < 0, -1, found)

    def judged(self, wrong: np.ndarray, what: str) -> Answer:
        """Makes an answer from the episodes that are wrong.

        Args:
            wrong: bool ndarray (E,).
            what: What is wrong with them, in words.
        """
        count = int(wrong.sum())
        share = count / len(wrong)
        words = f"{count} of {len(wrong)} episodes {what}"
        return Answer(FAILED if count else PASSED, words, share)
