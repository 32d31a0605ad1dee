"""The images that a network is trained on, distorted anew each time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ...tasks import Dataset
from ..networks import area_matrix, between_size, crops, shrink
from .augmentation import draw, restroke, sample
from .recipe import Recipe

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class TrainingImages:
    """The images of a recipe's training characters.

    Attributes:
        characters: Names `alphabet/character`.
        labels: int ndarray (n,), each image's place in `characters`.
        alphabets: int ndarray (n,), each image's alphabet.
    """

    def __init__(self, recipe: Recipe, seen: Dataset, size: int, channels: int) -> None:
        """Shrinks the images, but not as far as the tower sees them.

        Args:
            recipe: How to distort them.
            seen: The images, those of held-out alphabets taken out.
            size: Height and width of the tower's input.
            channels: Of the tower's input, all the same.
        """
        self._recipe, self._size, self._channels = recipe, size, channels
        drawn = seen.table.groupby(seen.character_codes).cumcount().to_numpy()
        if (drawn >= recipe.drawers).any():
            seen = seen.select(drawn < recipe.drawers, seen.name)
        self.characters = list(seen.characters["alphabet"] + "/" + seen.characters["character"])
        self.labels = seen.character_codes
        self.alphabets = seen.table["alphabet"].cat.codes.to_numpy()
        self._seen = seen.images
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def _sources(self, size: int) -> np.ndarray:
        """All images as distortions to a size start from, (n, side, side)."""
        if size not in self._kept:
            # One size at a time is needed, and the whole set is large.
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
        """Embeds undistorted images, turned and mirrored.

        Args:
            siamese: The network, a `siamese.Siamese`.
            rows: int ndarray (n,), which images.
            turn: Quarter turns.
            mirrored: Whether they are mirrored, after the turns.

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
        """Gives images as the tower sees them in training.

        Args:
            rng: Source of random numbers.
            rows: int ndarray (B,), which images.
            turns: Quarter turns of each.
            mirrored: Whether each is mirrored, after its turns.
            size: Height and width, of the tower's input where it is not given.
            pairs: Whether the first and the second half of the rows are
                pairs, of which published crops take the same part.

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
