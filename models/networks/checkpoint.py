"""Checking a `.keras` file, which may come from anyone, before Keras loads it.

Keras's safe mode refuses stored code. But older versions of Keras let a file
name any function of Keras, including functions that download or read files,
unpack any number of bytes, and refer to weights in other files or of any size.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import keras
from h5py import h5d, h5o  # pyright: ignore[reportAttributeAccessIssue]

from ...tasks import open_zip, readable
from ..errors import ModelError

_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
_LARGEST_CONFIG = 2**24
_MOST_UNPACKED = 4
"""Largest ratio of unpacked size to file size; Keras does not compress."""

_KINDS = (
    keras.Operation,
    keras.Initializer,
    keras.Regularizer,
    keras.constraints.Constraint,
    keras.DTypePolicy,
)
"""Classes that a network may consist of."""

# Layers whose configuration is code, a serialized program, or the name of a file to read.
_REFUSED = frozenset(
    {
        *("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"),
        *("IndexLookup", "StringLookup", "IntegerLookup", "TextVectorization"),
    }
)
_VALUES = frozenset({"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__"})


_SPARE = 2**20
"""Number of parameters that a network may have without weights in the file."""

_ADD_WEIGHT: Any = keras.layers.Layer.add_weight
_LOCK = threading.RLock()


@contextmanager
def counted(most: int) -> Iterator[None]:
    """Refuses layers that ask for more weights than there are, before memory is taken for them.

    Args:
        most: The number of parameters that are made in this thread at the most.

    Raises:
        ModelError: A layer would make more; the message does not name the file.
    """
    layer: Any = keras.layers.Layer
    add, thread, left = _ADD_WEIGHT, threading.get_ident(), [most]

    @wraps(add)
    def bounded(self: Any, shape: Any = None, *others: Any, **named: Any) -> Any:
        if threading.get_ident() == thread:
            sides = shape if isinstance(shape, Sequence) else (shape,) * (shape is not None)
            asked = math.prod(int(side) for side in sides)
            if asked > left[0]:
                raise ModelError(
                    f"its configuration asks for {asked:,} weights of a {type(self).__name__} or "
                    f"more, but the file holds {most - _SPARE:,} in all"
                )
            left[0] -= asked
        return add(self, shape, *others, **named)

    with _LOCK:
        layer.add_weight = bounded
        try:
            yield
        finally:
            layer.add_weight = add


def inspect(path: Path) -> int:
    """Checks that a `.keras` file holds only layers and weights.

    No layer may hold code or name a file. Every class must be a class of Keras
    or be registered already, so that nothing is imported because a file names
    it. Weights must be uncompressed in the file itself.

    Args:
        path: A zip file.

    Returns:
        How many parameters the network can have, for `counted`.

    Raises:
        ModelError: It holds anything else; the message does not name the file.
    """
    with open_zip(path) as archive:
        members = archive.infolist()
        names = [one.filename for one in members]
        strange = sorted({*names} - _MEMBERS)
        if strange or len(names) != len({*names}):
            what = readable(strange[0]) if strange else "the same file twice"
            raise ModelError(f"holds {what}, expected only {', '.join(sorted(_MEMBERS))}")
        limits = {name: _MOST_UNPACKED * path.stat().st_size for name in names}
        limits["config.json"] = min(limits.get("config.json", 0), _LARGEST_CONFIG)
        for one in members:
            if one.file_size > limits[one.filename]:
                raise ModelError(
                    f"{one.filename} has {one.file_size:,} bytes unpacked, expected at most "
                    f"{limits[one.filename]:,}"
                )
        config = json.loads(archive.read("config.json"))
        if not isinstance(config, dict):
            raise ModelError("config.json does not describe a network")
        weights = archive.read("model.weights.h5")
    # Loss, metrics and optimizer, which are not loaded.
    config.pop("compile_config", None)
    for described in _described(config):
        _check_class(described)
    with h5py.File(BytesIO(weights)) as file:
        return _check_weights(file) + _SPARE


def _described(config: Any) -> Iterator[dict[str, Any]]:
    """Gives all objects that a configuration describes."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _of_refused(kind: type) -> bool:
    """Tells whether a class is derived from one that is refused."""
    # The base of all layers has the name of a refused class where the backend is JAX.
    own = [base for base in kind.__mro__ if base not in keras.layers.Layer.__mro__]
    return any(base.__name__ in _REFUSED for base in own)


def _check_class(described: dict[str, Any]) -> None:
    name, module = described["class_name"], described.get("module")
    registered = keras.saving.get_custom_objects()
    if not isinstance(name, str):
        raise ModelError("asks for a class without a name")
    if name in _VALUES and module is None:
        return
    if name == "function":
        function = described.get("config")
        if function in registered or (
            module in ("builtins", "keras.activations")
            and isinstance(function, str)
            and callable(getattr(keras.activations, function, None))
        ):
            return
    elif name not in _REFUSED:
        if described.get("registered_name") in registered:
            return
        home = sys.modules.get(module) if isinstance(module, str) else None
        kind = getattr(home, name, None)
        ours = isinstance(module, str) and module.partition(".")[0] == "keras"
        if ours and isinstance(kind, type) and issubclass(kind, _KINDS) and not _of_refused(kind):
            return
    whose = f"{module}.{name}" if module else str(name)
    if name == "function":
        whose = str(described.get("config"))
    raise ModelError(
        f"asks for {readable(whose)[:100]}, which is not a plain layer of Keras and has not been "
        "imported; wayshot imports nothing because a file names it"
    )


def _check_weights(file: h5py.File) -> int:
    """Checks that all groups hold plain weights, without links to other files or to themselves.

    Returns:
        The number of weights.
    """
    waiting: list[Any] = [file]
    count = 0
    seen = {h5o.get_info(file.id).addr}
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(
                    f"weights {readable(name)}: a link, expected the weights themselves"
                )
            held = group[name]
            place = h5o.get_info(held.id).addr
            if place in seen:
                raise ModelError(f"weights {readable(name)}: stored twice, expected once")
            seen.add(place)
            if isinstance(held, h5py.Group):
                waiting.append(held)
            elif not _is_plain(held):
                raise ModelError(f"weights {readable(name)}: expected plain numbers in the file")
            else:
                count += held.size
    return count


def _is_plain(held: Any) -> bool:
    return (
        isinstance(held, h5py.Dataset)
        and held.dtype.kind in "fiub"
        and held.id.get_create_plist().get_layout() in (h5d.CONTIGUOUS, h5d.COMPACT)
        and not held.external
        and held.id.get_storage_size() == held.nbytes
    )
