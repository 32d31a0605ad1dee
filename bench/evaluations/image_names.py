"""Names of images: alphabet, character and drawer of each row, as trials are stored with them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...tasks import Source


class ImageNames:
    """The names of the images of a protocol."""

    def __init__(self, source: Source) -> None:
        """Collects the names.

        Args:
            source: The episodes.
        """
        table = source.dataset.table
        self._images = len(source.dataset)
        self._names = {
            name: (table[name].cat.codes.to_numpy().astype(np.int32), [*table[name].cat.categories])
            for name in ("alphabet", "character", "drawer")
        }
        codes, categories = self._names["character"]
        self._upright = len(categories)
        if source.protocol.rotations != "none":
            turned = (f"{name}@{90 * turn}" for turn in (1, 2, 3) for name in categories)
            self._names["character"] = codes, [*categories, *turned]

    def of(self, rows: np.ndarray) -> dict[str, pd.Categorical]:
        """Gives the columns of names.

        Args:
            rows: int ndarray (n,), rows of the images, including turned images.
        """
        turns, upright = np.divmod(rows, self._images)
        return {
            name: pd.Categorical.from_codes(  # pyright: ignore[reportCallIssue]
                codes[upright] + (turns * self._upright if name == "character" else 0),
                categories,  # pyright: ignore[reportArgumentType]
            )
            for name, (codes, categories) in self._names.items()
        }
