"""Luggage: the files that a scorer needs on another machine, and its specification there."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ScorerError
from ..scorers import Spec, files_from, registered
from .contents import Content

LARGEST = 4096
"""Files that may be sent with a scorer, at most."""


class Luggage:
    """The files of a scorer, by what they are called where they arrive.

    What lies below the current folder keeps its place, so that a path that code opens there
    leads to the same file.

    Attributes:
        spec: The specification of the scorer among these files.
        content: The files; None if there are none.
    """

    def __init__(self, text: str, more: Iterable[Path] = ()) -> None:
        """Collects the files.

        These are the file of a model, with those beside it of the same name; the code that
        `module:attribute` names, with all that it imports from below its folder; and keys that
        are paths.

        Args:
            text: What the user typed for the scorer.
            more: Other files and folders that its code reads.

        Raises:
            ScorerError: A file is not there.
        """
        self._here = Path.cwd().resolve()
        self._files: dict[str, Path | bytes] = {}
        makers = registered()
        spec = Spec.of(text, makers)
        self.spec = replace(spec, called=spec.title)
        if spec.what not in makers:
            self.spec = self._moved(spec)
        for path in more:
            self._add_all(path.expanduser())
        self.content = Content(self._files) if self._files else None

    def _moved(self, spec: Spec) -> Spec:
        path, what, called = Path(spec.what).expanduser(), spec.what, spec.title
        if path.is_file():
            beside_it = (*path.parent.glob(f"{path.stem}.*"), *path.parent.glob(f"{path.name}*"))
            for beside in beside_it:
                if beside.is_file():
                    self._add(beside, path.parent)
            what = self._add(path, path.parent)
            called = replace(spec, what=path.stem).title
        elif ":" in what and not what.startswith("keras:"):
            what = self._code(what)
        keys = {key: self._value(value) for key, value in spec.keys.items()}
        return replace(spec, what=what, keys=keys, called=called)

    def _value(self, value: Any) -> Any:
        """Moves a key's value that is a path, or code."""
        if not isinstance(value, str):
            return value
        path = Path(value).expanduser()
        if path.exists():
            return self._add_all(path)
        return self._code(value) if ":" in value else value

    def _code(self, name: str) -> str:
        """Adds the code that `module:attribute` names; gives its name where it arrives."""
        place, _, attribute = name.rpartition(":")
        path = Path(place).expanduser()
        if path.suffix == ".py":
            if not path.is_file():
                raise ScorerError(f"{place}: no such file")
            return f"{self._add_code(path)}:{attribute}"
        for start in (self._here, *map(Path, sys.path)):
            base = start.joinpath(*place.split("."))
            for file in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if file.is_file() and not _is_installed(file):
                    self._add_code(file)
                    # Beside what it imports, it is imported by its name as here.
                    return name if start == self._here else f"{self._add_code(file)}:{attribute}"
        _check_module(place)
        return name

    def _add_code(self, path: Path) -> str:
        found = files_from(path)
        path = path.resolve()
        root = next(
            file.parents[len(Path(name).parts) - 1] for name, file in found.items() if file == path
        )
        for file in found.values():
            self._add(file, root)
        return self._add(path, root)

    def _add(self, path: Path, root: Path) -> str:
        """Adds a file; gives its name where it arrives.

        Args:
            path: The file.
            root: The folder that stays around it, if it is not below the current one.
        """
        path, root = path.resolve(), root.resolve()
        if path.is_relative_to(self._here):
            name = path.relative_to(self._here).as_posix()
        else:
            mark = hashlib.sha256(str(root).encode()).hexdigest()[:8]
            name = f"outside/{mark}/{path.relative_to(root).as_posix()}"
        self._files[name] = path
        if len(self._files) > LARGEST:
            raise ScorerError(
                f"{root}: more than {LARGEST:,} files would be sent with a scorer; name the files "
                "that its code reads, and not their folder"
            )
        return name

    def _add_all(self, path: Path) -> str:
        """Adds a file, or a folder with all that is in it."""
        if path.is_file():
            return self._add(path, path.parent)
        if not path.is_dir():
            raise ScorerError(f"{path}: no such file or folder")
        first = ""
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                first = self._add(file, path.parent)
        parts = len(path.resolve().parts) - len(path.resolve().parent.parts)
        if path.resolve().is_relative_to(self._here):
            return path.resolve().relative_to(self._here).as_posix() or "."
        return "/".join(first.split("/")[: 2 + parts])


def _is_installed(path: Path) -> bool:
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib")}
    return any(path.resolve().is_relative_to(folder) for folder in folders)


def _check_module(name: str) -> None:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ScorerError(f"no module {name!r}, neither here nor installed")
