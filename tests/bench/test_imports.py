from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "tasks": set(),
    "results": set(),
    "models": {"tasks"},
    "bench": {"tasks", "models", "results"},
}
HEAVY = {"tensorflow", "keras", "torch", "jax", "onnxruntime", "openvino", "ai_edge_litert"}


def imported_packages(path: Path, package: str) -> set[str]:
    """The packages of this project that a module imports."""
    depth = len(path.relative_to(ROOT / package).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > depth:
            names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
            found.update(names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wayshot"):
            found.add((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            found.update(a.name.split(".")[1] for a in node.names if a.name.startswith("wayshot."))
    return found - {package}


@pytest.mark.parametrize("package", FLOORS)
def test_no_package_imports_upwards(package):
    modules = list((ROOT / package).rglob("*.py"))
    assert modules
    for path in modules:
        assert imported_packages(path, package) <= FLOORS[package], path


def test_the_check_of_floors_sees_an_import_upwards(tmp_path):
    path = ROOT / "tasks" / "none.py"
    assert imported_packages.__doc__
    source = tmp_path / "x.py"
    source.write_text("from ..bench import registry\nfrom . import dataset\n")
    tree = imported_packages.__globals__
    previous, tree["ROOT"] = tree["ROOT"], tmp_path
    try:
        (tmp_path / "tasks").mkdir()
        source.rename(tmp_path / "tasks" / path.name)
        assert imported_packages(tmp_path / "tasks" / path.name, "tasks") == {"bench"}
    finally:
        tree["ROOT"] = previous


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
        "import contextlib\nfrom wayshot.bench.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['table', 'nowhere'])",
    ],
)
def test_reading_loads_no_deep_learning_library(code):
    assert heavy_modules(code) == set()


def test_the_check_of_loaded_libraries_sees_them():
    assert heavy_modules("import sys; sys.modules['keras'] = sys") == {"keras"}
