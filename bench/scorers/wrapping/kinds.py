"""Kinds of models, and the files that they are read from."""

from __future__ import annotations

import hashlib
import importlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....models import ModelError, processors
from ....tasks import TaskError, open_zip
from ...errors import ScorerError
from ..failures import told
from ..output import held_back
from .engine_models import LiteInterpreter, OnnxSession
from .keras_models import KerasModel
from .model import Model
from .services import Service
from .sklearn_models import SklearnModel
from .torch_models import ExportedProgram, TorchModule

KINDS: dict[str, type[Model]] = {
    "keras": KerasModel,
    "torch": TorchModule,
    "torch.export": ExportedProgram,
    "onnxruntime": OnnxSession,
    "litert": LiteInterpreter,
    "scikit-learn": SklearnModel,
    "service": Service,
    "function": Model,
}
"""The kinds of models by name. The first that recognises an object is taken."""


def kind_of(model: Any) -> type[Model] | None:
    """Gives the kind of an object, or None if it is no model."""
    return next((kind for kind in KINDS.values() if kind.recognises(model)), None)


def _library(path: Path, module: str, package: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ModelError(
            f"{path}: needs {package}, which is not installed; pip install 'wayshot[{extra}]'"
        ) from None


def _onnx(path: Path) -> Any:
    library = _library(path, "onnxruntime", "onnxruntime", "onnxruntime")
    options = library.SessionOptions()
    options.intra_op_num_threads = processors()
    return library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _tflite(path: Path) -> Any:
    library = _library(path, "ai_edge_litert.interpreter", "ai-edge-litert", "litert")
    return library.Interpreter(str(path), num_threads=processors())


def _pt2(path: Path) -> Any:
    torch = _library(path, "torch", "torch", "torch")
    if not zipfile.is_zipfile(path):
        # PyTorch would log a traceback of many lines besides.
        raise ModelError(f"{path}: damaged, or not a .pt2 file")
    open_zip(path).close()
    return torch.export.load(str(path))


def _keras(path: Path) -> Any:
    from ....models import load_network

    return load_network(path)


def made(kind: type[Model], model: Any, device: str | None, *, from_file: bool = False) -> Model:
    """Makes a model of a kind, and checks where it shall compute.

    Args:
        kind: One of `KINDS`.
        model: The user's object.
        device: As for `Model`.
        from_file: Whether the object was read from a file here.

    Raises:
        ScorerError: Models of this kind, or this machine, have no such device.
    """
    if device is None or (from_file and kind.devices and device == "cpu"):
        return kind(model)
    if kind.devices:
        raise ScorerError(
            f"device is {device!r}, and this is {kind.kind}: {kind.devices}; leave device out"
        )
    try:
        return kind(model, device)
    except (ScorerError, ModelError):
        raise
    except Exception as error:
        raise ScorerError(told(f"device is {device!r}, and {kind.kind} raised", error)) from error


READERS: dict[str, Callable[[Path], Any]] = {
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".pt2": _pt2,
    ".keras": _keras,
}
"""By the end of a file's name, what opens the file."""

UNREAD = {
    ".pt": "may hold code, and weights without their network",
    ".pth": "may hold code, and weights without their network",
    ".ckpt": "may hold code, and weights without their network",
    ".bin": "holds weights without their network",
    ".safetensors": "holds weights without their network",
    ".tar": "may hold code, and weights without their network",
    ".npz": "holds weights without their network",
    ".npy": "holds numbers without their network",
    ".pb": "holds a network of TensorFlow, which may hold code",
    ".h5": "holds weights without their network, or a network in Keras's old format",
    ".pkl": "may hold code",
    ".joblib": "may hold code",
}
"""By the end of a file's name, why the file is not read."""


def unread(path: Path) -> str:
    """Says why a file is not read, and how to wrap what it holds."""
    if path.is_dir():
        why = "is a folder"
    else:
        why = UNREAD.get(path.suffix.lower(), "is of no kind that is read")
    model = path.with_suffix("") if path.name else path
    if path.suffix.lower() in (".data", ".bin", ".xml") and model.suffix.lower() in READERS:
        return f"{path}: holds weights of {model.name}; type {model}, which finds them"
    return (
        f"{path}: {why}; expected {', '.join(READERS)} or a scorer.yaml. Load it in a function, "
        "for example model() of model.py, that gives the network, and type model.py:model"
    )


def read(path: Path, device: str | None = None) -> tuple[Model, str]:
    """Opens the file of a model.

    Args:
        path: The file.
        device: As for `Model`.

    Returns:
        The model, and the digest of the file.

    Raises:
        ScorerError: There is no such file, or it is of a kind that is not read.
        ModelError: It cannot be read.
    """
    if not path.exists():
        raise ScorerError(f"{path}: no such file")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ScorerError(unread(path))
    try:
        with held_back():
            opened = reader(path)
    except (ScorerError, ModelError, TaskError):
        raise
    except Exception as error:
        start = f"{path}: damaged, or not a {path.suffix.lower()} file:"
        raise ModelError(told(start, error)) from error
    kind = kind_of(opened)
    assert kind is not None
    with path.open("rb") as file:
        own = made(kind, opened, device, from_file=True)
        return own, hashlib.file_digest(file, "sha256").hexdigest()
