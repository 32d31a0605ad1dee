"""How the code may hang together: floors, faces, no circle, no name twice."""

from __future__ import annotations

import ast
import importlib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "tasks": set(),
    "results": set(),
    "models": {"tasks"},
    "bench": {"tasks", "models", "results"},
}


class House:
    """The modules of some folders, and what each imports, wherever in it the import stands."""

    def __init__(self, root: Path) -> None:
        self.files = {}
        for path in sorted(root.glob("*/**/*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[0] in FLOORS:
                self.files[".".join(parts).removesuffix(".__init__")] = path
        self.rooms = {name for name, path in self.files.items() if path.stem == "__init__"}
        self.faces = {room: self._face(room) for room in self.rooms}
        self.imports = {name: list(self._imports(name)) for name in self.files}

    def room(self, module: str) -> str:
        return module if module in self.rooms else module.rpartition(".")[0]

    def _face(self, room: str) -> dict[str, str]:
        """The module that each public name of a room comes from."""
        stub = self.files[room].with_suffix(".pyi")
        names = {}
        for node in ast.walk(ast.parse(stub.read_text())) if stub.exists() else ():
            if isinstance(node, ast.ImportFrom):
                home = ".".join(filter(None, [room, node.module]))
                names |= {a.name: home if node.module else f"{room}.{a.name}" for a in node.names}
        return names

    def modules_of_face(self, room: str) -> set[str]:
        """Names of a face that are modules, and not what is in them."""
        return {
            alias.name
            for node in ast.walk(ast.parse(self.files[room].with_suffix(".pyi").read_text()))
            if isinstance(node, ast.ImportFrom) and not node.module
            for alias in node.names
        }

    def _imports(self, module: str):
        """Module, name and line of all that a module imports from this project."""
        base = module.split(".") + [""] * (module in self.rooms)
        for node in ast.walk(ast.parse(self.files[module].read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                source = base[: len(base) - node.level] + (node.module or "").split(".")
                for alias in node.names:
                    yield ".".join(filter(None, source)), alias.name, node.lineno

    def home(self, source: str, name: str) -> str:
        """The module that an import ends in, through as many faces as it takes."""
        if f"{source}.{name}" in self.files:
            return f"{source}.{name}"
        behind = self.faces.get(source, {}).get(name)
        return self.home(behind, name) if behind and behind != source else source

    def around_faces(self) -> list[str]:
        """Imports that reach into a room from outside it."""
        return [
            f"{module}:{line} imports {name} of {source}"
            for module, imports in self.imports.items()
            for source, name, line in imports
            if source in self.files and source not in self.rooms
            # Within a room, and from the rooms inside it, its modules are at hand.
            if not f"{self.room(module)}.".startswith(f"{self.room(source)}.")
        ]

    def circle(self) -> list[str]:
        """Modules that import each other, or none."""
        graph = {
            module: {self.home(source, name) for source, name, _ in imports} - {module}
            for module, imports in self.imports.items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            return list(error.args[1])
        return []

    def upwards(self) -> list[str]:
        return [
            f"{module}:{line} imports {source or name}"
            for module, imports in self.imports.items()
            for source, name, line in imports
            if (floor := (source or name).split(".")[0]) != module.split(".")[0]
            and floor in FLOORS
            and floor not in FLOORS[module.split(".")[0]]
        ]


@pytest.fixture(scope="module")
def house() -> House:
    return House(ROOT)


def built(root: Path, **files: str) -> House:
    """A house of other modules: a room of its own for each folder."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in [path.parent, *path.parent.parents]:
            if folder == root:
                break
            (folder / "__init__.py").touch()
    return House(root)


def test_no_package_imports_upwards(house):
    assert len(house.files) > 100
    assert house.upwards() == []


def test_no_modules_import_each_other_even_when_they_are_used(house):
    assert house.circle() == []


def test_a_room_is_entered_through_its_face(house):
    assert house.around_faces() == []


@pytest.mark.parametrize(
    ("fault", "files"),
    [
        ("upwards", {"tasks__a": "from ..bench import b", "bench__b": ""}),
        ("upwards", {"results__a": "from .. import models", "models__b": ""}),
        ("circle", {"tasks__a": "from . import b", "tasks__b": "from .a import x"}),
        ("circle", {"tasks__a": "from .b import x", "tasks__b": "def f():\n    from .a import x"}),
        ("around_faces", {"bench__a": "from ..tasks.b import x", "tasks__b": ""}),
        ("around_faces", {"tasks__a": "from .data.b import x", "tasks__data__b": ""}),
    ],
)
def test_the_checks_see_what_they_are_for(tmp_path, fault, files):
    assert getattr(built(tmp_path, **files), fault)()


def test_a_circle_through_a_face_is_seen(tmp_path):
    (tmp_path / "tasks" / "data").mkdir(parents=True)
    (tmp_path / "tasks" / "data" / "__init__.pyi").write_text("from .b import x as x")
    files = {"tasks__a": "from .data import x", "tasks__data__b": "from ..a import y"}
    assert built(tmp_path, **files).circle()


ROOMS = sorted(House(ROOT).rooms - {"bench.cli"})


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_has_every_name_it_promises_and_lists_it(room):
    package = importlib.import_module(f"wayshot.{room}")
    assert package.__all__
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_shares_its_name_with_a_module(house, room):
    """Or `import wayshot.ROOM.NAME` would give one or the other, by what was loaded before."""
    modules = {module for module in house.files if house.room(module) == room}
    for name in house.faces[room]:
        assert name in house.modules_of_face(room) or f"{room}.{name}" not in modules, name
