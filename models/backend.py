"""Keras and its backend: loaded without the notices that the backend prints."""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType


def load_keras() -> ModuleType:
    """Imports Keras without showing the notices that TensorFlow prints.

    TensorFlow writes start-up notices to the process's standard error, whatever
    its settings are. Errors of the import are raised as usual.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    sys.stderr.flush()
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras

        # The first tensor starts the backend's devices, which print more notices.
        keras.ops.zeros(1)
        return keras
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def backend_name() -> str:
    """Gives the backend that Keras uses or will use, without loading Keras."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        configured = json.loads((home / "keras.json").read_text()).get("backend", "tensorflow")
    except (OSError, ValueError, AttributeError):
        configured = "tensorflow"
    return os.environ.get("KERAS_BACKEND") or str(configured)


def processor() -> str:
    """Gives the processor's model; on Linux, `platform` gives only its architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
