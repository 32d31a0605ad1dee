from __future__ import annotations

import pytest


@pytest.fixture
def protocol(characters) -> str:
    return f"folder:{characters}-within-5w1s"
