"""Towers exported to the formats of inference engines: once, kept in the cache folder.

Keras's own exporters do it, in a process of its own: they need the TensorFlow
backend, whichever one is used here, and print as they like.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ...tasks import cache_folder, make_cache_folder
from ..backend import load_keras
from ..bundled import bundle, read_weights
from ..errors import ModelError

_VERSION = "export 1"
"""Raised when the same weights begin to give another file."""

FORMATS = {"onnx": "model.onnx", "openvino": "model.xml", "litert": "model.tflite"}
"""Keras's names of formats, and the files in which engines look for a tower."""

_MAKERS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "openvino", "ai-edge-litert")

_CHILD = "import sys; from wayshot.models.engines.exporting import write; write(*sys.argv[1:])"


@dataclass(frozen=True)
class Origin:
    """What an export is made from.

    Attributes:
        network: Name of a bundled network, or path of a `.keras` file.
        digest: Covers its architecture, weights and pixels.
        weights: As from `fingerprint`, of a `.keras` file, which may be
            another by the time it is exported; else "".
        data: Folder of Omniglot, for those that are calibrated; None for the usual one.
    """

    network: str
    digest: str
    weights: str = ""
    data: str | None = None


@dataclass(frozen=True)
class Export:
    """A tower on disk, in the format of an engine.

    Attributes:
        path: The file.
        size: Height and width of the tower's input.
        channels: Its channels, all of them the same.
        pixels: How the tower sees an image, one of `pixels.VIEWS`.
        reference: float32 ndarray (32, D): Keras's embeddings of `probe(32)`.
    """

    path: Path
    size: int
    channels: int
    pixels: str
    reference: np.ndarray


def probe(count: int) -> np.ndarray:
    """Gives fixed images of random blots: uint8 ndarray (count, 105, 105)."""
    rng = np.random.Generator(np.random.PCG64(32))
    coarse = (rng.random((count, 15, 15)) < 0.2).astype(np.uint8)
    return coarse.repeat(7, axis=1).repeat(7, axis=2)


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of those of some packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 in hexadecimal over names, shapes and float32 values, sorted by name."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, form: str) -> Export | None:
    """Gives what lies in a folder, if all of it is sound."""
    try:
        record = json.loads((folder / "export.json").read_text())
        if {name: _digest(folder / name) for name in record["files"]} != record["files"]:
            return None
        reference = np.load(folder / "reference.npy", allow_pickle=False)
        tower = {name: record[name] for name in ("size", "channels", "pixels")}
        return Export(folder / FORMATS[form], **tower, reference=reference)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def write(folder: str, network: str, weights: str, data: str, form: str, precision: str) -> None:
    """Exports a network's tower into a folder; to be called in a process of its own.

    It leaves the model, `reference.npy` and `export.json`, or `problem`: what
    went wrong, in a line.

    Args:
        folder: Where to write.
        network: As in `Origin`.
        weights: As in `Origin`.
        data: Folder of Omniglot, or "".
        form: One of `FORMATS`.
        precision: `f32`, or one of `quantisation.PRECISIONS`.
    """
    target = Path(folder)
    try:
        load_keras()
        # Its converter would report its use to the internet.
        sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]
        from ..networks import load_checkpoint
        from .quantisation import export

        model = load_checkpoint(network) if network.endswith(".keras") else bundle(network).build()
        if weights and fingerprint(read_weights(model)) != weights:
            raise ModelError("the file has other weights than before; ask again")
        np.save(target / "reference.npy", model.embed(probe(32)))
        export(model, target / FORMATS[form], form, precision, data or None)
        record: dict[str, Any] = {
            "files": {path.name: _digest(path) for path in sorted(target.iterdir())},
            "size": model.size,
            "channels": model.channels,
            "pixels": model.pixels,
        }
        (target / "export.json").write_text(json.dumps(record))
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        (target / "problem").write_text(" ".join(f"{kind}{error}".split())[:300])
        raise


def _make(folder: Path, origin: Origin, form: str, precision: str) -> None:
    """Lets another process write an export into a folder."""
    words = [str(folder), origin.network, origin.weights, origin.data or "", form, precision]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *words],
        # Some GPUs round so that no engine would agree.
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    problem = folder / "problem"
    if done.returncode or not (folder / "export.json").exists():
        reason = problem.read_text() if problem.exists() else f"it ended with {done.returncode}"
        raise ModelError(f"{origin.network} cannot be exported to {form} {precision} ({reason})")


def exported(origin: Origin, form: str, precision: str = "f32") -> Export:
    """Gives a network's tower in the format of an engine, made at the first use.

    What is kept is known by the network's digest, the format and the versions
    of all that makes it. Where it is damaged it is made anew.

    Args:
        origin: The network.
        form: One of `FORMATS`.
        precision: `f32`, or one of `quantisation.PRECISIONS`.

    Raises:
        ModelError: It cannot be exported.
        TaskError: The cache folder cannot be made.
    """
    # Slow to import, and not needed to know a scorer.
    from filelock import FileLock

    content = f"{_VERSION} {origin.digest} {form} {precision} {versions(_MAKERS)}"
    folder = cache_folder() / "exports" / hashlib.sha256(content.encode()).hexdigest()[:32]
    make_cache_folder(folder.parent)
    with FileLock(f"{folder}.lock"):
        found = _read(folder, form)
        if found is None:
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
            try:
                _make(fresh, origin, form, precision)
                shutil.rmtree(folder, ignore_errors=True)
                fresh.replace(folder)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
            found = _read(folder, form)
    if found is None:
        raise ModelError(f"{folder}: written and not read back; is the disk full?")
    return found
