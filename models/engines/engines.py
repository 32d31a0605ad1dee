"""Engines: libraries that run a network's tower instead of Keras."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..networks import view
from ..threads import processors, share
from .exporting import Export, Origin, exported, probe, versions

PART = 16
"""Images that an engine is given at once: as many as fit the processor's cache."""

KERAS = ("tensorflow", "torch", "jax")
"""Keras's backends, which are engines too; a process has one of them."""

TOLERANCE = 1e-4
"""Largest allowed difference from Keras's embeddings, relative to their largest value."""

Run = Callable[[np.ndarray], np.ndarray]
"""From float32 images (B, size, size, channels) to embeddings (B, D)."""

Embed = Callable[[np.ndarray], np.ndarray]
"""From uint8 images (B, side, side), ink = 1, to embeddings (B, D)."""


@contextmanager
def _hushed() -> Iterator[None]:
    """Hides notices that a library writes directly to the standard error."""
    sys.stderr.flush()
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _in_parts(run: Run, most: int) -> Run:
    """Makes an engine run a batch in parts of at most `most` images."""
    return lambda images: np.concatenate(
        [run(images[start : start + most]) for start in range(0, len(images), most)]
    )


def _onnxruntime(path: Path, precision: str) -> Run:
    onnxruntime: Any = importlib.import_module("onnxruntime")
    # A dynamic range is computed over the whole batch, so that an embedding would
    # depend on the other images in it.
    most = 1 if precision == "int8-dynamic" else PART

    @lru_cache(maxsize=2)
    def session(threads: int) -> tuple[Any, str]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        opened = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return opened, opened.get_inputs()[0].name

    def answer(threads: int, images: np.ndarray) -> np.ndarray:
        opened, name = session(threads)
        return opened.run(None, {name: images})[0]

    def run(images: np.ndarray) -> np.ndarray:
        if len(images) <= most:
            return answer(processors(), images)
        # The engine's own threads wait for each other at every layer and keep the
        # processors busy while they wait.
        starts = range(0, len(images), most)
        parts: list[np.ndarray] = [images] * len(starts)

        def fill(some: slice) -> None:
            for i in range(some.start, some.stop):
                parts[i] = answer(1, images[starts[i] : starts[i] + most])

        # Opened before, or each thread would open a session.
        session(1)
        share(fill, len(parts), 1)
        return np.concatenate(parts)

    session(processors())
    return run


def _openvino(path: Path, precision: str) -> Run:
    openvino: Any = importlib.import_module("openvino")
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ModelError("this processor has no bfloat16 arithmetic; use another engine")
    compiled = core.compile_model(
        path,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": processors(),
            "NUM_STREAMS": 1,
            # By default it uses bfloat16 if the processor has it.
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        },
    )
    # Copied, because the next call overwrites the result.
    return lambda images: np.array(compiled(images)[0])


def _litert(path: Path, precision: str) -> Run:
    litert: Any = importlib.import_module("ai_edge_litert.interpreter")
    with _hushed():
        interpreter = litert.Interpreter(str(path), num_threads=processors())
        interpreter.allocate_tensors()
    taken, given = (
        details[0]["index"]
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    shape: tuple[int, ...] = ()

    def run(images: np.ndarray) -> np.ndarray:
        nonlocal shape
        if images.shape != shape:
            interpreter.resize_tensor_input(taken, images.shape)
            interpreter.allocate_tensors()
            shape = images.shape
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return _in_parts(run, PART)


@dataclass(frozen=True)
class Engine:
    """An inference engine at a precision.

    Attributes:
        library: Name of the library.
        package: Name of its distribution package.
        modules: Modules that are needed to export for the engine and to run it.
        form: One of `exporting.FORMATS`.
        open: Loads a file of that format at a precision.
        precision: `f32`, or one of `quantisation.PRECISIONS`.
    """

    library: str
    package: str
    modules: tuple[str, ...]
    form: str
    open: Callable[[Path, str], Run]
    precision: str = "f32"

    @property
    def name(self) -> str:
        """Name of the engine: the library, with the precision if that is not full."""
        return self.library if self.precision == "f32" else f"{self.library}-{self.precision}"

    @property
    def installed(self) -> bool:
        """Whether all its modules are installed; they are not loaded."""
        return all(importlib.util.find_spec(module) for module in self.modules)


def _at(precisions: tuple[str, ...], full: Engine) -> dict[str, Engine]:
    engines = (full, *(replace(full, precision=one) for one in precisions))
    return {engine.name: engine for engine in engines}


ENGINES = {
    **_at(
        ("int8-dynamic", "int8-static"),
        Engine("onnxruntime", "onnxruntime", ("onnxruntime", "tf2onnx"), "onnx", _onnxruntime),
    ),
    **_at(
        ("f16", "bf16"),
        Engine("openvino", "openvino", ("openvino",), "openvino", _openvino),
    ),
    **_at(
        ("f16", "int8-dynamic", "int8-static"),
        Engine("litert", "ai-edge-litert", ("ai_edge_litert",), "litert", _litert),
    ),
}
"""The inference engines by name."""


def find(name: str) -> Engine:
    """Gives an inference engine by name.

    Raises:
        ModelError: There is no such engine, or it is not installed.
    """
    if name not in ENGINES:
        raise ModelError(
            f"unknown engine {name!r}, expected auto, {', '.join(KERAS)}, {', '.join(ENGINES)}"
        )
    engine = ENGINES[name]
    if not engine.installed:
        raise ModelError(
            f"engine {name}: {' or '.join(engine.modules)} is not installed; "
            f"pip install 'wayshot[{engine.library}]'"
        )
    return engine


def with_version(name: str) -> str:
    """Gives the name of an engine or Keras backend with its version."""
    package = ENGINES[name].package if name in ENGINES else name
    return " ".join((name, *versions((package,)).values()))


def _embedder(export: Export, run: Run) -> Embed:
    def embed(images: np.ndarray) -> np.ndarray:
        seen = view(images, export.size, export.pixels)
        if export.channels > 1:
            seen = np.repeat(seen, export.channels, axis=-1)
        return np.asarray(run(np.ascontiguousarray(seen)), dtype=np.float32)

    return embed


def load(engine: Engine, origin: Origin) -> Embed:
    """Loads a network's tower into an engine, and exports it first if necessary.

    An engine of full precision must agree with Keras on fixed images.

    Args:
        engine: The engine, from `find`.
        origin: The network.

    Raises:
        ModelError: The tower cannot be exported or loaded, or the engine does
            not agree with Keras.
        TaskError: The cache folder cannot be made.
    """
    export = exported(origin, engine.form, engine.precision)
    expected = export.reference
    try:
        embed = _embedder(export, engine.open(export.path, engine.precision))
        found = embed(probe(len(expected)))
        if found.shape != expected.shape or not np.isfinite(found).all():
            raise ModelError(
                f"embeddings have shape {found.shape} or are not finite, expected {expected.shape}"
            )
    except Exception as error:
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        problem = " ".join(f"{kind}{error}".split())[:200]
        raise ModelError(
            f"engine {engine.name}: {origin.network} cannot be run ({problem})"
        ) from None
    apart = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))
    if engine.precision == "f32" and apart > TOLERANCE:
        raise ModelError(
            f"engine {engine.name}: embeddings of {origin.network} differ from Keras's by "
            f"{apart:.1e} of the largest value, expected at most {TOLERANCE:g}; use another engine"
        )
    return embed
