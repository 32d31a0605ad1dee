"""Every example of docs/extending.md works, and the registries are where the page says."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from blocks import Block, blocks
from wayshot.results import INTERVALS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
NEEDS = {"An inference engine": ("onnx", "tf2onnx")}
ADDED = {
    "A scorer",
    "A scorer offered by a package",
    "A protocol suffix",
    "A backbone",
    "An inference engine",
    "A table format",
    "An interval",
}


def sections() -> dict[str, list[Block]]:
    """The blocks of the page by the heading above them."""
    lines = PAGE.read_text().splitlines()
    found: dict[str, list[Block]] = {}
    for block in blocks(PAGE):
        above = (line[3:] for line in reversed(lines[: block.line]) if line.startswith("## "))
        found.setdefault(next(above), []).append(block)
    return found


def install(folder: Path) -> None:
    """Leaves beside a package what pip would leave of it, without a build."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines: list[str] = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{point} = {place}" for point, place in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


def patch(folder: Path, text: str) -> None:
    """Makes a copy of this project in a folder, and changes it as a diff says."""
    copy = folder / "wayshot"
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.name in ("bench", "models", "results"):
            (copy / path.name).symlink_to(path)
        elif path.name == "tasks":
            shutil.copytree(path, copy / path.name)
        elif path.suffix in (".py", ".pyi"):
            shutil.copy(path, copy)
    words = ("git", "apply", "-C1", "-")
    done = subprocess.run(words, cwd=copy, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run(command: str, folder: Path) -> str:
    """Runs a command in a folder; gives what it prints."""
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_shows_every_kind_of_addition():
    assert set(sections()) == ADDED


def test_the_files_that_are_named_exist():
    pages = PAGE.read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`([\w/]+\.(?:py|md|cfg))`", pages))
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_readme_has_a_row_for_every_interval():
    table = (ROOT / "README.md").read_text().partition("| `--interval` |")[2].partition("\n\n")[0]
    first_cells = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`([\w-]+)`", cell)]
    assert named == list(INTERVALS)


@pytest.mark.parametrize("heading", sections())
def test_an_example_does_what_the_page_says(heading, tmp_path):
    for module in NEEDS.get(heading, ()):
        if not importlib.util.find_spec(module):
            pytest.skip(f"{module} is not installed")
    if any(block.language == "diff" for block in sections()[heading]) and not shutil.which("git"):
        pytest.skip("git is not installed")
    printed = ""
    for block in sections()[heading]:
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        elif block.language == "diff":
            patch(tmp_path, block.text)
        elif block.language == "sh":
            for command in block.text.splitlines():
                if command == "pip install .":
                    install(tmp_path)
                else:
                    printed += run(command, tmp_path)
        else:
            assert block.language == "text"
            said = " ".join(printed.split())
            for line in block.text.splitlines():
                assert " ".join(line.split()) in said
