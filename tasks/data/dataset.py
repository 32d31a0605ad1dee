"""A data set: images, and of each its alphabet, character and drawer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from .images import Images, pixel_digest
from .pictures import Pictures


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of characters, or of anything else that comes in classes.

    Attributes:
        name: What it is called in protocols and tables.
        images: The pixels: `Images` of n images of ink, or `Pictures` in gray
            or colour.
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
    images: Images | Pictures
    table: pd.DataFrame
    digest: str
    remarks: tuple[str, ...] = ()
    ink: Mapping[str, int] | None = None

    @classmethod
    def build(
        cls,
        name: str,
        images: Images | Pictures,
        rows: Sequence[Sequence[str]] | pd.DataFrame,
        digest: str | None = None,
        *,
        remarks: Sequence[str] = (),
        ink: Mapping[str, int] | None = None,
    ) -> Dataset:
        """Makes a data set of images and their names.

        Args:
            name: What it is called.
            images: The pixels of n images.
            rows: Alphabet, character, drawer and file of each image; or a table
                like the attribute.
            digest: The attribute, where it is known already: `pixel_digest`
                over the files, or `picture_digest`.
            remarks: As the attribute.
            ink: As the attribute.
        """
        if not isinstance(rows, pd.DataFrame):
            rows = pd.DataFrame(list(rows), columns=["alphabet", "character", "drawer", "file"])
        table = rows
        kinds = dict.fromkeys(["alphabet", "character", "drawer"], "category")
        if not digest and isinstance(images, Pictures):
            digest = picture_digest(images, table)
        elif not digest and isinstance(images, Images):
            digest = pixel_digest(table["file"], images.bits, images.side)
        return cls(name, images, table.astype(kinds), digest or "", tuple(remarks), ink)

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def numbers(self) -> np.ndarray:
        """A number for each image that is the same wherever it is listed, uint64 ndarray (n,).

        It is made of the file's name for ink, and of the pixels for pictures. The
        last two bits are 0.
        """
        if isinstance(self.images, Pictures):
            keys = np.ascontiguousarray(self.images.keys).view("<u8").reshape(-1, 2)
            return keys[:, 0] & ~np.uint64(3)
        names = (str(name).encode() for name in self.table["file"])
        digests = b"".join(hashlib.blake2b(name, digest_size=8).digest() for name in names)
        return np.frombuffer(digests, dtype="<u8") & ~np.uint64(3)

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
            self.images.select(keep),
            list(rows.astype(str).itertuples(index=False, name=None)),
            remarks=self.remarks,
            ink=self.ink,
        )


def picture_digest(images: Pictures, table: pd.DataFrame) -> str:
    """Identifies a set of pictures, whatever their files are called and wherever they come from.

    Args:
        images: `Pictures` of n pictures.
        table: DataFrame with columns alphabet, character and drawer of n rows.

    Returns:
        SHA-256 in hexadecimal over kind, size and, for gray, whether ink is
        dark or light, which scorers may be shown alike; and the sorted
        alphabets, characters, pixels and, where they are known, drawers of all pictures.
    """
    columns = [table[name].astype(str) for name in ("alphabet", "character", "drawer")]
    lines = []
    for *kind, drawer, key in zip(*columns, images.keys, strict=True):
        # Where nobody said who drew a picture, its key stands in the place of the drawer.
        known = "" if drawer == key.tobytes().hex() else f"\0{drawer}"
        lines.append(f"{kind[0]}\0{kind[1]}\0".encode() + key.tobytes() + known.encode())
    lines.sort()
    ink = f" {images.ink}" if images.kind == "gray" else ""
    digest = hashlib.sha256(f"{images.kind} {images.shape[1:]}{ink}\n".encode())
    digest.update(b"\n".join(lines))
    return digest.hexdigest()


def concatenate(datasets: Sequence[Dataset], name: str) -> Dataset:
    """Joins data sets into one, in the order given.

    Args:
        datasets: Data sets of ink of one size.
        name: What the new data set is called.
    """
    if len(datasets) == 1:
        return replace(datasets[0], name=name)
    table = pd.concat([dataset.table.astype(str) for dataset in datasets])
    images = [one for d in datasets if isinstance(one := d.images, Images)]
    return Dataset.build(
        name,
        Images(np.concatenate([one.bits for one in images]), images[0].side),
        list(table.itertuples(index=False, name=None)),
    )
