"""The relation head: a small network that compares the maps of two images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..errors import ModelError
from .relation import EPSILON, FILTERS, side_of

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

_HIDDEN = 8
_MOMENTUM = 0.99


@keras.saving.register_keras_serializable(package="wayshot")
class RelationHead(keras.layers.Layer):
    """The relation module of Sung et al. (CVPR 2018), from a pair of embeddings to a logit.

    An embedding is a map of 64 filters. The maps of both images, one behind the
    other, go through two blocks (convolution of 64, batch normalisation, ReLU,
    2 x 2 max pooling), a dense layer of 8 with ReLU, and one of 1. The paper
    ends in a sigmoid, which has the same order as this logit.
    """

    join, head = "concatenation", "relation"

    def build(self, input_shape: Any) -> None:
        """Makes the weights for two embeddings of shape (B, side * side * 64).

        Raises:
            ModelError: The embeddings are no maps of 64 filters.
        """
        width = input_shape[0][-1]
        self._side = side_of(width)
        if self._side < 4:
            raise ModelError(
                f"the relation head needs maps of {FILTERS} filters and at least 4 x 4 places, "
                f"not embeddings of {width} numbers; use the backbone conv-4-maps"
            )
        for block, channels in ((1, 2 * FILTERS), (2, FILTERS)):
            self._add(f"kernel_{block}", (3, 3, channels, FILTERS), "he_normal")
            for name in ("bias", "beta"):
                self._add(f"{name}_{block}", (FILTERS,), "zeros")
            self._add(f"gamma_{block}", (FILTERS,), "ones")
            self._add(f"mean_{block}", (FILTERS,), "zeros", trainable=False)
            self._add(f"variance_{block}", (FILTERS,), "ones", trainable=False)
        places = (self._side // 4) ** 2
        self._add("hidden_kernel", (places * FILTERS, _HIDDEN), "glorot_uniform")
        self._add("hidden_bias", (_HIDDEN,), "zeros")
        start = keras.initializers.RandomNormal(0.0, (2 / (_HIDDEN + 1)) ** 0.5)
        self._add("weighting", (_HIDDEN,), start)
        self._add("bias", (), "zeros")

    def _add(self, name: str, shape: tuple[int, ...], start: Any, trainable: bool = True) -> None:
        weight = self.add_weight(shape=shape, initializer=start, name=name, trainable=trainable)
        setattr(self, f"w_{name}", weight)

    def _normalised(self, x: Any, block: int, training: bool | None) -> Any:
        averages = [getattr(self, f"w_{name}_{block}") for name in ("mean", "variance")]
        if training:
            moments = ops.moments(ops.cast(x, "float32"), axes=(0, 1, 2))
            for average, moment in zip(averages, moments, strict=True):
                average.assign(_MOMENTUM * average + (1 - _MOMENTUM) * moment)
        else:
            moments = averages
        mean, variance = (ops.cast(one, x.dtype) for one in moments)
        gamma, beta = (getattr(self, f"w_{name}_{block}") for name in ("gamma", "beta"))
        return (x - mean) / ops.sqrt(variance + EPSILON) * gamma + beta

    def call(self, pair: Any, training: bool | None = None) -> Any:
        """Compares embeddings (B, D) with embeddings (B, D); gives logits (B, 1).

        Args:
            pair: The embeddings of the queries, and those of the supports.
            training: Whether batches are normalised by themselves.
        """
        shape = (-1, self._side, self._side, FILTERS)
        x = ops.concatenate([ops.reshape(one, shape) for one in pair], axis=-1)
        for block in (1, 2):
            kernel, bias = (getattr(self, f"w_{name}_{block}") for name in ("kernel", "bias"))
            x = ops.conv(x, kernel, padding="same") + bias
            x = ops.relu(self._normalised(x, block, training))
            x = ops.max_pool(x, 2, strides=2, padding="valid")
        x = ops.reshape(x, (-1, self.w_hidden_kernel.shape[0]))
        x = ops.relu(ops.matmul(x, self.w_hidden_kernel) + self.w_hidden_bias)
        return ops.sum(x * self.w_weighting, axis=-1, keepdims=True) + self.w_bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Gives the shape (B, 1)."""
        return (input_shape[0][0], 1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Gives the weights by name, for `relation.relate`."""
        return {
            weight.name: np.asarray(ops.convert_to_numpy(weight), dtype=np.float32)
            for weight in self.weights
        }
