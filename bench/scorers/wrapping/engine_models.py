"""Engines: sessions of ONNX Runtime and interpreters of LiteRT."""

from __future__ import annotations

import hashlib
import importlib
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .model import Model
from .outputs import as_array

_ONNX = {
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
}
"""Types of inputs besides float32."""

_REAL = (1, 2, 3, 10, 11, 16)
"""ONNX's numbers of the types of weights; integers of more bits are shapes and places."""


class OnnxSession(Model):
    """A session of ONNX Runtime; its first output is used."""

    kind: ClassVar[str] = "an ONNX Runtime session"
    devices: ClassVar[str] = (
        "a file is run on the CPU; for another device, give wrap a session with its providers, "
        'InferenceSession(path, providers=["CUDAExecutionProvider"])'
    )
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads the shape of the inputs.

        Args:
            model: The session.
            device: Not used; the session has its providers.
        """
        super().__init__(model, device)
        taken = model.get_inputs()
        self.inputs = len(taken)
        self._names = [one.name for one in taken]
        self._types = [_ONNX.get(one.type, np.float32) for one in taken]
        self._given = [model.get_outputs()[0].name]
        self.read_shape(taken[0].shape, "first")
        self.fixed = True
        self.parameters = self._count()

    def _count(self) -> int | None:
        """Counts the numbers in the weights of the file, if onnx is there to read it."""
        try:
            onnx = importlib.import_module("onnx")
            # Weights in a file of their own are not needed to count them.
            graph = onnx.load(self.model._model_path, load_external_data=False).graph
        except Exception:
            # The session was made of bytes, or of something that only the runtime can read.
            return None
        weights = [one for one in graph.initializer if one.data_type in _REAL]
        return sum(math.prod(one.dims) for one in weights)

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is a session of ONNX Runtime."""
        return all(hasattr(model, name) for name in ("get_inputs", "get_outputs", "run"))

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Runs the session."""
        arrays = (
            one.astype(kind, copy=False) for one, kind in zip(images, self._types, strict=True)
        )
        return as_array(self.model.run(self._given, dict(zip(self._names, arrays, strict=True))))

    def weights(self) -> str:
        """Computes a digest of the file that the session was made from, where that is told."""
        path = getattr(self.model, "_model_path", None)
        if path and Path(path).is_file():
            return hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return ""


class LiteInterpreter(Model):
    """An interpreter of LiteRT or TensorFlow Lite; its first output is used."""

    kind: ClassVar[str] = "a LiteRT interpreter"
    devices: ClassVar[str] = (
        "a file is run on the CPU; for another device, give wrap an interpreter"
    )
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "tensorflow")

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads the shape of the inputs.

        Args:
            model: The interpreter.
            device: Not used.
        """
        super().__init__(model, device)
        model.allocate_tensors()
        self._taken = model.get_input_details()
        self._given = model.get_output_details()[0]
        self.inputs = len(self._taken)
        shape = self._taken[0]["shape_signature"]
        self.read_shape(shape if len(shape) else self._taken[0]["shape"], "last")
        self.fixed = True

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is an interpreter."""
        return all(hasattr(model, name) for name in ("get_input_details", "invoke", "set_tensor"))

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Runs the interpreter; numbers of eight bits are scaled as the model says."""
        if self.batch is None:
            for detail, one in zip(self._taken, images, strict=True):
                self.model.resize_tensor_input(detail["index"], one.shape)
            self.model.allocate_tensors()
        for detail, one in zip(self._taken, images, strict=True):
            kind = np.dtype(detail["dtype"])
            scale, zero = detail["quantization"]
            if kind.kind in "iu" and scale:
                limits = np.iinfo(kind)
                one = np.clip(np.round(one / scale + zero), limits.min, limits.max)
            self.model.set_tensor(detail["index"], one.astype(kind, copy=False))
        self.model.invoke()
        output = as_array(self.model.get_tensor(self._given["index"]))
        scale, zero = self._given["quantization"]
        if output.dtype.kind in "iu" and scale:
            output = (output.astype(np.float32) - zero) * np.float32(scale)
        return output
