"""Training images: those of a recipe, with new random distortions in every batch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ...tasks import SHADES, Dataset, wanted
from ..networks import area_matrix, between_size, crops, shrink
from .augmentation import draw, restroke, sample
from .recipe import Recipe

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class TrainingImages:
    """The images of a recipe's training characters.

    Attributes:
        characters: Names `alphabet/character`.
        labels: int ndarray (n,), the index in `characters` of each image.
        alphabets: int ndarray (n,), the number of each image's alphabet.
    """

    def __init__(self, recipe: Recipe, seen: Dataset, size: int, channels: int) -> None:
        """Selects the images; they are shrunk at the first use.

        Args:
            recipe: The recipe, with the distortions.
            seen: The images, without held-out alphabets.
            size: Height and width of the tower's input.
            channels: Number of equal channels of the tower's input.
        """
        self._recipe, self._size, self._channels = recipe, size, channels
        drawn = seen.table.groupby(seen.character_codes).cumcount().to_numpy()
        if (drawn >= recipe.drawers).any():
            seen = seen.select(drawn < recipe.drawers, seen.name)
        self.characters = list(seen.characters["alphabet"] + "/" + seen.characters["character"])
        self.labels = seen.character_codes
        self.alphabets = seen.table["alphabet"].cat.codes.to_numpy()
        self._seen = wanted(seen.images, SHADES)
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def _sources(self, size: int) -> np.ndarray:
        """Gives all images in the size from which distortions to `size` start, (n, side, side)."""
        if size not in self._kept:
            # Only one size is kept, because the whole set is large.
            self._kept.clear()
            count, side = len(self), self._seen.side
            if self._recipe.network.pixels == "qucy":
                self._kept[size] = self._seen[np.arange(count)]
            else:
                matrix = area_matrix(side, between_size(side, size))
                parts = [
                    shrink(self._seen[start : start + 1024], matrix)[..., 0].astype(np.float16)
                    for start in range(0, count, 1024)
                ]
                self._kept[size] = np.concatenate(parts)
        return self._kept[size]

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

    def batch(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        turns: np.ndarray | int = 0,
        mirrored: np.ndarray | bool = False,
        size: int | None = None,
        pairs: bool = False,
    ) -> Any:
        """Gives a batch of distorted images for the tower.

        Args:
            rng: Source of random numbers.
            rows: int ndarray (B,), indices of the images.
            turns: Number of quarter turns of each image.
            mirrored: Whether to mirror each image, after turning.
            size: Height and width; None for those of the tower's input.
            pairs: Whether the images of the first and of the second half are
                pairs; both images of a pair get the same `qucy` crop.

        Returns:
            Float32 tensor (B, size, size, channels).
        """
        count, size = len(rows), size or self._size
        images = self._sources(size)[rows]
        turns, mirrored = np.broadcast_to(turns, count), np.broadcast_to(mirrored, count)
        for quarter in (1, 2, 3):
            images[turns == quarter] = np.rot90(images[turns == quarter], quarter, axes=(1, 2))
        if self._recipe.network.pixels == "qucy":
            offsets = rng.integers(0, 26, (count // 2 if pairs else count, 2))
            seen: Any = crops(images, size, np.tile(offsets, (2, 1)) if pairs else offsets)
            seen[mirrored] = seen[mirrored][:, :, ::-1]
            seen = ops.convert_to_tensor(seen)
        else:
            images[mirrored] = images[mirrored][:, :, ::-1]
            where = draw(rng, count, size, self._recipe.distortion)
            seen = sample(images.astype(np.float32), where)
            seen = restroke(seen, rng, self._recipe.distortion)
        return ops.repeat(seen, self._channels, axis=-1) if self._channels > 1 else seen
