"""The anatomy of a tower: layers, parameters, FLOPs, receptive field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .layers import EfficientChannelAttention, QuarterTurns
from .relation import FILTERS, side_of
from .siamese import HIDDEN

# Without 1D, 2D or 3D at their end.
_LAYERS = (
    *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"),
    *("BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"),
    *("Normalization", "Rescaling", "UnitNormalization", "CustomScaleLayer", "LayerScale"),
    *("AveragePooling", "GlobalAveragePooling", "GlobalMaxPooling", "MaxPooling"),
    *("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("Cropping", "Flatten", "Permute", "RepeatVector", "Reshape", "UpSampling", "ZeroPadding"),
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("Identity", "Masking", "SpatialDropout"),
)
# Add, Multiply and so on are their names, too.
_FUNCTIONS = (
    *("Absolute", "Cast", "Clip", "Divide", "Exp", "Log", "Negative", "Power", "Sqrt", "Square"),
    *("TrueDivide", "Elu", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu", "Relu"),
    *("Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Tanh"),
)
UNCOUNTED = frozenset((*_LAYERS, *_FUNCTIONS))
"""Layers of Keras and functions of `keras.ops` without convolutions and products of matrices."""


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a network, or one function of `keras.ops` in it.

    Attributes:
        kind: Class of the layer.
        output: Shape of the output, without the batch.
        parameters: Number of parameters, including running averages.
        flops: Floating-point operations for one image in convolutions and
            dense layers; a multiplication and an addition count as two. None
            for kinds of layers that wayshot does not know.
        receptive_field: Side of the image region on which one output place can
            depend, in pixels; at most the whole image.
    """

    kind: str
    output: tuple[int, ...]
    parameters: int
    flops: int | None
    receptive_field: int


def _flops(layer: Any, taken: Any, given: Any) -> int | None:
    if isinstance(layer, QuarterTurns):
        once = tower_flops(layer.network)
        return None if once is None else 4 * once
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
    if isinstance(layer, keras.Sequential) or hasattr(layer, "operations"):
        return tower_flops(layer)
    kind = type(layer)
    # What others derive from these may do more.
    known = kind.__module__.partition(".")[0] in ("keras", "wayshot")
    return 0 if known and re.sub("[123]D$", "", kind.__name__) in UNCOUNTED else None


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
    # Sequential models have layers alone.
    for layer in getattr(tower, "operations", tower_any.layers):
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
        taken, given = tensors[0].shape, node.output_tensors[0].shape
        facts.append(
            LayerFacts(
                type(layer).__name__,
                tuple(given[1:]),
                layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
                _flops(layer, taken, given),
                field,
            )
        )
    return facts


def tower_flops(tower: keras.Model) -> int | None:
    """Counts the operations to embed an image.

    Args:
        tower: As for `dissect`.

    Returns:
        Floating-point operations in convolutions and dense layers; None if
        those of a layer are unknown.
    """
    counts = [layer.flops for layer in dissect(tower)]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def comparison_flops(join: str, head: str, width: int) -> int:
    """Counts the operations to compare two embeddings with `siamese.Comparison`.

    Args:
        join: One of `comparison.JOINS`, or of `comparison.OF_EPISODES`.
        head: One of `comparison.HEADS`, or of `comparison.OF_EPISODES`.
        width: Dimensions of an embedding.

    Returns:
        Floating-point operations from the two embeddings to the logit.
        Additions, multiplications, divisions, square roots, absolute values,
        exponentials and maxima count as one each; changes of sign do not count.
        Of a relation head, only convolutions and dense layers count.
    """
    if head == "relation":
        side = side_of(width)
        convolutions = 9 * FILTERS * FILTERS * (2 * side**2 + (side // 2) ** 2)
        return 2 * (convolutions + 8 * FILTERS * (side // 4) ** 2 + 8)
    count = width if join in ("product", "cosine") else 2 * width
    if join == "cosine":
        # For both embeddings: squares, their sum, its square root and the quotients.
        count += 2 * (3 * width)
    if head in ("similarity", "attention"):
        return count + width - 1 + (head == "attention")
    if head == "dense":
        # For each hidden unit: products, sum and bias (2 width), and the maximum (1).
        count += HIDDEN * (2 * width + 1)
        width = HIDDEN
    return count + 2 * width
