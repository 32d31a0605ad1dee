"""Validation: one-shot accuracy on alphabets that are not used for training."""

from __future__ import annotations

import numpy as np

from ...tasks import SHADES, Dataset, Protocol, Sampler, wanted
from ..networks import Siamese, unit

_EMBEDDED = 256
"""Number of images that are embedded at once."""


class Validation:
    """One-shot episodes of images that are held out from training.

    Attributes:
        ways: Number of ways: 20, or fewer where an alphabet is smaller.
    """

    def __init__(self, held_out: Dataset, episodes: int, own: bool = False) -> None:
        """Makes the samplers.

        Args:
            held_out: The images.
            episodes: Number of 1-shot episodes of each structure.
            own: Whether these are data of one's own, whose alphabets may be
                smaller than 20 ways need, and may be one alphabet.

        Raises:
            TaskError: An alphabet is too small.
        """
        self._held_out, self._episodes = held_out, episodes
        sizes = held_out.characters["alphabet"].value_counts()
        self.ways = min(20, int(sizes.min())) if own else 20
        self._samplers = {
            structure: Sampler(
                Protocol("lake", "background", structure, self.ways, 1), held_out, seed=0
            )
            # Within one alphabet is the same as between all.
            for structure in (("between",) if own and len(sizes) == 1 else ("within", "between"))
        }

    def accuracy(self, siamese: Siamese, by_head: bool) -> dict[str, float]:
        """Measures one-shot accuracy.

        Args:
            siamese: The network.
            by_head: Whether embeddings are compared by the network's head;
                otherwise by their cosine.

        Returns:
            Accuracy by structure, as fractions.
        """
        images, count = wanted(self._held_out.images, SHADES), len(self._held_out)
        parts = [
            siamese.embed(images[np.arange(start, start + _EMBEDDED) % count])
            for start in range(0, count, _EMBEDDED)
        ]
        embedded = np.concatenate(parts)[:count]
        if not by_head:
            embedded = unit(embedded)
        found = {}
        for structure, sampler in self._samplers.items():
            right = []
            for part in sampler.blocks(self._episodes):
                query, support = embedded[part.query], embedded[part.support[..., 0]]
                if by_head:
                    scores = siamese.compare(query, support)
                else:
                    scores = query @ np.swapaxes(support, -1, -2)
                right.append((scores.argmax(axis=-1) == part.target).ravel())
            found[structure] = float(np.concatenate(right).mean())
        return found
