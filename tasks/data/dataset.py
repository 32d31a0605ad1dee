"""A data set: images, and of each its alphabet, character and drawer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from .images import Images, pixel_digest


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of handwritten characters.

    Attributes:
        name: What it is called in protocols and tables.
        images: The pixels, `Images` of n images.
        table: DataFrame with one row an image; categorical columns alphabet,
            character (the name within its alphabet) and drawer, and the
            column file with the name of the image's file, unique.
        digest: SHA-256 in hexadecimal that identifies names and pixels.
        remarks: What was left out or looks wrong, a line each, for whoever uses
            the images.
        ink: How many images have ink that is dark or light, and how many did
            not tell by themselves (unclear); None where nothing was to be found out.
    """

    name: str
    images: Images
    table: pd.DataFrame
    digest: str
    remarks: tuple[str, ...] = ()
    ink: Mapping[str, int] | None = None

    @classmethod
    def build(
        cls,
        name: str,
        images: Images,
        rows: Sequence[tuple[str, str, str, str]],
        digest: str | None = None,
        *,
        remarks: Sequence[str] = (),
        ink: Mapping[str, int] | None = None,
    ) -> Dataset:
        """Makes a data set of images and their names.

        Args:
            name: What it is called.
            images: `Images` of n images.
            rows: Alphabet, character, drawer and file of each image.
            digest: `pixel_digest` over the files, where it is known already.
            remarks: As the attribute.
            ink: As the attribute.
        """
        table = pd.DataFrame(list(rows), columns=["alphabet", "character", "drawer", "file"])
        kinds = dict.fromkeys(["alphabet", "character", "drawer"], "category")
        digest = digest or pixel_digest(table["file"], images.bits, images.side)
        return cls(name, images, table.astype(kinds), digest, tuple(remarks), ink)

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def characters(self) -> pd.DataFrame:
        """The characters in order of appearance, with columns alphabet and character."""
        pairs = self.table[["alphabet", "character"]].astype(str)
        return pairs.drop_duplicates(ignore_index=True)

    @cached_property
    def character_codes(self) -> np.ndarray:
        """Row in `characters` of each image, int32 ndarray of shape (n,)."""
        groups = self.table.groupby(["alphabet", "character"], sort=False, observed=True)
        return groups.ngroup().to_numpy().astype(np.int32)

    def select(self, keep: np.ndarray, name: str) -> Dataset:
        """Gives the data set of some of the images.

        Args:
            keep: bool ndarray of shape (n,).
            name: What the new data set is called.
        """
        rows = self.table[keep]
        return Dataset.build(
            name,
            Images(self.images.bits[keep], self.images.side),
            list(rows.astype(str).itertuples(index=False, name=None)),
            remarks=self.remarks,
            ink=self.ink,
        )


def concatenate(datasets: Sequence[Dataset], name: str) -> Dataset:
    """Joins data sets into one, in the order given.

    Args:
        datasets: Data sets of images of one size.
        name: What the new data set is called.
    """
    if len(datasets) == 1:
        return replace(datasets[0], name=name)
    table = pd.concat([dataset.table.astype(str) for dataset in datasets])
    return Dataset.build(
        name,
        Images(np.concatenate([d.images.bits for d in datasets]), datasets[0].images.side),
        list(table.itertuples(index=False, name=None)),
    )
