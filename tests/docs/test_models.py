"""Every example of docs/models.md runs where its library is installed."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import blocks
from wayshot.bench import registered, traits
from wayshot.bench.cli import main
from wayshot.bench.scorers.wrapping import READERS

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
SECTIONS = {}
for block in blocks(PAGE):
    above = PAGE.read_text().splitlines()[: block.line]
    heading = next(line[3:] for line in reversed(above) if line.startswith("## "))
    SECTIONS.setdefault(heading, []).append(block)


def imported(text: str) -> set[str]:
    """The libraries that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("heading", SECTIONS)
def test_an_example_runs(heading, tmp_path):
    programs = [block for block in SECTIONS[heading] if block.language == "python"]
    needed = set().union(*(imported(block.text) for block in programs))
    if "onnx" in needed:
        needed.add("onnxruntime")
    for library in sorted(needed):
        if not importlib.util.find_spec(library):
            pytest.skip(f"{library} is not installed")
    # A process for each, as not all builds of PyTorch and TensorFlow can be loaded together.
    done = subprocess.run(
        [sys.executable, __file__, heading],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run(heading: str) -> None:
    """Runs the blocks of a section in the current folder."""
    sys.path.insert(0, "")
    for block in SECTIONS[heading]:
        if block.file:
            Path(block.file).write_text(block.text)
        elif block.language == "python":
            names: dict = {}
            exec(compile(block.text, f"{PAGE.name}:{block.line}", "exec"), names)
            scorers = [one for one in names.values() if type(one).__module__.startswith("wayshot.")]
            scorers = [one for one in scorers if hasattr(one, "digest") and hasattr(one, "name")]
            assert scorers
            for one in scorers:
                assert traits(one, "x").digest
        else:
            for line in block.text.splitlines():
                if line.startswith("python "):
                    exec(compile(Path(line[7:]).read_text(), line, "exec"), {})
                else:
                    assert not main(line.split()[1:])


def test_the_page_names_every_kind_of_file_and_no_scorer_is_called_like_its_labels():
    text = PAGE.read_text()
    assert [one for one in READERS if f"`{one}`" not in text] == []
    labels = re.findall(r"-s (\w+)=", text)
    assert labels and not set(labels) & set(registered())


if __name__ == "__main__":
    run(sys.argv[1])
