"""Parcel: episodes with their images as files, for a machine that has no data."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .data import Dataset, Images, Pictures
from .episodes import Episodes, OfficialRuns, Sampler, Source
from .protocol import Protocol

_COLUMNS = ("alphabet", "character", "drawer")
_EPISODES = ("support", "query", "target")


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _file_of(array: np.ndarray) -> Path | None:
    """Gives the `.npy` file that holds exactly this array, if it is memory-mapped from one."""
    name = getattr(array, "filename", None)
    if name is None or not str(name).endswith(".npy"):
        return None
    whole = np.load(name, mmap_mode="r", allow_pickle=False)
    alike = (whole.shape, whole.dtype, whole.offset) == (
        array.shape,
        array.dtype,
        getattr(array, "offset", None),
    )
    return Path(name) if alike else None


def parcel_of(source: Source) -> dict[str, Path | bytes]:
    """Gives files from which `unpack` makes the same episodes elsewhere.

    Args:
        source: The episodes.

    Returns:
        The files, or their bytes, by name. Pictures that are memory-mapped are not read.
    """
    dataset, images = source.dataset, source.dataset.images
    told: dict[str, Any] = {
        "name": dataset.name,
        "digest": dataset.digest,
        "remarks": list(dataset.remarks),
        "ink": None if dataset.ink is None else dict(dataset.ink),
        "files": dataset.table["file"].astype(str).tolist(),
        "names": {name: [*map(str, dataset.table[name].cat.categories)] for name in _COLUMNS},
    }
    files: dict[str, Path | bytes] = {
        f"{name}.npy": _npy(dataset.table[name].cat.codes.to_numpy().astype(np.int32))
        for name in _COLUMNS
    }
    if isinstance(images, Pictures):
        told["pictures"] = {"paper": [int(shade) for shade in images.paper], "ink": images.ink}
        files["pixels.npy"] = _file_of(images.pixels) or _npy(images.pixels)
        files["order.npy"] = _npy(images.order)
        # NumPy writes its type of raw bytes as numbers only.
        files["keys.npy"] = _npy(np.ascontiguousarray(images.keys).view(np.uint8))
    else:
        told["side"] = images.side
        files["bits.npy"] = _npy(images.bits)
    if isinstance(source, OfficialRuns):
        runs = source.block(0)
        files |= {f"{name}.npy": _npy(getattr(runs, name)) for name in _EPISODES}
    files["record.json"] = json.dumps(told, sort_keys=True).encode()
    return files


def _images(folder: Path, told: Mapping[str, Any]) -> Images | Pictures:
    if "pictures" not in told:
        return Images(_array(folder, "bits"), told["side"])
    keys = np.ascontiguousarray(_array(folder, "keys")).view("V16").ravel()
    paper = tuple(told["pictures"]["paper"])
    order = np.array(_array(folder, "order"))
    return Pictures(_array(folder, "pixels"), order, keys, paper, told["pictures"]["ink"])


def _array(folder: Path, name: str) -> np.ndarray:
    return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def unpack_dataset(folder: Path) -> Dataset:
    """Makes the data set of the files from `parcel_of`; images are memory-mapped.

    Args:
        folder: Folder of the files.
    """
    told = json.loads((folder / "record.json").read_text())
    table = {
        name: pd.Categorical.from_codes(
            np.array(_array(folder, name)), categories=pd.Index(told["names"][name])
        )
        for name in _COLUMNS
    }
    return Dataset.build(
        told["name"],
        _images(folder, told),
        pd.DataFrame({**table, "file": told["files"]}),
        told["digest"],
        remarks=told["remarks"],
        ink=told["ink"],
    )


def unpack(folder: Path, protocol: Protocol, seed: int, dataset: Dataset | None = None) -> Source:
    """Makes episodes of the files from `parcel_of`.

    Args:
        folder: Folder of the files.
        protocol: The protocol.
        seed: The seed.
        dataset: The data set, if it was unpacked already.
    """
    dataset = unpack_dataset(folder) if dataset is None else dataset
    if not protocol.is_official:
        return Sampler(protocol, dataset, seed)
    return OfficialRuns.of(
        protocol, dataset, Episodes(*(np.array(_array(folder, name)) for name in _EPISODES))
    )
