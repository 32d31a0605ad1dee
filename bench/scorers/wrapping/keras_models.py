"""Keras: models and layers, of any backend.

Keras is never imported here: who has one of its layers has loaded it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ...errors import ScorerError
from .model import Model, digest, takes_two
from .outputs import as_array


def _keras() -> Any:
    return sys.modules.get("keras")


def _is_on(taken: str, asked: str) -> bool:
    """Tells whether the name of a device of TensorFlow is that of the device asked for."""
    kind, _, number = asked.lower().removeprefix("/").removeprefix("device:").partition(":")
    return taken.lower().endswith(f"device:{kind}:{number or 0}")


class KerasModel(Model):
    """A model or layer of Keras."""

    kind: ClassVar[str] = "a Keras model"
    devices: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ("keras",)

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads the shape of the input.

        Args:
            model: The model or layer.
            device: Where it computes, such as `gpu:0`; None for Keras's own choice.
        """
        super().__init__(model, device)
        if device is not None:
            if _keras().backend.backend() != "torch":
                # PyTorch's word for what the others call gpu.
                self.device = device = device.replace("cuda", "gpu")
            # PyTorch and JAX refuse a device that there is not; TensorFlow takes the CPU.
            with _keras().device(device):
                taken = str(getattr(_keras().ops.zeros(1), "device", device))
            if _keras().backend.backend() == "tensorflow" and not _is_on(taken, device):
                raise ScorerError(
                    f"device is {device!r}, and TensorFlow took {taken.rpartition('device:')[2]}; "
                    "install what it needs for that device, or leave device out"
                )
        if model.built:
            self.parameters = int(model.count_params())
        shape = getattr(model, "input_shape", None)
        if isinstance(shape, list) and shape and isinstance(shape[0], tuple | list):
            self.inputs, shape = len(shape), shape[0]
        if shape is not None:
            self.read_shape(shape, "last")
            self.fixed = True
        else:
            # A model that is a class of its own knows the shape that it was first called with.
            config = model.get_build_config() if model.built else None
            shape = (config or {}).get("input_shape")
            if isinstance(shape, list | tuple) and not any(
                isinstance(one, list | tuple | dict) for one in shape
            ):
                self.read_shape(shape, "last")
                self.batch = None

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is a layer of Keras."""
        keras = _keras()
        return keras is not None and isinstance(model, keras.layers.Layer)

    def _tensors(self, arrays: tuple[np.ndarray, ...]) -> list[Any]:
        return [_keras().ops.convert_to_tensor(one) for one in arrays]

    def _array(self, output: Any) -> np.ndarray:
        keras = _keras()
        if keras.ops.is_tensor(output):
            return as_array(keras.ops.convert_to_numpy(output))
        return as_array(output)

    def _on_device(self, call: Callable[[], np.ndarray]) -> np.ndarray:
        if self.device is None:
            return call()
        with _keras().device(self.device):
            return call()

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Runs the model as in inference."""
        keras = _keras()
        single = isinstance(self.model, keras.Model) and len(images) == 1 and self.model.built

        def call() -> np.ndarray:
            if single:
                # It is compiled, and several times as fast as a plain call.
                return as_array(self.model.predict_on_batch(images[0]))
            tensors = self._tensors(images)
            if len(images) > 1 and (self.inputs > 1 or not takes_two(self.model.call)):
                tensors = [tensors]
            return self._array(self.model(*tensors, training=False))

        return self._on_device(call)

    def join(self, head: Any, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Calls a head with tensors of Keras.

        Args:
            head: A layer or model of two inputs, or a function.
            first: Embeddings (n, D).
            second: Embeddings (n, D).
        """
        layer = isinstance(head, _keras().layers.Layer)
        options = {"training": False} if layer else {}
        inputs = getattr(head, "input_shape", None) if layer else None
        two = takes_two(head.call if layer else head) and not isinstance(inputs, list)

        def call() -> np.ndarray:
            both = self._tensors((first, second))
            return self._array(head(*both, **options) if two else head(both, **options))

        return self._on_device(call)

    def weights(self) -> str:
        """Computes a digest of all weights."""
        arrays = (
            (str(i), as_array(_keras().ops.convert_to_numpy(one)))
            for i, one in enumerate(self.model.weights)
        )
        return digest(arrays)

    def flops(self, *images: np.ndarray) -> int | None:
        """Counts the operations layer by layer, if each is known and used once.

        Args:
            *images: Not used; the layers know their shapes.
        """
        from ....models.networks import tower_flops

        nodes, layers = (getattr(self.model, one, None) for one in ("_nodes", "operations"))
        if self.inputs > 1 or (layers is not None and len(nodes or ()) > len(layers)):
            return None
        try:
            return tower_flops(self.model)
        except (AttributeError, IndexError, TypeError):
            # A class of its own, which does not say how its layers are connected.
            return None

    def tower(self, *images: np.ndarray) -> str | None:
        """Gives the name of the largest part that is a model itself.

        Args:
            *images: Not used.
        """
        models = [
            one
            for one in self.model._layers
            if isinstance(one, _keras().Model) and one.count_params() > 0
        ]
        largest = max(models, key=lambda one: one.count_params(), default=None)
        return None if largest is None else largest.name
