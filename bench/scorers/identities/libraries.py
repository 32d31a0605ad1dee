"""Libraries: what models of PyTorch, Keras and ONNX Runtime hold, by content.

None of them is imported here: who has one of their objects has loaded the library.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_MACHINERY = frozenset(
    (
        "threading",
        "_thread",
        "concurrent",
        "multiprocessing",
        "socket",
        "_socket",
        "ssl",
        "_ssl",
        "http",
        "urllib",
        "urllib3",
        "logging",
        "queue",
        "_queue",
        "subprocess",
        "asyncio",
        "weakref",
        "io",
        "_io",
        "select",
        "selectors",
        "tempfile",
        "ctypes",
        "_ctypes",
        "contextvars",
        "unittest",
    )
)
"""Modules whose objects hold no state of a scorer's own: locks, connections, files, mocks."""

_SCALARS = (bool, int, float, str, tuple, types.NoneType)
_OF_KERAS = frozenset({"name", "built", "trainable", "build", "call", "autocast"})


def is_machinery(kind: type) -> bool:
    """Tells whether objects of a class hold no state of a scorer's own.

    Args:
        kind: The class.
    """
    top = kind.__module__.partition(".")[0]
    if top == "tensorflow":
        return not hasattr(kind, "__array__")
    return top in _MACHINERY


def array_of(thing: Any) -> np.ndarray | None:
    """Gives the content of an array or tensor of any library, or None for other objects.

    Args:
        thing: Any object.
    """
    try:
        if hasattr(thing, "detach") and hasattr(thing, "cpu"):
            tensor = thing.detach().cpu()
            small = tensor.is_floating_point() and tensor.element_size() < 4
            return (tensor.float() if small else tensor).numpy()
        # Classes of NumPy's kind have both; frames and sparse matrices have not.
        if all(hasattr(type(thing), name) for name in ("__array__", "dtype", "shape")):
            return np.asarray(thing)
    except Exception:
        return None
    return None


def _torch(thing: Any) -> Mapping[str, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn"):
        return None
    if isinstance(thing, torch.Generator):
        return {}
    if isinstance(thing, torch.export.ExportedProgram):
        return {"state": dict(thing.state_dict), "graph": str(thing.graph)}
    if not isinstance(thing, torch.nn.Module):
        return None
    if isinstance(thing, torch.jit.ScriptModule):
        own: dict[str, Any] = {"code": getattr(thing, "code", "")}
        own["learned"] = dict(thing.named_parameters())
        return {**own, "buffers": dict(thing.named_buffers())}
    # Hooks are numbered through, and the mode of training is set by whoever calls it.
    common = vars(torch.nn.Module())
    own = {name: one for name, one in vars(thing).items() if name not in common}
    return {
        "own": _Own(own),
        "learned": dict(thing._parameters),
        "buffers": dict(thing._buffers),
        "parts": dict(thing._modules),
    }


class _Own:
    """The attributes of an object that are not its library's."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.__dict__.update(held)


def _without_names(config: Any, names: Mapping[str, str]) -> Any:
    """Replaces names of layers, which count the layers of the process, by their places."""
    if isinstance(config, dict):
        return {key: _without_names(one, names) for key, one in config.items()}
    if isinstance(config, list | tuple):
        return [_without_names(one, names) for one in config]
    return names.get(config, config) if isinstance(config, str) else config


def _keras(thing: Any) -> Mapping[str, Any] | None:
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "layers"):
        return None
    if isinstance(thing, keras.random.SeedGenerator):
        return {}
    if not isinstance(thing, keras.layers.Layer):
        return None
    layers = list(thing._flatten_layers())
    names = {one.name: f"layer {i}" for i, one in enumerate(layers)}
    try:
        config = _without_names(thing.get_config(), names)
    except Exception:
        # Layers of the user's own need not have one.
        config = None
    of_layers = [
        {
            "class": type(one),
            **{
                name: value
                for name, value in vars(one).items()
                if not name.startswith("_")
                and name not in _OF_KERAS
                and isinstance(value, (*_SCALARS, types.FunctionType, np.ndarray))
            },
        }
        for one in layers
    ]
    weights = [np.asarray(keras.ops.convert_to_numpy(one)) for one in thing.weights]
    return {"config": config, "layers": of_layers, "weights": weights}


def _onnx(thing: Any) -> Mapping[str, Any] | None:
    if not all(hasattr(type(thing), name) for name in ("get_inputs", "get_outputs", "run")):
        return None
    path, content = getattr(thing, "_model_path", None), getattr(thing, "_model_bytes", None)
    if path and Path(path).is_file():
        return {"model": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
    return {"model": content} if content else None


def held_by(thing: Any) -> Mapping[str, Any] | None:
    """Gives what a model of a library holds, or None for other objects.

    Args:
        thing: Any object.
    """
    for find in (_torch, _keras, _onnx):
        held = find(thing)
        if held is not None:
            return held
    return None
