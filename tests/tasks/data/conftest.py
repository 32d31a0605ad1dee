from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wayshot.tasks import TaskError


def saved(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="session")
def save():
    """Writes pixels as a picture; gives the path."""
    return saved


@pytest.fixture(scope="session")
def draw():
    """Makes random pixels of a shape."""
    return random_pixels


@pytest.fixture
def classes(tmp_path, empty_cache):
    """Writes pixels as a folder of classes `0`, `1`, ..., picture by picture in turn."""

    def write(pixels: np.ndarray, count: int = 4, name: str = "set") -> Path:
        for i, one in enumerate(pixels):
            saved(tmp_path / name / f"{i % count}" / f"{i:04}.png", one)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def refused():
    """Calls a function that must refuse what it gets; gives the message, one printable line."""

    def call(function, *arguments, **options) -> str:
        with pytest.raises(TaskError) as caught:
            function(*arguments, **options)
        message = str(caught.value)
        assert message.isprintable(), message
        assert len(message) < 600
        return message

    return call
