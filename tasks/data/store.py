"""The cache of data sets: images are decoded once, and memory-mapped afterwards."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from ..errors import TaskError
from ..files import ReadOnlyCacheError, cache_folder, hash_regular, make_cache_folder, replacing
from .dataset import Dataset
from .images import Images
from .pictures import Pictures

_SAID = ("remarks", "ink", "pictures")
"""What is stored only where there is something to say."""

_OF_PICTURES = (
    *("order.npy", "keys.npy", "alphabet.npz", "character.npz", "drawer.npz"),
    "files",
)
"""The files of an entry of pictures, but for their pixels."""

_VERIFIED = "verified"
"""File that tells when the pixels of pictures were last found undamaged."""

_LARGEST = 2**40


def _content(folder: Path, record: dict) -> str:
    """Computes the SHA-256 of everything in an entry, but for the pixels of pictures."""
    total = hashlib.sha256(f"{record['digest']} {record['side']} ".encode())
    said = {name: record[name] for name in _SAID if record.get(name)}
    if said:
        total.update(json.dumps(said, sort_keys=True).encode())
    for name in _OF_PICTURES if record.get("pictures") else ("bits.npy", "rows.npy"):
        with (folder / name).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _rows(folder: Path) -> list[list[str]]:
    return np.load(folder / "rows.npy", allow_pickle=False).tolist()


def _columns(folder: Path, count: int) -> pd.DataFrame:
    """Reads a table that was stored by column, which is faster for many rows."""
    table = {}
    for name in ("alphabet", "character", "drawer"):
        with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
            words = stored["words"].tobytes().decode().split("\0")
            table[name] = pd.Categorical.from_codes(stored["codes"], categories=pd.Index(words))
    files = (folder / "files").read_bytes().decode().split("\0")
    if len(files) != count:
        raise ValueError("names are missing")
    return pd.DataFrame({**table, "file": files})


def _write_columns(fresh: Path, table: pd.DataFrame) -> None:
    for name in ("alphabet", "character", "drawer"):
        column = table[name].cat.remove_unused_categories()
        words = "\0".join(map(str, column.cat.categories)).encode()
        np.savez(
            fresh / f"{name}.npz",
            codes=column.cat.codes.to_numpy().astype(np.int32),
            words=np.frombuffer(words, dtype=np.uint8),
        )
    (fresh / "files").write_bytes("\0".join(table["file"].astype(str)).encode())


def _images(folder: Path, side: int) -> Images:
    return Images(np.load(folder / "bits.npy", mmap_mode="r", allow_pickle=False), side)


def _pictures(folder: Path, told: dict, pixels: np.ndarray | None) -> Pictures:
    if pixels is None:
        path = folder / "pixels.npy"
        if not _is_verified(folder) and hash_regular(path, _LARGEST) != told["pixels"]:
            raise ValueError("the pixels are damaged")
        _verify(folder)
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    assert pixels is not None
    order, keys = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("order", "keys")
    )
    return Pictures(pixels, order, keys.view("V16").ravel(), tuple(told["paper"]), told["ink"])


def _facts(folder: Path) -> str:
    """Tells what changes whenever somebody writes into the pixels."""
    status = (folder / "pixels.npy").stat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _is_verified(folder: Path) -> bool:
    path = folder / _VERIFIED
    return path.is_file() and path.read_text() == _facts(folder)


def _verify(folder: Path) -> None:
    if not _is_verified(folder):
        with suppress(OSError), replacing(folder / _VERIFIED) as fresh:
            fresh.write_text(_facts(folder))


def _read(folder: Path, name: str, pixels: np.ndarray | None = None) -> Dataset | None:
    try:
        record = json.loads((folder / "record.json").read_text())
        if record["content"] != _content(folder, record):
            return None
        told = record.get("pictures")
        images = _pictures(folder, told, pixels) if told else _images(folder, record["side"])
        return Dataset.build(
            name,
            images,
            _columns(folder, len(images)) if told else _rows(folder),
            record["digest"],
            remarks=record.get("remarks", ()),
            ink=record.get("ink"),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


@contextmanager
def _entry(folder: Path) -> Iterator[Path]:
    """Gives a new folder that becomes an entry if no exception is raised."""
    make_cache_folder(folder.parent)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield fresh
        shutil.rmtree(folder, ignore_errors=True)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was faster; what it wrote is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _describe(fresh: Path, dataset: Dataset, side: int, **told: Any) -> None:
    """Writes names and record of an entry."""
    if told:
        _write_columns(fresh, dataset.table)
    else:
        np.save(fresh / "rows.npy", dataset.table.astype(str).to_numpy().astype(str))
    record: dict[str, Any] = {
        "digest": dataset.digest,
        "side": side,
        "remarks": list(dataset.remarks),
        "ink": dataset.ink,
        **told,
    }
    record["content"] = _content(fresh, record)
    (fresh / "record.json").write_text(json.dumps(record))


def _write(folder: Path, dataset: Dataset) -> None:
    assert isinstance(dataset.images, Images)
    with _entry(folder) as fresh:
        np.save(fresh / "bits.npy", np.ascontiguousarray(dataset.images.bits))
        _describe(fresh, dataset, dataset.images.side)


def _write_pictures(folder: Path, make: Callable[[BinaryIO], Dataset], kept: bool) -> Dataset:
    with _entry(folder) as fresh:
        with (fresh / "pixels.npy").open("w+b") as pixels:
            dataset = make(pixels)
        pictures = dataset.images
        assert isinstance(pictures, Pictures)
        told = {"paper": pictures.paper, "ink": pictures.ink, "pixels": ""}
        if kept:
            told["pixels"] = hash_regular(fresh / "pixels.npy", _LARGEST)
            _verify(fresh)
        else:
            (fresh / "pixels.npy").unlink()
        np.save(fresh / "order.npy", pictures.order)
        # NumPy writes its type of raw bytes as numbers only.
        np.save(fresh / "keys.npy", np.ascontiguousarray(pictures.keys).view(np.uint8))
        _describe(fresh, dataset, 0, pictures=told)
    return dataset


def _place(key: str, name: str) -> Path:
    entry = hashlib.sha256(key.encode()).hexdigest()[:16]
    return cache_folder() / "datasets" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[-40:]}-{entry}"


def _look_up(folder: Path, name: str, pixels: np.ndarray | None = None) -> Dataset | None:
    """Reads an entry, and says if it is damaged."""
    dataset = _read(folder, name, pixels)
    if dataset is None and folder.exists():
        logging.getLogger(__name__).warning("%s: damaged; it is made again", folder)
    return dataset


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns what goes wrong when an entry is written into one line for the user."""
    try:
        yield
    except OSError as error:
        raise TaskError(
            f"cache folder {folder.parent}: cannot be written ({error.strerror or error}); "
            "make room, or name another by WAYSHOT_CACHE"
        ) from None


def cached(key: str, name: str, make: Callable[[], Dataset]) -> Dataset:
    """Gives a data set from the cache, or makes it and stores it there.

    A damaged entry is made again, and a warning is logged; also if the cache can only be read, and
    the data set stays in memory.

    Args:
        key: Everything that the content depends on, as one string.
        name: Name of the data set.
        make: Decodes or generates the data set.

    Raises:
        TaskError: The disk is full, or as `make`.
    """
    folder = _place(key, name)
    dataset = _look_up(folder, name)
    if dataset is None:
        made = make()
        try:
            with _writing(folder):
                _write(folder, made)
        except ReadOnlyCacheError as error:
            logging.getLogger(__name__).warning(
                "%s; until then, %s is made every time", error, name
            )
        dataset = _read(folder, name) or made
    return dataset


def stored_pictures(key: str, name: str) -> Dataset | None:
    """Gives a data set of pictures from the cache; None if it is not there, or damaged.

    Args:
        key: As for `cached_pictures`.
        name: Name of the data set.
    """
    return _look_up(_place(key, name), name)


def cached_pictures(
    key: str,
    name: str,
    make: Callable[[BinaryIO], Dataset],
    pixels: np.ndarray | None = None,
) -> Dataset:
    """Gives a data set of pictures from the cache, or makes it and stores it there.

    As `cached`, but pixels are written by whoever makes the data set, so that they are never
    all in memory. They are verified again only if their file may have changed.

    Args:
        key: Everything that the content depends on, as one string.
        name: Name of the data set.
        make: Decodes the pictures: writes all pixels as a `.npy` file, and gives the data set,
            whose `Pictures` need no pixels.
        pixels: The pixels, where they lie elsewhere and are not to be stored again.

    Raises:
        TaskError: The cache cannot be written, or as `make`.
    """
    folder = _place(key, name)
    dataset = _look_up(folder, name, pixels)
    if dataset is None:
        with _writing(folder):
            _write_pictures(folder, make, kept=pixels is None)
        dataset = _read(folder, name, pixels)
        if dataset is None:
            raise TaskError(f"cache folder {folder.parent}: what was written cannot be read again")
    return dataset
