from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wayshot import tasks
from wayshot.bench.cli import main
from wayshot.tasks import glyphs
from wayshot.tasks.images import Images

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def characters(tmp_path_factory) -> Path:
    """A folder of 6 alphabets of 8 characters by 6 drawers."""
    root = tmp_path_factory.mktemp("characters")
    bits, rows = glyphs.generate(seed=5, alphabets=6)
    images = Images(bits)
    for row, (alphabet, character, drawer) in enumerate(rows):
        if int(character[-2:]) <= 8 and int(drawer) <= 6:
            path = root / alphabet / character / f"{drawer}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((1 - images[[row]][0]) * np.uint8(255)).save(path)
    return root


@pytest.fixture
def source(characters):
    """Episodes over the folder, by the rest of a protocol's name."""

    def make(rest: str = "within-5w1s", seed: int = 1) -> tasks.Source:
        return tasks.open_protocol(tasks.parse(f"folder:{characters}-{rest}"), seed)

    return make


@pytest.fixture
def wayshot(monkeypatch, capsys):
    """Runs a command in this process; gives status, stdout and stderr."""
    monkeypatch.chdir(HERE)

    def call(*words: object) -> tuple[int, str, str]:
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call
