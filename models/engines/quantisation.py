"""Quantisation: a tower exported in full or in lower precision, by its engine's own tools.

Static int8 estimates the range of every activation from background images,
which no protocol uses for tests. A network of lower precision is another
network: it need not agree with Keras, and has its own name in tables.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...tasks import load
from ..networks import Siamese, view

PRECISIONS = {
    "f16": "half-precision weights",
    "bf16": "half-precision weights, bfloat16 arithmetic",
    "int8-dynamic": "8-bit weights, and activations by their range on each image",
    "int8-static": "8-bit weights, and activations by their range on background images",
}
"""The precisions lower than `f32`."""

CALIBRATION = 256
"""Number of background images for static int8, evenly spaced over all of them."""


def _background(model: Siamese, data: str | None) -> np.ndarray:
    """Gives background images for the tower, float32 (CALIBRATION, size, size, channels)."""
    images = load("lake", "background", data).images
    rows = np.linspace(0, len(images) - 1, CALIBRATION).astype(np.int64)
    return np.repeat(view(images[rows], model.size, model.pixels), model.channels, axis=-1)


def _litert_options(model: Siamese, precision: str, data: str | None) -> dict[str, Any]:
    """Gives the converter's settings for a precision."""
    if precision == "f32":
        return {}
    lite: Any = importlib.import_module("tensorflow").lite
    options: dict[str, Any] = {"optimizations": [lite.Optimize.DEFAULT]}
    if precision == "f16":
        options["target_spec"] = {"supported_types": [np.float16]}
    if precision == "int8-static":
        images = _background(model, data)
        options["representative_dataset"] = lambda: ([image[None]] for image in images)
    return options


def _quantise_onnx(model: Siamese, path: Path, precision: str, data: str | None) -> None:
    """Quantises an ONNX file in place."""
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


def export(model: Siamese, path: Path, form: str, precision: str, data: str | None) -> None:
    """Exports a network's tower.

    Args:
        model: The network; it must have embedded an image before.
        path: The file to write; for OpenVINO the weights go into another file
            beside it.
        form: One of `exporting.FORMATS`.
        precision: `f32`, or one of `PRECISIONS`.
        data: Folder of Omniglot, or None for the default folder.

    Raises:
        TaskError: Static int8 needs Omniglot's background images, which are
            missing.
    """
    options = _litert_options(model, precision, data) if form == "litert" else {}
    model.tower.export(str(path), format=form, verbose=False, **options)
    if form == "onnx" and precision != "f32":
        _quantise_onnx(model, path, precision, data)
    if form == "openvino" and precision != "f32":
        openvino: Any = importlib.import_module("openvino")
        full = openvino.Core().read_model(path)
        # To another file, because the full weights are still read from the first.
        openvino.save_model(full, path.with_name("less.xml"), compress_to_fp16=True)
        for ending in (".xml", ".bin"):
            path.with_name(f"less{ending}").replace(path.with_suffix(ending))
