"""Additions to Keras's optimizers."""

from __future__ import annotations

from typing import Any

import keras

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


def without_decay(optimizer: Any) -> Any:
    """Excludes biases and normalisations from weight decay, and gives the optimizer."""
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class RisingMomentum(keras.optimizers.SGD):
    """Gradient descent whose momentum rises linearly (Koch et al. 2015)."""

    def __init__(self, momentum: tuple[float, float], steps: int, **options: Any) -> None:
        """Keeps the two momentums.

        Args:
            momentum: Momentum at the start and at the end.
            steps: Number of steps over which it rises.
            **options: Options of Keras's `SGD`.
        """
        super().__init__(momentum=momentum[0], **options)
        self._ends, self._steps = momentum, steps

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable.

        Args:
            gradient: Gradient of the loss.
            variable: The variable.
            learning_rate: The learning rate.
        """
        low, high = self._ends
        share = ops.minimum(ops.cast(self.iterations, variable.dtype) / self._steps, 1.0)
        velocity = self.momentums[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        moved = (low + (high - low) * share) * velocity - rate * gradient
        self.assign(velocity, moved)
        self.assign_add(variable, moved)
