"""Notices: what TensorFlow prints at its start, when a module of the user's imports it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from ...models import unheard


def _start_unheard() -> None:
    """Makes the start of TensorFlow's devices silent, which is at the first tensor."""
    # Not started here: until then, the user's code may say which devices there are.
    context: Any = sys.modules["tensorflow.python.eager.context"].context()
    start = context.ensure_initialized

    def silent() -> None:
        del context.ensure_initialized
        with unheard():
            start()

    context.ensure_initialized = silent


class _Finder:
    """Finds TensorFlow, and loads it without its notices."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        """Finds TensorFlow alone; other modules are left to other finders."""
        if name != "tensorflow":
            return None
        spec: ModuleSpec | None = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def silent(module: ModuleType) -> None:
            with unheard():
                load(module)
            # A version that starts in another way prints its notices.
            with suppress(Exception):
                _start_unheard()

        spec.loader.exec_module = silent
        return spec


@contextmanager
def without_notices() -> Iterator[None]:
    """Lets modules import TensorFlow without the notices that it prints at its start.

    Where the user has set `TF_CPP_MIN_LOG_LEVEL`, nothing is changed.
    """
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    finder: Any = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
