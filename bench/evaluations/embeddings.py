"""Embeddings on disk, by the image's pixels and by the scorer."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...tasks import Images, Pictures, cache_folder, make_cache_folder
from ..machine import environment
from ..scorers import Traits
from . import array_files as archive


def image_keys(images: Images | Pictures, rows: np.ndarray) -> np.ndarray:
    """Computes a key for each image from its pixels and rotation, without its name.

    Args:
        images: The images.
        rows: int ndarray (n,), rows of the images, including turned images.

    Returns:
        `S17` ndarray (n,): the image's digest and its turns. Equal images have
        equal keys. The turns come last and are never 0, so that NumPy does not
        cut digests that end with zero bytes.
    """
    turns, upright = np.divmod(rows, len(images))
    keys = np.empty((len(rows), 17), dtype=np.uint8)
    keys[:, :16] = images.keys[upright].view(np.uint8).reshape(-1, 16)
    keys[:, 16] = turns + 1
    return keys.view("S17").ravel()


class EmbeddingCache:
    """The stored embeddings of a scorer; files are only added, never changed.

    The folder's name depends on the scorer's digest, the batch size, the
    machine and library versions, and the kind, size, ink and paper of
    images; the keys depend on pixels and rotation; arrays keep their dtype. All protocols and
    data sets share the folder. A damaged file is removed, and its images are
    embedded again. The file `confirmed` says that the scorer gave the same scores when it was
    asked again after the last file was added: a scorer that does not is asked at every evaluation.

    Attributes:
        folder: The folder of the files.
        damaged: Files that were damaged.
    """

    def __init__(
        self, traits: Traits, root: Path | None = None, images: Images | Pictures | None = None
    ) -> None:
        """Computes the folder.

        Args:
            traits: The traits of the scorer.
            root: Folder in which it is; None for the cache folder.
            images: The images; None for ink. Embeddings of other kinds and
                sizes may have other dimensions.
        """
        like = ""
        if isinstance(images, Pictures):
            like = f" {images.kind} {images.shape[1:]}"
            # Ink is inverted, and paper put around, before a scorer gets what it wants.
            like += f" {images.ink} {images.paper}" if traits.wants else ""
        content = f"embeddings 2 {traits.digest} batch {traits.batch} {environment()}{like}"
        entry = hashlib.sha256(content.encode()).hexdigest()[:32]
        self.folder = (root or cache_folder()) / "embeddings" / entry
        self.damaged: list[Path] = []
        self._confirmed = self.folder / "confirmed"

    @property
    def confirmed(self) -> bool:
        """Whether the scorer gave the same scores when it was asked again about these images."""
        return self._confirmed.exists()

    def confirm(self) -> None:
        """Keeps that the scorer gave the same scores when it was asked again."""
        # Where nothing can be written, it is asked at the next evaluation too.
        with suppress(OSError):
            self._confirmed.touch()

    def get(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Reads the embeddings that are stored.

        Args:
            keys: `S17` ndarray (n,) as from `image_keys`.

        Returns:
            bool ndarray (n,), which tells the stored ones, and an ndarray
            (n, D) with their embeddings (None if none is stored).
        """
        found = np.zeros(len(keys), dtype=bool)
        embeddings: np.ndarray | None = None
        order = np.argsort(keys)
        ordered = keys[order]
        for path in sorted(self.folder.glob("*.npz")):
            # Unfinished files of other processes begin with a dot.
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
        """Stores embeddings.

        Args:
            keys: `S17` ndarray (n,) as from `image_keys`.
            embeddings: ndarray (n, D).

        Raises:
            OSError: They cannot be written.
            TaskError: The folder cannot be made.
        """
        make_cache_folder(self.folder)
        self._confirmed.unlink(missing_ok=True)
        name = hashlib.sha256(np.ascontiguousarray(keys).tobytes()).hexdigest()[:32]
        archive.write(self.folder / f"{name}.npz", keys=keys, embeddings=embeddings)
