"""Additions to Keras's optimizers."""

from __future__ import annotations

import math
from typing import Any

import keras

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


def without_decay(optimizer: Any) -> Any:
    """Excludes biases and normalisations from weight decay, and gives the optimizer."""
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class AveragingAdamW(keras.optimizers.AdamW):
    """AdamW that keeps a moving average of the weights (Keras's `use_ema`).

    Keras puts the averages in the place of the weights at the end of every `fit`; here this
    happens only when it is asked for.
    """

    def finalize_variable_values(self, var_list: Any) -> None:
        """Leaves the weights as they are."""

    def settle(self, weights: Any) -> None:
        """Puts the averages in the place of the weights.

        Args:
            weights: The weights that are trained.
        """
        super().finalize_variable_values(weights)


class WarmCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly and then falls as a cosine to nothing.

    As Keras's `CosineDecay`, but it never asks on the host which of both it is: with PyTorch,
    every step would wait for the device.
    """

    def __init__(self, peak: float, warmup_steps: int, steps: int) -> None:
        """Keeps the settings.

        Args:
            peak: The highest learning rate.
            warmup_steps: Steps of the rise.
            steps: Steps of rise and fall.
        """
        self._peak, self._rise = peak, warmup_steps
        self._fall = max(steps - warmup_steps, 1)

    def __call__(self, step: Any) -> Any:
        """Gives the learning rate of a step."""
        step = ops.cast(step, "float32")
        fallen = ops.clip((step - self._rise) / self._fall, 0.0, 1.0)
        falling = 0.5 * (1.0 + ops.cos(math.pi * fallen))
        return self._peak * ops.where(step < self._rise, step / max(self._rise, 1), falling)


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
