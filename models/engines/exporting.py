"""Exporting towers to the formats of inference engines, once, into the cache folder.

Keras's exporters run in another process, because they need the TensorFlow
backend, which may not be the backend of this process, and print notices.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...tasks import cache_folder, make_cache_folder
from ..backend import load_keras
from ..bundled import bundle, read_weights
from ..errors import ModelError
from .engines import packages, versions
from .formats import FORMATS

_VERSION = "export 1"
"""Part of the cache's key; to be raised if the same weights come to give another file."""

_CHILD = """
import sys
from wayshot.models.engines.exporting import follow, write
follow(int(sys.argv[1]))
write(*sys.argv[2:])
"""


@dataclass(frozen=True)
class Origin:
    """The network that an export is made from.

    Attributes:
        network: Name of a bundled network, or path of a `.keras` file.
        digest: Digest of its architecture, weights and pixels.
        weights: The `fingerprint` of a `.keras` file, because the file may have
            changed when it is exported; "" for a bundled network.
        data: Folder of Omniglot, for exports that need calibration images; None
            for the default folder.
    """

    network: str
    digest: str
    weights: str = ""
    data: str | None = None


@dataclass(frozen=True)
class Export:
    """A tower on disk, in the format of an engine.

    Attributes:
        path: The first file of the format; the others lie beside it.
        size: Height and width of the tower's input.
        channels: Number of equal channels of the input.
        pixels: How images are prepared for the tower, one of `pixels.VIEWS`.
        reference: float32 ndarray (32, D): Keras's embeddings of `probe(32)`.
    """

    path: Path
    size: int
    channels: int
    pixels: str
    reference: np.ndarray


def probe(count: int) -> np.ndarray:
    """Gives fixed images of random squares: uint8 ndarray (count, 105, 105)."""
    rng = np.random.Generator(np.random.PCG64(32))
    coarse = (rng.random((count, 15, 15)) < 0.2).astype(np.uint8)
    return coarse.repeat(7, axis=1).repeat(7, axis=2)


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """Computes the SHA-256 of names, shapes and float32 values, by name, in hexadecimal."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, form: str) -> Export | None:
    """Reads an export from a folder; None if a file is missing or damaged."""
    try:
        record = json.loads((folder / "export.json").read_text())
        if {name: _digest(folder / name) for name in record["files"]} != record["files"]:
            return None
        reference = np.load(folder / "reference.npy", allow_pickle=False)
        tower = {name: record[name] for name in ("size", "channels", "pixels")}
        return Export(folder / FORMATS[form].files[0], **tower, reference=reference)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def follow(parent: int) -> None:
    """Lets this process end when the process that started it ends.

    Args:
        parent: Number of that process.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def write(folder: str, network: str, weights: str, data: str, form: str, precision: str) -> None:
    """Exports a network's tower into a folder; to be called in another process.

    It writes the model, `reference.npy` and `export.json`; or, after an error,
    the file `problem` with one line that says what went wrong.

    Args:
        folder: The folder.
        network: As in `Origin`.
        weights: As in `Origin`.
        data: Folder of Omniglot, or "" for the default folder.
        form: One of `formats.FORMATS`.
        precision: `f32`, or one of `formats.PRECISIONS`.
    """
    target = Path(folder)
    try:
        load_keras()
        # OpenVINO's converter would report its use over the internet.
        sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]
        from ..networks import load_checkpoint

        model = load_checkpoint(network) if network.endswith(".keras") else bundle(network).build()
        if weights and fingerprint(read_weights(model)) != weights:
            raise ModelError(
                "the weights of the file have changed meanwhile; run the command again"
            )
        reference, expected = model.embed(probe(32)), FORMATS[form].files
        FORMATS[form].write(model, target / expected[0], precision, data or None)
        written = sorted(path.name for path in target.iterdir())
        if written != sorted(expected):
            raise ModelError(f"{form} wrote {', '.join(written)}, not {', '.join(expected)}")
        np.save(target / "reference.npy", reference)
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
    """Writes an export into a folder, in another process."""
    words = [str(folder), origin.network, origin.weights, origin.data or "", form, precision]
    done = subprocess.run(
        # Nothing is imported from the current folder.
        [sys.executable, "-P", "-c", _CHILD, str(os.getpid()), *words],
        # Not on a GPU, because some round so much that no engine would agree.
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    problem = folder / "problem"
    if done.returncode or not (folder / "export.json").exists():
        reason = problem.read_text() if problem.exists() else f"exit status {done.returncode}"
        raise ModelError(f"{origin.network} cannot be exported to {form} {precision} ({reason})")


def exported(origin: Origin, form: str, precision: str = "f32") -> Export:
    """Gives a network's tower in the format of an engine; it is exported at the first use.

    The export is kept in the cache folder, under a key of the network's digest,
    the format, the precision and the versions of all packages that export and
    run it. A damaged export is made again.

    Args:
        origin: The network.
        form: One of `formats.FORMATS`.
        precision: `f32`, or one of `formats.PRECISIONS`.

    Raises:
        ModelError: The tower cannot be exported.
        TaskError: The cache folder cannot be made.
    """
    # Slow to import, and needed only here.
    from filelock import FileLock

    makers = versions((*packages(), *FORMATS[form].packages))
    content = f"{_VERSION} {origin.digest} {form} {precision} {makers}"
    folder = cache_folder() / "exports" / hashlib.sha256(content.encode()).hexdigest()[:32]
    # Before the lock, for which a cache that is only read has no place.
    if folder.is_dir() and (stored := _read(folder, form)) is not None:
        return stored
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
        raise ModelError(f"{folder}: cannot be read after writing; free some space on the disk")
    return found
