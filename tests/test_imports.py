from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from wayshot.models.engines.engines import ENGINES, KERAS

ROOT = Path(__file__).parents[1]
HEAVY = {"keras", *KERAS, *(module for engine in ENGINES.values() for module in engine.modules)}


def heavy_modules(code: str) -> set[str]:
    """The heavy libraries that are loaded after some code has run."""
    code += f"\nimport sys\nprint('loaded:', *({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "tests"
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "code",
    [
        "import wayshot.tasks",
        "import wayshot.results",
        "import wayshot.models",
        "import wayshot.bench",
        "from wayshot.bench.cli import main; main(['list', 'scorers'])",
        "from wayshot.bench.cli import main; main(['describe', 'siamese-small'])",
        "from wayshot.bench.cli import main; main(['list', 'recipes'])",
        "from wayshot.bench.cli import main; main(['describe', 'recipe', 'siamese-small'])",
        "import wayshot.models.networks.comparison, wayshot.models.training.precision",
        "import wayshot.bench.scorers.siamese",
        "import wayshot.results.report.document, wayshot.results.pictures.shelf",
        "import contextlib\nfrom wayshot.bench.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['report', 'nowhere'])",
        "import contextlib\nfrom wayshot.bench.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['table', 'nowhere'])",
    ],
)
def test_reading_loads_no_deep_learning_library(code):
    assert heavy_modules(code) == set()


def test_the_check_of_loaded_libraries_sees_them():
    assert heavy_modules("import sys; sys.modules['keras'] = sys") == {"keras"}
