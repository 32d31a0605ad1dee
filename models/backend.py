"""Keras and its backend: loaded without the notices that the backend prints."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import BinaryIO


@contextmanager
def errors_into(file: BinaryIO) -> Iterator[None]:
    """Sends to a file what is written to the process's standard error, whoever writes it.

    Args:
        file: The file, which stays open meanwhile.
    """

    def flush() -> None:
        if sys.stderr is not None:
            sys.stderr.flush()

    flush()
    try:
        kept = os.dup(2)
    except OSError:
        # The standard error is closed.
        yield
        return
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def unheard() -> Iterator[None]:
    """Drops what is written to the process's standard error, whoever writes it."""
    with Path(os.devnull).open("wb") as nowhere, errors_into(nowhere):
        yield


@contextmanager
def some_home() -> Iterator[None]:
    """Gives a home folder to libraries that cannot be imported without one, such as IPython's."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
        try:
            yield
        finally:
            del os.environ["HOME"]
    else:
        yield


def prefer_onednn() -> None:
    """Makes TensorFlow use oneDNN's convolutions on every x86 processor, unless the user chose.

    It does so by itself only where the processor has AVX512-VNNI. Elsewhere its own convolutions
    are slower, and give the last images of a batch other last digits.
    """
    if platform.machine() in ("x86_64", "AMD64") and "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def load_keras() -> ModuleType:
    """Imports Keras without showing the notices that TensorFlow prints.

    TensorFlow writes start-up notices to the process's standard error, whatever
    its settings are. Errors of the import are raised as usual.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    prefer_onednn()
    with unheard(), some_home():
        import keras

        # The first tensor starts the backend's devices, which print more notices.
        keras.ops.zeros(1)
        return keras


@contextmanager
def designed_settings(policy: str = "float32") -> Iterator[None]:
    """Holds Keras's settings at the values that this project's networks are made for.

    A user's `~/.keras/keras.json` may set other ones. They would reach every
    layer that is made meanwhile, and change its answers under the same digest.

    Args:
        policy: Keras's dtype policy.
    """
    keras = load_keras()
    config = keras.config
    before = config.image_data_format(), config.floatx(), config.epsilon(), config.dtype_policy()
    try:
        config.set_image_data_format("channels_last")
        config.set_floatx("float32")
        config.set_epsilon(1e-7)
        config.set_dtype_policy(policy)
        yield
    finally:
        config.set_image_data_format(before[0])
        config.set_floatx(before[1])
        config.set_epsilon(before[2])
        config.set_dtype_policy(before[3])


def backend_name() -> str:
    """Gives the backend that Keras uses or will use, without loading Keras."""
    try:
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        configured = json.loads((home / "keras.json").read_text()).get("backend", "tensorflow")
    except (OSError, ValueError, AttributeError, RuntimeError):
        configured = "tensorflow"
    return os.environ.get("KERAS_BACKEND") or str(configured)


def processor() -> str:
    """Gives the processor's model; on Linux, `platform` gives only its architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
