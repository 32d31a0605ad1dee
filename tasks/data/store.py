"""The cache of packed data sets: images are decoded once, and memory-mapped afterwards."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TaskError
from ..files import cache_folder, make_cache_folder
from .dataset import Dataset
from .images import Images

_SAID = ("remarks", "ink")
"""What is stored only where there is something to say."""


def _content(folder: Path, record: dict) -> str:
    """Computes the SHA-256 of everything in an entry."""
    total = hashlib.sha256(f"{record['digest']} {record['side']} ".encode())
    said = {name: record[name] for name in _SAID if record.get(name)}
    if said:
        total.update(json.dumps(said, sort_keys=True).encode())
    for name in ("bits.npy", "rows.npy"):
        with (folder / name).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _read(folder: Path, name: str) -> Dataset | None:
    try:
        record = json.loads((folder / "record.json").read_text())
        if record["content"] != _content(folder, record):
            return None
        bits = np.load(folder / "bits.npy", mmap_mode="r", allow_pickle=False)
        rows = np.load(folder / "rows.npy", allow_pickle=False)
        return Dataset.build(
            name,
            Images(bits, record["side"]),
            [tuple(row) for row in rows],
            record["digest"],
            remarks=record.get("remarks", ()),
            ink=record.get("ink"),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _write(folder: Path, dataset: Dataset) -> None:
    make_cache_folder(folder.parent)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        bits = np.ascontiguousarray(dataset.images.bits)
        np.save(fresh / "bits.npy", bits)
        np.save(fresh / "rows.npy", dataset.table.astype(str).to_numpy().astype(str))
        record: dict[str, Any] = {
            "digest": dataset.digest,
            "side": dataset.images.side,
            **{name: said for name in _SAID if (said := getattr(dataset, name))},
        }
        record["content"] = _content(fresh, record)
        (fresh / "record.json").write_text(json.dumps(record))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was faster; what it wrote is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def cached(key: str, name: str, make: Callable[[], Dataset]) -> Dataset:
    """Gives a data set from the cache, or makes it and stores it there.

    A damaged entry is made again, and a warning is logged.

    Args:
        key: Everything that the content depends on, as one string.
        name: Name of the data set.
        make: Decodes or generates the data set.

    Raises:
        TaskError: The cache cannot be written, or as `make`.
    """
    entry = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = cache_folder() / "datasets" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[-40:]}-{entry}"
    dataset = _read(folder, name)
    if dataset is None:
        if folder.exists():
            logging.getLogger(__name__).warning("%s: damaged; it is made again", folder)
        made = make()
        try:
            _write(folder, made)
        except OSError as error:
            raise TaskError(
                f"cache folder {folder.parent}: cannot be written ({error.strerror or error}); "
                "make room, or name another by WAYSHOT_CACHE"
            ) from None
        dataset = _read(folder, name) or made
    return dataset
