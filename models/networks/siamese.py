"""The Siamese network: one tower for both images; a join and a head compare embeddings."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...tasks import readable, reason
from ..backend import designed_settings
from ..errors import ModelError
from . import comparison
from .backbones import backbone
from .checkpoint import counted, inspect
from .layers import QuarterTurns
from .network import Network
from .pixels import view
from .relation_head import RelationHead

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

_register = keras.saving.register_keras_serializable(package="wayshot")

HIDDEN = 512
"""Width of the dense head (the published network)."""


@_register
class Comparison(keras.layers.Layer):
    """Join and head: from a pair of embeddings to a logit.

    It gives a logit, because the sigmoid of the published networks saturates in
    float32 and would cause ties.
    """

    def __init__(self, join: str, head: str, **options: Any) -> None:
        """Keeps join and head.

        Args:
            join: One of `comparison.JOINS`.
            head: One of `comparison.HEADS`, or `attention` for cosines.
            **options: Options of every Keras layer.

        Raises:
            ModelError: There is no such join or head.
        """
        super().__init__(**options)
        known = join in comparison.JOINS and head in comparison.HEADS
        if not known and (join, head) != ("cosine", "attention"):
            raise ModelError(
                f"join {join!r} and head {head!r}, expected one of "
                f"{', '.join(comparison.JOINS)} and one of {', '.join(comparison.HEADS)}; or "
                f"{' or '.join(' and '.join(one) for one in comparison.OF_EPISODES)}"
            )
        self.join, self.head = join, head

    def build(self, input_shape: Any) -> None:
        """Makes the head's weights for two embeddings of shape (B, D)."""
        width = input_shape[0][-1]
        if self.head == "dense":
            self.hidden_kernel = self.add_weight(
                shape=(width, HIDDEN), initializer="glorot_uniform", name="hidden_kernel"
            )
            self.hidden_bias = self.add_weight(
                shape=(HIDDEN,), initializer="zeros", name="hidden_bias"
            )
            width = HIDDEN
        if self.head not in ("similarity", "attention"):
            plain = self.head == "weighted" and self.join in ("product", "cosine")
            # The width of the initial dense weights of Koch et al. (2015).
            start = "ones" if plain else keras.initializers.RandomNormal(0.0, 0.2)
            if self.head == "dense":
                start = keras.initializers.RandomNormal(0.0, (2 / (HIDDEN + 1)) ** 0.5)
            self.weighting = self.add_weight(shape=(width,), initializer=start, name="weighting")
            self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, pair: Any) -> Any:
        """Compares embeddings (B, D) with embeddings (B, D); gives logits (B, 1)."""
        first, second = pair
        if self.join == "cosine":
            first, second = (ops.normalize(one, axis=-1) for one in pair)
        if self.join == "difference":
            x = ops.abs(first - second)
        elif self.join == "squared":
            x = ops.square(first - second)
        else:
            x = first * second
        if self.head in ("similarity", "attention"):
            sign = -1 if self.join in ("difference", "squared") else 1
            alike = sign * ops.sum(x, axis=-1, keepdims=True)
            return ops.exp(alike) if self.head == "attention" else alike
        if self.head == "dense":
            x = ops.relu(ops.matmul(x, self.hidden_kernel) + self.hidden_bias)
        return ops.sum(x * self.weighting, axis=-1, keepdims=True) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Gives the shape (B, 1)."""
        return (input_shape[0][0], 1)

    def get_config(self) -> dict[str, Any]:
        """Describes the layer, for `from_config`."""
        return {**super().get_config(), "join": self.join, "head": self.head}

    def arrays(self) -> dict[str, np.ndarray]:
        """Gives the head's weights by name, for `comparison.compare`."""
        return {
            weight.name: np.asarray(ops.convert_to_numpy(weight), dtype=np.float32)
            for weight in self.weights
        }


@_register
class Siamese(keras.Model):
    """A Siamese network over small images.

    Attributes:
        tower: The tower, from (B, size, size, channels) to embeddings (B, D).
        head: The comparison, from a pair of embeddings to a logit.
        pixels: How images are prepared for the tower, one of `pixels.VIEWS`.
    """

    def __init__(
        self,
        tower: keras.Model,
        head: Comparison | RelationHead,
        pixels: str = "area",
        **options: Any,
    ) -> None:
        """Joins a tower and a head, whose weights are made if necessary.

        Args:
            tower: The tower, from (B, size, size, channels) to (B, D).
            head: The comparison.
            pixels: One of `pixels.VIEWS`.
            **options: Options of every Keras model.
        """
        super().__init__(**options)
        self.tower = tower
        self.head = head
        self.pixels = pixels
        if not head.built:
            head.build([tower.output_shape, tower.output_shape])
            head.built = True
        self.built = True

    def call(self, pair: Any, training: bool | None = None) -> Any:
        """Gives the logits (B, 1) that the images of pairs show the same character.

        Args:
            pair: First and second images (B, size, size, channels), or both
                in one tensor (B, 2 size, size, channels), the first above
                the second.
            training: Whether batches are normalised by themselves.
        """
        first, second = pair if isinstance(pair, list | tuple) else ops.split(pair, 2, axis=1)
        return self.head(
            [self.tower(first, training=training), self.tower(second, training=training)]
        )

    def get_config(self) -> dict[str, Any]:
        """Describes tower, head and pixels, for `from_config`."""
        return {
            "name": self.name,
            "tower": keras.saving.serialize_keras_object(self.tower),
            "head": keras.saving.serialize_keras_object(self.head),
            "pixels": self.pixels,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Siamese:
        """Makes the network that `get_config` described, without its weights.

        Args:
            config: As from `get_config`.
            custom_objects: As in Keras.
        """
        parts = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects)
            for key in ("tower", "head")
        }
        return cls(name=config["name"], pixels=config["pixels"], **parts)

    @property
    def size(self) -> int:
        """Height and width of the tower's input, in pixels."""
        return self.tower.input_shape[1]

    @property
    def channels(self) -> int:
        """Number of equal channels of the tower's input."""
        return self.tower.input_shape[-1]

    @property
    def network(self) -> keras.Model:
        """The tower; or the network inside it that is applied to all four orientations."""
        last = self.tower.layers[-1]
        return last.network if isinstance(last, QuarterTurns) else self.tower

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds images in one batch.

        Args:
            images: uint8 ndarray (B, side, side), ink = 1.

        Returns:
            float32 ndarray (B, D).
        """
        seen = view(images, self.size, self.pixels)
        if self.channels > 1:
            seen = np.repeat(seen, self.channels, axis=-1)
        return ops.convert_to_numpy(self.tower.predict_on_batch(seen)).astype(
            np.float32, copy=False
        )

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares every query with every support embedding.

        Args:
            query: float32 ndarray (..., Q, D).
            support: float32 ndarray (..., S, D).

        Returns:
            float32 ndarray (..., Q, S): logits that two images show the same
            character.
        """
        return comparison.compare(
            self.head.join, self.head.head, self.head.arrays(), query, support
        )


def assemble(network: Network, name: str) -> Siamese:
    """Makes an untrained Siamese network.

    Args:
        network: The parts of the network.
        name: Name of the network.

    Raises:
        ModelError: There is no such backbone, join or head.
    """
    tower = backbone(network.backbone).build()
    if network.quarter_turns:
        image = keras.Input(tower.input_shape[1:], name="image")
        tower = keras.Model(image, QuarterTurns(tower)(image), name=f"{tower.name}-turned")
    if (network.join, network.head) == (RelationHead.join, RelationHead.head):
        head = RelationHead(name="head")
    else:
        # In float32, because half precision loses the third digit of cosines and distances.
        exact = {"dtype": "float32"} if network.head in ("similarity", "attention") else {}
        head = Comparison(network.join, network.head, name="head", **exact)
    return Siamese(tower, head, network.pixels, name=name)


def load_network(path: str | Path) -> Any:
    """Loads any network of plain layers from a `.keras` file, in Keras's safe mode.

    The file is checked before Keras reads it; see `checkpoint.inspect`. Loss and metrics that
    the network was trained with are not loaded.

    Args:
        path: Path of the file.

    Returns:
        The Keras model.

    Raises:
        ModelError: The file is missing, damaged, or holds more than plain layers.
    """
    if not Path(path).is_file():
        raise ModelError(f"checkpoint {path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"checkpoint {path}: damaged, or not a .keras file")
    try:
        with designed_settings(), counted(inspect(Path(path))):
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(f"checkpoint {path}: cannot be loaded ({reason(error)})") from None


def load_checkpoint(path: str | Path) -> Siamese:
    """Loads a Siamese network from a `.keras` file, as `load_network` does.

    Raises:
        ModelError: The file is missing, damaged, or is not a Siamese network.
    """
    model = load_network(path)
    if not isinstance(model, Siamese):
        raise ModelError(
            f"checkpoint {path}: holds a {readable(type(model).__name__)[:100]}, expected a "
            "wayshot Siamese; wayshot.wrap makes a scorer of other models"
        )
    return model
