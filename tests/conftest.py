import json
import os
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from hypothesis import settings
from wayshot.models.backend import prefer_onednn
from wayshot.tasks import Dataset, Images
from wayshot.tasks.data.images import pack

# Many modules of tests import Keras before this project does.
prefer_onednn()

# The same examples at every run, and no clock: a busy machine is slow.
settings.register_profile("wayshot", deadline=None, derandomize=True)
settings.load_profile("wayshot")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of this session's own; its data sets are decoded once, by whichever test is first."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAYSHOT_CACHE", str(base / "wayshot-cache"))
        yield base / "wayshot-cache"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A browser without a window."""
    found = Browser(tmp_path_factory.mktemp("browser"))
    yield found
    found.driver.quit()


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    """An empty cache, for tests that watch how it fills."""
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("WAYSHOT_CACHE", str(folder))
    return folder


@pytest.fixture
def no_omniglot(monkeypatch, empty_cache):
    """A machine on which Omniglot is nowhere."""
    monkeypatch.delenv("WAYSHOT_DATA", raising=False)


@pytest.fixture(scope="session")
def omniglot():
    """The folder that holds Omniglot's zips."""
    folder = os.environ.get("WAYSHOT_DATA")
    if not folder:
        pytest.skip("WAYSHOT_DATA is not set: this test needs Omniglot's zips in that folder")
    return Path(folder)


@pytest.fixture(scope="session")
def golden():
    """Reads `golden/NAME.json`: truths from outside this project."""
    folder = Path(__file__).parent / "golden"
    return lambda name: json.loads((folder / f"{name}.json").read_text())


def draw_dataset(sizes, drawers, name="tiny", side=105):
    """Random images; alphabets A, B, ... of the given numbers of characters."""
    rows = [
        (alphabet, f"character{c:02}", f"{d:02}", f"{alphabet}/character{c:02}/{d:02}.png")
        for alphabet, size in zip("ABCDEFGHIJ", sizes, strict=False)
        for c in range(1, size + 1)
        for d in range(1, drawers + 1)
    ]
    rng = np.random.Generator(np.random.PCG64(7))
    bits = pack(rng.random((len(rows), side, side)) < 0.1)
    return Dataset.build(name, Images(bits, side), rows)


@pytest.fixture(scope="session")
def tiny():
    """Four alphabets of 6 to 9 characters by 10 drawers, the same at every run."""
    return draw_dataset((6, 7, 8, 9), 10)


@pytest.fixture(scope="session")
def make_dataset():
    return draw_dataset
