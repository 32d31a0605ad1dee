"""Formats: files of a network's tower for the engines, in full or in lower precision.

Static int8 estimates the range of every activation from background images,
which no protocol uses for tests. A network of lower precision is another
network: it need not agree with Keras, and has its own name in tables.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...tasks import load
from ..networks import view

if TYPE_CHECKING:
    from ..networks import Siamese

PRECISIONS = {
    "f16": "half-precision weights",
    "bf16": "half-precision weights, bfloat16 arithmetic",
    "int8-dynamic": "8-bit weights, and activations by their range on each image",
    "int8-static": "8-bit weights, and activations by their range on background images",
}
"""The precisions lower than `f32`."""

CALIBRATION = 256
"""Number of background images for static int8, evenly spaced over all of them."""


@dataclass(frozen=True)
class Format:
    """A file format of towers.

    Attributes:
        name: Name of the format.
        files: Names of all files of a tower; engines get the path of the first.
        packages: Names of the distribution packages that write the files,
            besides those of `engines.packages`.
        write: Writes the files of a network's tower. Its arguments: the
            network, which must have embedded an image before; the path of the
            first file; the precision, `f32` or one of `PRECISIONS`; and the
            folder of Omniglot for the background images of static int8, or None
            for the default folder. It raises a TaskError if it needs these
            images and they are missing.
    """

    name: str
    files: tuple[str, ...]
    packages: tuple[str, ...]
    write: Callable[[Siamese, Path, str, str | None], None]


def _background(model: Siamese, data: str | None) -> np.ndarray:
    """Gives background images for the tower, float32 (CALIBRATION, size, size, channels)."""
    images = load("lake", "background", data).images
    rows = np.linspace(0, len(images) - 1, CALIBRATION).astype(np.int64)
    return np.repeat(view(images[rows], model.size, model.pixels), model.channels, axis=-1)


def _export(model: Siamese, path: Path, form: str, **options: Any) -> None:
    """Lets Keras write the tower in one of its own formats."""
    model.tower.export(str(path), format=form, verbose=False, **options)


def _write_onnx(model: Siamese, path: Path, precision: str, data: str | None) -> None:
    _export(model, path, "onnx")
    if precision == "f32":
        return
    tools: Any = importlib.import_module("onnxruntime.quantization")
    shapes: Any = importlib.import_module("onnxruntime.quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        shapes.quant_pre_process(path, prepared, skip_symbolic_shape=True)
        if precision == "int8-dynamic":
            # Convolutions are fastest with unsigned weights.
            tools.quantize_dynamic(prepared, path, weight_type=tools.QuantType.QUInt8)
            return
        images = _background(model, data)
        session = importlib.import_module("onnxruntime").InferenceSession(str(prepared))
        name = session.get_inputs()[0].name

        class Batches(tools.CalibrationDataReader):
            """Background images, in the interface of ONNX Runtime's tools."""

            batches: Iterator[np.ndarray] = iter(np.split(images, 16))

            def get_next(self) -> dict[str, np.ndarray] | None:
                batch = next(self.batches, None)
                return None if batch is None else {name: batch}

        tools.quantize_static(
            prepared,
            path,
            Batches(),
            per_channel=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
        )


def _write_openvino(model: Siamese, path: Path, precision: str, data: str | None) -> None:
    _export(model, path, "openvino")
    if precision == "f32":
        return
    openvino: Any = importlib.import_module("openvino")
    full = openvino.Core().read_model(path)
    # To another file, because the full weights are still read from the first.
    openvino.save_model(full, path.with_name("less.xml"), compress_to_fp16=True)
    for ending in (".xml", ".bin"):
        path.with_name(f"less{ending}").replace(path.with_suffix(ending))


def _write_litert(model: Siamese, path: Path, precision: str, data: str | None) -> None:
    options: dict[str, Any] = {}
    if precision != "f32":
        lite: Any = importlib.import_module("tensorflow").lite
        options["optimizations"] = [lite.Optimize.DEFAULT]
    if precision == "f16":
        options["target_spec"] = {"supported_types": [np.float16]}
    if precision == "int8-static":
        images = _background(model, data)
        options["representative_dataset"] = lambda: ([image[None]] for image in images)
    _export(model, path, "litert", **options)


FORMATS = {
    one.name: one
    for one in (
        Format("onnx", ("model.onnx",), ("tf2onnx", "onnx", "onnxruntime"), _write_onnx),
        Format("openvino", ("model.xml", "model.bin"), ("openvino",), _write_openvino),
        Format("litert", ("model.tflite",), (), _write_litert),
    )
}
"""The file formats by name."""
