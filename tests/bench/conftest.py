from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def one_alphabet(characters) -> Path:
    """One alphabet of that folder, whose folders are its 8 characters."""
    return min(one for one in characters.iterdir() if one.is_dir())


@pytest.fixture(scope="session")
def five_characters(one_alphabet, tmp_path_factory) -> Path:
    """Five characters of that alphabet, which are too few for an interval."""
    root = tmp_path_factory.mktemp("five")
    for character in sorted(one_alphabet.iterdir())[:5]:
        shutil.copytree(character, root / character.name)
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
