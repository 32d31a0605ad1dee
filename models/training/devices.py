"""Devices: what a training is spread over, and what was compiled for them before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import keras

from ...tasks import TaskError, cache_folder, make_cache_folder
from ..backend import backend_name
from ..errors import ModelError


class _Divided(keras.distribution.DataParallel):
    """Divides every batch among devices, each of which has all weights."""

    def get_data_layout(self, data_shape: Any) -> Any:
        """Gives what each device gets: its part of the batch, or all of one without equal parts."""
        layout = super().get_data_layout(data_shape)
        if data_shape[0] % self.device_mesh.shape[0]:
            everything = [None] * len(data_shape)
            return keras.distribution.TensorLayout(everything, self.device_mesh)
        return layout


def use_devices(count: int) -> None:
    """Divides the batches of trainings that follow among devices.

    A batch that cannot be divided into equal parts, such as the pairs of an alphabet with an
    odd number of characters, is computed by each device as a whole.

    Args:
        count: Number of devices; 1 for the usual device of the backend.

    Raises:
        ModelError: The backend cannot do that, or has fewer devices.
    """
    if count == 1:
        keras.distribution.set_distribution(None)
        return
    if backend_name() != "jax":
        raise ModelError(
            f"several devices need the backend JAX, not {backend_name()}; set KERAS_BACKEND=jax"
        )
    there = keras.distribution.list_devices()
    if count > len(there):
        raise ModelError(f"{count} devices were asked for, and there are {', '.join(there)}")
    keras.distribution.set_distribution(_Divided(devices=there[:count]))


def keep_compiled() -> None:
    """Has JAX keep what it compiles in the cache folder, so that the next training starts at once.

    PyTorch has a cache of its own; TensorFlow compiles no step that would take long.
    """
    if backend_name() != "jax":
        return
    jax: Any = import_module("jax")
    try:
        folder = cache_folder() / "compiled"
        make_cache_folder(folder)
    except TaskError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
