from __future__ import annotations

from pathlib import Path

import pytest
from bed import draw_characters
from wayshot import tasks
from wayshot.bench.cli import main

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def characters(tmp_path_factory) -> Path:
    """A folder of drawn characters, as a protocol's data."""
    return draw_characters(tmp_path_factory.mktemp("characters"))


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
