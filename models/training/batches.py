"""The batches of a training: any one can be computed without the others, and ahead of its step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

_THREADS, _AHEAD = 2, 8


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
        # Other threads may ask for batches of another epoch meanwhile.
        known, order = self._order
        if known != epoch:
            order = rng_of(self._seed, self._key, epoch).permutation(self._items)
            self._order = (epoch, order)
        return order[place * self._batch : (place + 1) * self._batch]


class _Ahead(keras.utils.PyDataset):
    """Some consecutive batches, prepared ahead in threads."""

    def __init__(self, prepare: Callable[[int], Any], first: int, last: int) -> None:
        super().__init__(workers=_THREADS, max_queue_size=_AHEAD)
        self._prepare, self._first, self._last = prepare, first, last

    def __len__(self) -> int:
        return self._last - self._first

    def __getitem__(self, index: int) -> Any:
        return self._prepare(self._first + index)


class _Unasked(keras.callbacks.CallbackList):
    """Keras's list of callbacks, which fetches the loss of every step, but without that."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Does nothing."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Does nothing."""


class Stage:
    """A stage of a training.

    Attributes:
        model: The compiled Keras model that is trained, with its optimizer.
        turning_point: Number of the step before which `small` is trained in place of `model`.
        small: The model of the steps before the turning point.
    """

    model: Any
    small: Any = None
    turning_point: int = 0

    def prepare(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draws a batch.

        Args:
            step: Number of the batch; all random numbers depend only on it.

        Returns:
            Inputs of the model, and the truth.
        """
        raise NotImplementedError

    def settle(self) -> None:
        """Gives the model the averages of its weights, if the optimizer keeps them."""
        if self.model.optimizer.use_ema:
            self.model.optimizer.settle(self.model.trainable_variables)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Does as `settle`, until the context is left."""
        kept = self.model.trainable_variables if self.model.optimizer.use_ema else []
        # Copies, as PyTorch's arrays change with the weights.
        trained = [np.array(keras.ops.convert_to_numpy(weight)) for weight in kept]
        self.settle()
        try:
            yield
        finally:
            for weight, value in zip(kept, trained, strict=True):
                weight.assign(value)

    def train(self, first: int, last: int) -> float:
        """Trains on some consecutive batches, and fetches nothing from the device until the last.

        Args:
            first: Number of the first batch.
            last: Number of the batch after the last; both are on one side of the turning point.

        Returns:
            The mean loss.
        """
        model = self.small if first < self.turning_point else self.model
        unasked = _Unasked(add_history=True, model=model)
        batches = _Ahead(self.prepare, first, last)
        model.fit(batches, shuffle=False, verbose=0, callbacks=unasked)
        return float(model.history.history["loss"][0])
