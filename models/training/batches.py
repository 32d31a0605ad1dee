"""The order of a training's batches; any batch can be computed without the others."""

from __future__ import annotations

import numpy as np


def rng_of(seed: int, *key: int) -> np.random.Generator:
    """Gives the random generator for a seed and a key.

    Args:
        seed: Seed of the training.
        *key: Numbers that identify the use, such as stage and step.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class Epochs:
    """The endless sequence of batches of shuffled epochs; `epochs[step]` gives a batch."""

    def __init__(self, seed: int, key: int, items: int, batch: int) -> None:
        """Keeps the sizes; an epoch is shuffled when one of its batches is asked for.

        Args:
            seed: Seed of the training.
            key: Number that identifies the stage.
            items: Number of items in an epoch.
            batch: Number of items in a batch; an incomplete last batch is left out.
        """
        self._seed, self._key, self._items = seed, key, items
        self._batch = min(batch, items)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __getitem__(self, step: int) -> np.ndarray:
        epoch, place = divmod(step, self._items // self._batch)
        if self._order[0] != epoch:
            order = rng_of(self._seed, self._key, epoch).permutation(self._items)
            self._order = (epoch, order)
        return self._order[1][place * self._batch : (place + 1) * self._batch]
