"""Training images: those of a recipe, with new random distortions in every batch.

What is random is drawn on the host, and is small; the images stay on the device, and the layer
that distorts them is the first of what is trained, compiled with it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ...tasks import SHADES, Dataset, wanted
from ..networks import area_matrix, between_size, crops, shrink
from .augmentation import draw, places, restroke, sample, turned
from .recipe import Distortion, Recipe

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class Distorted(keras.layers.Layer):
    """A layer that gives batches of distorted images; all images are its variable."""

    def __init__(
        self, images: np.ndarray, size: int, channels: int, distortion: Distortion
    ) -> None:
        """Keeps the images.

        Args:
            images: float16 ndarray (n, side, side), ink = 1.
            size: Height and width of what it gives.
            channels: Number of equal channels of what it gives.
            distortion: The ranges of the distortions.
        """
        super().__init__(trainable=False, dtype="float32")
        self.size, self.channels, self.distortion = size, channels, distortion
        # For `sample`.
        shape = (len(images), *(side + 2 for side in images.shape[1:]))
        self.images = self.add_weight(
            shape=shape, initializer="zeros", dtype="float16", trainable=False, autocast=False
        )
        self.images.assign(np.pad(images, ((0, 0), (1, 1), (1, 1))))
        self.built = True

    def call(self, drawn: dict[str, Any]) -> Any:
        """Gives images (B, size, size, channels).

        Args:
            drawn: The index of each image as `rows`, (B,), and as from `augmentation.draw`.
        """
        chosen = ops.cast(ops.take(self.images, drawn["rows"], axis=0), "float32")
        seen = restroke(sample(chosen, places(drawn, self.size)), drawn, self.distortion)
        return ops.repeat(seen, self.channels, axis=-1) if self.channels > 1 else seen


class Given(keras.layers.Layer):
    """A layer that gives batches of images as they come."""

    def __init__(self, channels: int) -> None:
        """Keeps the number of equal channels of what it gives."""
        super().__init__(trainable=False, dtype="float32")
        self.channels = channels

    def call(self, drawn: dict[str, Any]) -> Any:
        """Gives images (B, size, size, channels) of `images`, (B, size, size, 1)."""
        return ops.repeat(drawn["images"], self.channels, axis=-1)


class TrainingImages:
    """The images of a recipe's training characters.

    Attributes:
        characters: Names `alphabet/character`.
        originals: Those that are not made of others or made up.
        labels: int ndarray (n,), the index in `characters` of each image.
        alphabets: int ndarray (n,), the number of each image's alphabet.
    """

    def __init__(
        self,
        recipe: Recipe,
        seen: Dataset,
        size: int,
        channels: int,
        originals: int | None = None,
    ) -> None:
        """Selects the images; they are shrunk at the first use.

        Args:
            recipe: The recipe, with the distortions.
            seen: The images.
            originals: Number of the first characters that are not made of others or made up;
                None for all.
            size: Height and width of the tower's input.
            channels: Number of equal channels of the tower's input.
        """
        self._recipe, self._size, self._channels = recipe, size, channels
        self.characters = list(seen.characters["alphabet"] + "/" + seen.characters["character"])
        self.originals = self.characters[:originals]
        self.labels = seen.character_codes
        self.alphabets = seen.table["alphabet"].cat.codes.to_numpy()
        self._seen = wanted(seen.images, SHADES)
        self._layers: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def _sources(self, size: int) -> np.ndarray:
        """Gives all images in the size from which distortions to `size` start, (n, side, side)."""
        matrix = area_matrix(self._seen.side, between_size(self._seen.side, size))
        parts = [
            shrink(self._seen[start : start + 1024], matrix)[..., 0].astype(np.float16)
            for start in range(0, len(self), 1024)
        ]
        return np.concatenate(parts)

    def layer(self, size: int | None = None) -> Any:
        """Gives the layer that makes images for the tower of what `drawn` gives.

        Args:
            size: Height and width; None for those of the tower's input.

        Returns:
            A Keras layer; the same for the same size.
        """
        size = size or self._size
        if size not in self._layers:
            self._layers[size] = (
                Given(self._channels)
                if self._recipe.network.pixels == "qucy"
                else Distorted(self._sources(size), size, self._channels, self._recipe.distortion)
            )
        return self._layers[size]

    def embedded(
        self, siamese: Any, rows: np.ndarray, turn: int = 0, mirrored: bool = False
    ) -> np.ndarray:
        """Embeds undistorted images, after turning and mirroring them.

        Args:
            siamese: The network, a `siamese.Siamese`.
            rows: int ndarray (n,), indices of the images.
            turn: Number of quarter turns.
            mirrored: Whether to mirror the images, after turning.

        Returns:
            float32 ndarray (n, D).
        """
        parts = []
        for start in range(0, len(rows), 256):
            images = np.rot90(self._seen[rows[start : start + 256]], turn, axes=(1, 2))
            parts.append(siamese.embed(images[:, :, ::-1] if mirrored else images))
        return np.concatenate(parts)

    def drawn(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        turns: np.ndarray | int = 0,
        mirrored: np.ndarray | bool = False,
        size: int | None = None,
        pairs: bool = False,
    ) -> dict[str, np.ndarray]:
        """Draws what is random in a batch of distorted images.

        Args:
            rng: Source of random numbers.
            rows: int ndarray (B,), indices of the images.
            turns: Number of quarter turns of each image.
            mirrored: Whether to mirror each image, after turning.
            size: Height and width; None for those of the tower's input.
            pairs: Whether the images of the first and of the second half are
                pairs; both images of a pair get the same `qucy` crop.

        Returns:
            Inputs of the layer of this size.
        """
        count, size = len(rows), size or self._size
        turns, mirrored = np.broadcast_to(turns, count), np.broadcast_to(mirrored, count)
        if self._recipe.network.pixels != "qucy":
            drawn = turned(draw(rng, count, self._recipe.distortion), turns, mirrored)
            return {"rows": rows.astype(np.int32), **drawn}
        images = self._seen[rows]
        for quarter in (1, 2, 3):
            images[turns == quarter] = np.rot90(images[turns == quarter], quarter, axes=(1, 2))
        offsets = rng.integers(0, 26, (count // 2 if pairs else count, 2))
        seen = crops(images, size, np.tile(offsets, (2, 1)) if pairs else offsets)
        seen[mirrored] = seen[mirrored][:, :, ::-1]
        return {"images": seen}
