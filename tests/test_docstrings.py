"""The form of docstrings: a verb, every argument named, examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Commands of bench/cli are described by their options.
FILES = [
    path
    for package in ("tasks", "models", "results", "bench")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.parent != ROOT / "bench" / "cli"
]

EXAMPLES = {
    "tasks": ("parse", "open_protocol"),
    "results": ("load", "compare"),
    "bench": ("evaluate",),
}
"""By room, functions that show their use."""


def is_property(function: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(one) for one in function.decorator_list)


def functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The public functions and methods of a module, and the constructors of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, f"{prefix}{node.name}.")
        elif (
            isinstance(node, ast.FunctionDef)
            and not is_property(node)
            and (node.name == "__init__" or not node.name.startswith("_"))
        ):
            yield f"{prefix}{node.name}", node


def parameters(function: ast.FunctionDef) -> list[str]:
    spec = function.args
    named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
    return [one.arg for one in named if one is not None and one.arg not in ("self", "cls")]


def described(docstring: str) -> set[str]:
    """The arguments in a docstring's section Args."""
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)+)", docstring, re.MULTILINE)
    return set(re.findall(r"^ {4}\*{0,2}(\w+):", section[1], re.MULTILINE)) if section else set()


def missing_in(function: ast.FunctionDef) -> list[str]:
    known = described(ast.get_docstring(function) or "")
    return [name for name in parameters(function) if name not in known]


def not_described(source: str) -> list[str]:
    """Functions with two or more parameters that do not describe all of them."""
    return [
        f"{name}: {', '.join(missing)}"
        for name, function in functions(ast.parse(source).body)
        if len(parameters(function)) > 1 and (missing := missing_in(function))
    ]


def without_verb(source: str) -> list[str]:
    """Functions whose docstring does not begin with what they do, such as "Gives" or "Reads"."""
    return [
        f"{name}: {docstring.splitlines()[0]}"
        for name, function in functions(ast.parse(source).body)
        if (docstring := ast.get_docstring(function))
        and not re.match(r"[A-Z][a-z-]+s\b(?!')", docstring)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_function_describes_all_its_arguments(path):
    assert not_described(path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_docstring_begins_with_what_the_function_does(path):
    assert without_verb(path.read_text()) == []


def test_the_checks_see_what_they_are_for():
    good = (
        'def f(a, *b):\n    """Adds numbers.\n\n'
        '    Args:\n        a: One.\n        *b: More.\n    """'
    )
    assert not_described(good) == without_verb(good) == []
    assert not_described(good.replace("        *b: More.\n", "")) == ["f: b"]
    assert not_described("def f(a, b): ...") == ["f: a, b"]
    assert without_verb(good.replace("Adds numbers", "The sum")) == ["f: The sum."]
    assert without_verb(good.replace("Adds numbers", "Wilson's sum")) == ["f: Wilson's sum."]


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room, names in EXAMPLES.items() for name in names]
)
def test_examples_run_and_print_what_they_show(room, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(importlib.import_module(f"wayshot.{room}"), name)
    tests = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert [len(one.examples) > 0 for one in tests] == [True]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(tests[0]).failed == 0
