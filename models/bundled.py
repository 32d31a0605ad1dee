"""Trained networks on disk, as half-precision weights and a card; the bundled ones by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tasks import reason
from .backend import designed_settings, load_keras
from .errors import ModelError

if TYPE_CHECKING:
    from .networks import Siamese

FOLDER = Path(__file__).parent / "weights"
"""The folder of the bundled networks."""


def weights_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Computes the SHA-256 of names, shapes and float16 values, by name, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f2")
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def named_weights(model: Siamese) -> dict[str, Any]:
    """Gives the network's variables by names that are the same in every process."""
    return {
        f"{part}.{index:02}.{variable.name}": variable
        for part, layer in (("tower", model.tower), ("head", model.head))
        for index, variable in enumerate(layer.weights)
    }


def read_weights(model: Siamese) -> dict[str, np.ndarray]:
    """Gives the network's weights as float32 arrays, by the names of `named_weights`."""
    from keras import ops

    return {
        name: np.asarray(ops.convert_to_numpy(variable), dtype=np.float32)
        for name, variable in named_weights(model).items()
    }


@dataclass(frozen=True)
class Bundle:
    """A trained network, known by its card without loading it in Keras.

    Attributes:
        name: Name of the network.
        card: The model card: backbone, data, recipe, seed, validation, digest.
        path: The `.npz` file of the weights.
    """

    name: str
    card: dict[str, Any]
    path: Path

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as float32 arrays by name.

        Raises:
            ModelError: The file is damaged, or its digest is not that on the
                card.
        """
        try:
            with self.path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
        except Exception as error:
            raise ModelError(
                f"{self.path}: cannot be read ({reason(error)}); install wayshot again"
            ) from None
        if weights_digest(stored) != self.card["digest"]:
            raise ModelError(
                f"{self.path}: the weights are not those on the card; install wayshot again"
            )
        return {name: array.astype(np.float32) for name, array in stored.items()}

    def build(self) -> Siamese:
        """Makes the Keras network.

        Raises:
            ModelError: The weights are damaged, or do not fit the backbone.
        """
        load_keras()
        from .networks import Network, assemble

        network = Network(**self.card["network"])
        with designed_settings():
            model = assemble(network, self.name)
        variables = named_weights(model)
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        if shapes != {name: array.shape for name, array in self.arrays.items()}:
            raise ModelError(f"{self.path}: names or shapes do not fit {network.backbone}")
        for name, variable in variables.items():
            variable.assign(self.arrays[name])
        return model


def bundles() -> list[str]:
    """Lists the names of the bundled networks."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def bundle(name: str) -> Bundle:
    """Gives a bundled network by name.

    Raises:
        ModelError: There is no bundled network of that name.
    """
    if name not in bundles():
        raise ModelError(f"no bundled network {name!r}; there are {', '.join(bundles())}")
    card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Bundle(name, card, FOLDER / f"{name}.npz")
