"""Engines: libraries that run a network's tower instead of Keras."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ..errors import ModelError
from ..threads import processors, share

PART = 16
"""Images that an engine is given at once: as many as fit the processor's cache."""

KERAS = ("tensorflow", "torch", "jax")
"""Keras's backends, which are engines too; a process has one of them."""

WRAPPED = ("scikit-learn", "torchvision", "timm", "transformers")
"""Packages of models that are wrapped, besides those of the backends and engines."""

Run = Callable[[np.ndarray], np.ndarray]
"""From float32 images (B, size, size, channels) to embeddings (B, D)."""


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
        raise ModelError("this processor has no bfloat16 arithmetic")
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
        packages: Names of the distribution packages whose versions may change
            what the engine computes; the first is the library's own.
        modules: Modules that are needed to export for the engine and to run it.
        form: One of `formats.FORMATS`.
        extra: Name of the extra of wayshot that installs all of these.
        open: Loads the first file of that format at a precision.
        precision: `f32`, or one of `formats.PRECISIONS`.
    """

    library: str
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    form: str
    extra: str
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
        Engine(
            library="onnxruntime",
            packages=("onnxruntime",),
            modules=("onnxruntime", "tf2onnx"),
            form="onnx",
            extra="onnxruntime",
            open=_onnxruntime,
        ),
    ),
    **_at(
        ("f16", "bf16"),
        Engine(
            library="openvino",
            packages=("openvino",),
            modules=("openvino",),
            form="openvino",
            extra="openvino",
            open=_openvino,
        ),
    ),
    **_at(
        ("f16", "int8-dynamic", "int8-static"),
        Engine(
            library="litert",
            packages=("ai-edge-litert",),
            modules=("ai_edge_litert",),
            form="litert",
            extra="litert",
            open=_litert,
        ),
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
            f"pip install 'wayshot[{engine.extra}]'"
        )
    return engine


def packages() -> tuple[str, ...]:
    """Gives the packages on whose versions the last digits of embeddings may depend.

    These versions are in every record and in the keys of all caches. This is the only list of
    them.
    """
    of_engines = (package for engine in ENGINES.values() for package in engine.packages)
    first = ("wayshot", "numpy", "scipy", "keras", *KERAS)
    return tuple(dict.fromkeys((*first, *of_engines, *WRAPPED)))


@cache
def _version(package: str) -> str | None:
    if package == "wayshot":
        # Of the code that runs, which need not be the copy that is installed.
        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions(some: Iterable[str]) -> dict[str, str]:
    """Gives the versions of the installed ones of some packages."""
    found = ((package, _version(package)) for package in some)
    return {package: number for package, number in found if number is not None}


def with_version(name: str) -> str:
    """Gives the name of an engine or Keras backend with its version."""
    package = ENGINES[name].packages[0] if name in ENGINES else name
    return " ".join((name, *versions((package,)).values()))
