"""Embeddings on disk, by what the image is and what made them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...tasks import Images, cache_folder, make_cache_folder
from ..machine import environment
from ..scorers import BATCH, Traits
from . import array_files as archive


def image_keys(images: Images, rows: np.ndarray) -> np.ndarray:
    """What each image is, turned or not, whatever its name and data set.

    Args:
        images: The images.
        rows: int ndarray (n,), rows of turned images included; see `Images`.

    Returns:
        `S17` ndarray (n,): the image's digest and its turns. Equal images have
        equal keys; digests are never cut at zero bytes, as the turns follow.
    """
    turns, upright = np.divmod(rows, len(images))
    keys = np.empty((len(rows), 17), dtype=np.uint8)
    keys[:, :16] = images.keys[upright].view(np.uint8).reshape(-1, 16)
    keys[:, 16] = turns + 1
    return keys.view("S17").ravel()


class EmbeddingCache:
    """The embeddings of one scorer, in files that are only ever added.

    The folder's name covers the scorer's digest, the batch size, machine and
    library versions; the keys within cover pixels and rotation; an array
    keeps its dtype. All protocols and data sets share it. A file that is
    damaged is removed: what it held is embedded again.

    Attributes:
        folder: Holds the files.
        damaged: Files that were found damaged.
    """

    def __init__(self, traits: Traits, root: Path | None = None) -> None:
        content = f"embeddings 2 {traits.digest} batch {BATCH} {environment()}"
        entry = hashlib.sha256(content.encode()).hexdigest()[:32]
        self.folder = (root or cache_folder()) / "embeddings" / entry
        self.damaged: list[Path] = []

    def get(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Looks embeddings up.

        Args:
            keys: `S17` ndarray (n,) as from `image_keys`.

        Returns:
            bool ndarray (n,), which are there, and an ndarray (n, D) with
            their embeddings (None where none is there).
        """
        found = np.zeros(len(keys), dtype=bool)
        embeddings: np.ndarray | None = None
        order = np.argsort(keys)
        ordered = keys[order]
        for path in sorted(self.folder.glob("*.npz")):
            # What another process is still writing, or was, begins with a dot.
            if path.name.startswith("."):
                continue
            try:
                arrays = archive.read(path)
                stored, values = arrays["keys"], arrays["embeddings"]
                if len(stored) != len(values):
                    raise archive.DamagedError("lengths differ")
                if embeddings is not None and (
                    values.shape[1:] != embeddings.shape[1:] or values.dtype != embeddings.dtype
                ):
                    raise archive.DamagedError("dimensions differ")
            except FileNotFoundError:
                continue
            except (OSError, KeyError):
                self.damaged.append(path)
                with suppress(OSError):
                    path.unlink()
                continue
            places = np.minimum(np.searchsorted(ordered, stored), len(ordered) - 1)
            hits = ordered[places] == stored
            rows = order[places[hits]]
            if embeddings is None:
                embeddings = np.zeros((len(keys), *values.shape[1:]), values.dtype)
            embeddings[rows] = values[hits]
            found[rows] = True
        return found, embeddings

    def put(self, keys: np.ndarray, embeddings: np.ndarray) -> None:
        """Adds embeddings (n, D) of the images with some keys (n,).

        Raises:
            OSError: They cannot be written.
            TaskError: The folder cannot be made.
        """
        make_cache_folder(self.folder)
        name = hashlib.sha256(np.ascontiguousarray(keys).tobytes()).hexdigest()[:32]
        archive.write(self.folder / f"{name}.npz", keys=keys, embeddings=embeddings)
