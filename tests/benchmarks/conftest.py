from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import conv4_file
from wayshot.bench import resolve
from wayshot.bench.machine import describe_machine


@pytest.fixture(scope="session")
def conv4_path(tmp_path_factory) -> Path:
    return conv4_file(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def conv4(conv4_path):
    """The scorer by its fastest engine, with start-up behind it."""
    scorer, known = resolve(str(conv4_path))
    scorer.embed(np.zeros((256, 105, 105), np.uint8))
    return scorer, known


@pytest.fixture(autouse=True)
def _says_the_machine(benchmark):
    here = describe_machine()
    packages = ", ".join(f"{name} {version}" for name, version in here["packages"].items())
    benchmark.extra_info["machine"] = (
        f"{here['cpu']}, {here['threads']} processors, Python {here['python']}; {packages}"
    )
