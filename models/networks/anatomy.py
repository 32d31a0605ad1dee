"""The anatomy of a tower: layers, parameters, FLOPs, receptive field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .layers import EfficientChannelAttention, QuarterTurns
from .siamese import HIDDEN


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a network.

    Attributes:
        kind: Class of the layer.
        output: Shape of the output, without the batch.
        parameters: Number of parameters, including running averages.
        flops: Floating-point operations for one image in convolutions and
            dense layers; a multiplication and an addition count as two.
        receptive_field: Side of the image region on which one output place can
            depend, in pixels; at most the whole image.
    """

    kind: str
    output: tuple[int, ...]
    parameters: int
    flops: int
    receptive_field: int


def _flops(layer: Any, taken: Any, given: Any) -> int:
    if isinstance(layer, QuarterTurns):
        return 4 * sum(one.flops for one in dissect(layer.network))
    if isinstance(layer, EfficientChannelAttention):
        return 2 * layer.kernel_size * taken[-1]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return 2 * int(np.prod(layer.kernel_size)) * int(np.prod(given[1:]))
    if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D | keras.layers.SeparableConv2D):
        if isinstance(layer, keras.layers.SeparableConv2D):
            places = int(np.prod(given[1:-1])) * taken[-1] * layer.depth_multiplier
            return 2 * places * (int(np.prod(layer.kernel_size)) + given[-1])
        each = int(np.prod(layer.kernel_size)) * (taken[-1] // layer.groups)
        return 2 * each * int(np.prod(given[1:]))
    if isinstance(layer, keras.layers.Dense):
        return 2 * taken[-1] * int(np.prod(given[1:]))
    if isinstance(layer, keras.Model):
        return sum(one.flops for one in dissect(layer))
    return 0


def _window(layer: Any) -> tuple[int, int]:
    """Gives the number of input places on which one output place depends, and the stride."""
    if isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        return layer.pool_size[0], layer.strides[0]
    if hasattr(layer, "kernel_size") and hasattr(layer, "strides"):
        return (layer.kernel_size[0] - 1) * layer.dilation_rate[0] + 1, layer.strides[0]
    if isinstance(layer, keras.Model | QuarterTurns | keras.layers.Dense | keras.layers.Flatten):
        return 10**6, 1
    if "Global" in type(layer).__name__ or isinstance(layer, EfficientChannelAttention):
        return 10**6, 1
    return 1, 1


def dissect(tower: keras.Model) -> list[LayerFacts]:
    """Describes the layers of a tower.

    Args:
        tower: A functional or sequential model, from (B, size, size, C) to (B, D).

    Returns:
        The layers in order, without the input layer. In a network with several
        paths, such as a residual network, the receptive field is that of the
        path with the largest field.
    """
    tower_any: Any = tower
    size = tower_any.input_shape[1]
    seen: dict[str, tuple[int, int]] = {}
    facts = []
    for layer in tower_any.layers:
        if isinstance(layer, keras.layers.InputLayer):
            seen[layer.name] = (1, 1)
            continue
        node = layer._inbound_nodes[0]
        tensors = node.input_tensors
        before = [seen.get(tensor._keras_history.operation.name, (1, 1)) for tensor in tensors]
        field, jump = max(before)
        window, stride = _window(layer)
        field = min(field + (window - 1) * jump, size)
        seen[layer.name] = (field, jump * stride)
        taken, given = tensors[0].shape, layer.output.shape
        facts.append(
            LayerFacts(
                type(layer).__name__,
                tuple(given[1:]),
                layer.count_params(),
                _flops(layer, taken, given),
                field,
            )
        )
    return facts


def comparison_flops(join: str, head: str, width: int) -> int:
    """Counts the operations to compare two embeddings with `siamese.Comparison`.

    Args:
        join: One of `comparison.JOINS`.
        head: One of `comparison.HEADS`.
        width: Dimensions of an embedding.

    Returns:
        Floating-point operations from the two embeddings to the logit.
        Additions, multiplications, divisions, square roots, absolute values
        and maxima count as one each; changes of sign do not count.
    """
    count = width if join in ("product", "cosine") else 2 * width
    if join == "cosine":
        # For both embeddings: squares, their sum, its square root and the quotients.
        count += 2 * (3 * width)
    if head == "similarity":
        return count + width - 1
    if head == "dense":
        # For each hidden unit: products, sum and bias (2 width), and the maximum (1).
        count += HIDDEN * (2 * width + 1)
        width = HIDDEN
    return count + 2 * width
