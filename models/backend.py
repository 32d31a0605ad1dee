"""Loading Keras without the notices that its backend prints."""

from __future__ import annotations

import os
import sys
from types import ModuleType


def load_keras() -> ModuleType:
    """Imports Keras, and keeps what TensorFlow writes meanwhile off the terminal.

    TensorFlow writes start-up notices to the process's standard error whatever
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

        # The first tensor starts the backend's devices, with notices of their own.
        keras.ops.zeros(1)
        return keras
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
