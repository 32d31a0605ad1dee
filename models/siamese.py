"""The Siamese network: one tower for both images, and a head that compares."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .comparison import weighted_product
from .errors import ModelError
from .pixels import shrink, tower_matrix

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

_register = keras.saving.register_keras_serializable(package="wayshot")


@_register
class WeightedProduct(keras.layers.Layer):
    """Learned weighting of the product of two embeddings, and a bias.

    As the head of Koch et al. (2015), but on the products of the components
    instead of their absolute differences. On embeddings of length one this
    is a learned weighting of the squared differences too, and all pairs of
    an episode come out of one matrix product. The result is a logit:
    the sigmoid saturates in float32 and would make ties.
    """

    def build(self, input_shape: Any) -> None:
        """Makes one weight for each component, and the bias."""
        self.weighting = self.add_weight(
            shape=(input_shape[0][-1],), initializer="ones", name="weighting"
        )
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, pair: Any) -> Any:
        """Compares embeddings (B, D) with embeddings (B, D); gives logits (B, 1)."""
        first, second = pair
        products = first * second * self.weighting
        return ops.sum(products, axis=-1, keepdims=True) + self.bias

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares all queries (..., Q, D) with all support (..., S, D) embeddings."""
        weights = ops.convert_to_numpy(self.weighting)
        return weighted_product(query, support, weights, float(ops.convert_to_numpy(self.bias)))


@_register
class Siamese(keras.Model):
    """A Siamese network over small grey images.

    Attributes:
        tower: From (B, size, size, 1) to embeddings (B, D).
        head: From a pair of embeddings to a logit.
    """

    def __init__(self, tower: keras.Model, head: WeightedProduct, **options: Any) -> None:
        super().__init__(**options)
        self.tower = tower
        self.head = head
        if not head.built:
            head.build([tower.output_shape, tower.output_shape])
        self.built = True

    def call(self, pair: Any) -> Any:
        """Gives the logits (B, 1) that the images (B, size, size, 1) of pairs show one character.

        Args:
            pair: First and second images.
        """
        first, second = pair
        return self.head([self.tower(first), self.tower(second)])

    def get_config(self) -> dict[str, Any]:
        """Describes tower and head, for `from_config`."""
        return {
            "name": self.name,
            "tower": keras.saving.serialize_keras_object(self.tower),
            "head": keras.saving.serialize_keras_object(self.head),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Siamese:
        """Makes the network that `get_config` described, without its weights."""
        parts = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects)
            for key in ("tower", "head")
        }
        return cls(name=config["name"], **parts)

    @property
    def size(self) -> int:
        """Height and width of the tower's input, in pixels."""
        return self.tower.input_shape[1]

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds images in one batch.

        Args:
            images: uint8 ndarray (B, side, side), ink = 1.

        Returns:
            float32 ndarray (B, D).
        """
        matrix = tower_matrix(images.shape[1], self.size)
        return np.asarray(self.tower.predict_on_batch(shrink(images, matrix)))


def load_checkpoint(path: str | Path) -> Siamese:
    """Loads a Siamese network from a `.keras` file, in Keras's safe mode.

    Raises:
        ModelError: The file is missing, damaged, or holds something else.
    """
    if not Path(path).is_file():
        raise ModelError(f"checkpoint {path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"checkpoint {path}: damaged, or not a .keras file")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        problem = " ".join(str(error).split())[:200]
        raise ModelError(f"checkpoint {path}: cannot be loaded ({problem})") from None
    if not isinstance(model, Siamese):
        raise ModelError(
            f"checkpoint {path}: holds a {type(model).__name__}, expected a wayshot Siamese; "
            "wrap other models in an object with embed and compare, and name it module:attribute"
        )
    return model
