"""Code: the files and functions that a scorer is made of."""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")


@lru_cache(maxsize=1)
def _libraries() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({Path(sysconfig.get_path(name)).resolve() for name in names})


@lru_cache(maxsize=4096)
def _is_of_library(path: Path) -> bool:
    path = path.resolve()
    return any(part in _INSTALLED for part in path.parts) or any(
        path.is_relative_to(one) for one in _libraries()
    )


def file_of(module: str) -> Path | None:
    """Gives the file of a module that is loaded, or None if it has none."""
    name = getattr(sys.modules.get(module), "__file__", None)
    path = Path(name) if isinstance(name, str) else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def is_installed(module: str | None) -> bool:
    """Tells whether a module is one of Python, of an installed package, or of this project.

    Such code is known by its version, and need not be read.

    Args:
        module: Name of the module.
    """
    if not module:
        return False
    top = module.partition(".")[0]
    if top == "wayshot" or top in sys.builtin_module_names or top in sys.stdlib_module_names:
        # A file of the user's may have the name of a module of Python.
        path = file_of(module)
        return top == "wayshot" or path is None or _is_of_library(path)
    if top == "__main__":
        return False
    path = file_of(module)
    if path is not None:
        return _is_of_library(path)
    # A package of compiled code, or a module that was made while the program ran.
    own = getattr(sys.modules.get(module), "__spec__", None)
    return own is not None and isinstance(own.origin, str) and _is_of_library(Path(own.origin))


def is_function_installed(function: types.FunctionType) -> bool:
    """Tells whether a function is of Python, of an installed package, or of this project.

    Its file tells, as a decorator may have given it the name of another module.

    Args:
        function: The function.
    """
    place, module = function.__code__.co_filename, function.__module__
    if (module or "").partition(".")[0] == "wayshot":
        return True
    if place.startswith("<"):
        # Made while the program ran, as by exec; Python has no such functions itself.
        return module != "builtins" and is_installed(module)
    return _is_of_library(Path(place))


def names_in(code: types.CodeType) -> set[str]:
    """Gives the names that code and the functions in it look up."""
    found = set(code.co_names)
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            found |= names_in(one)
    return found


def parts_of(code: types.CodeType) -> str:
    """Computes a digest of code, without its place in a file."""
    found = hashlib.sha256(code.co_code)
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            words = parts_of(one)
        elif isinstance(one, frozenset):
            words = repr(sorted(map(repr, one)))
        else:
            words = repr(one)
        found.update(f"{words}\n".encode("utf-8", "surrogatepass"))
    found.update(repr((code.co_names, code.co_freevars, code.co_argcount)).encode())
    return found.hexdigest()


def _folder(path: Path) -> Path:
    """Gives the folder below which the code of a file lies: that of its outermost package."""
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Gives the level of each import (0 if absolute), and the name that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            yield from ((node.level, f"{base}.{one.name}".strip(".")) for one in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            first = node.args[0]
            if name in ("import_module", "__import__") and isinstance(first, ast.Constant):
                text = str(first.value)
                yield len(text) - len(text.lstrip(".")), text.lstrip(".")


def _places(path: Path, root: Path, level: int, name: str) -> Iterator[Path]:
    """Gives the files that an import may be of, of all packages around it too."""
    if level:
        base = path.parents[level - 1]
        starts = [base]
    else:
        starts = [root] if path.parent == root else [root, path.parent]
    parts = name.split(".") if name else []
    for start in starts:
        for count in range(len(parts) + 1):
            inner = start.joinpath(*parts[:count])
            if count:
                yield inner.with_name(f"{inner.name}.py")
            if count or level:
                yield inner / "__init__.py"
    if not level:
        for count in range(1, len(parts) + 1):
            known = file_of(".".join(parts[:count]))
            if known is not None:
                yield known


def files_from(start: Path, module: str = "") -> dict[str, Path]:
    """Gives a file of code, and all that it imports from below the same folder.

    Imports are read in the files, wherever in them they stand, so that it does not matter
    whether they were made already.

    Args:
        start: The file.
        module: Name of its module. A script that runs scorers, `__main__`, is left out: it changes
            more often than they do, and what matters of it is known by the functions that are used.

    Returns:
        The files by their place below the folder of the outermost package.
    """
    found: dict[str, Path] = {}
    start = start.resolve()
    root, waiting, seen = _folder(start), [start], {start}
    while waiting:
        path = waiting.pop()
        if module != "__main__" or path != start:
            found[path.relative_to(root).as_posix()] = path
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        for level, name in _imported(tree):
            if level > len(path.relative_to(root).parts):
                continue
            for place in _places(path, root, level, name):
                if not place.is_file():
                    continue
                place = place.resolve()
                below = place.is_relative_to(root) and not _is_of_library(place)
                if below and place not in seen:
                    seen.add(place)
                    waiting.append(place)
    return found


def files_of(modules: Iterable[str]) -> dict[str, Path]:
    """Gives the files of modules, and of all that they import from below their folders.

    Args:
        modules: Names of modules that are loaded.

    Returns:
        The files by their place below the folder of the module that they were reached from.
    """
    found: dict[str, Path] = {}
    for module in sorted(modules):
        start = file_of(module)
        if start is not None and not is_installed(module):
            found |= files_from(start, module)
    return found


def digest_of(modules: Iterable[str]) -> str:
    """Computes a digest of the files that `files_of` gives.

    Args:
        modules: Names of modules that are loaded.
    """
    found = hashlib.sha256()
    for name, path in sorted(files_of(modules).items()):
        content = path.read_bytes()
        found.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found.hexdigest()
