"""The package as a whole: what `import wayshot` gives, and which copy of it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import wayshot

ROOT = Path(__file__).parents[1]


def python(*words: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_at_the_top_are_there_and_listed():
    assert set(wayshot.__all__) <= set(dir(wayshot))
    assert all(callable(getattr(wayshot, name)) for name in ("run", "evaluate", "load", "parse"))


def test_the_command_line_is_a_module(tmp_path):
    assert python("-m", "wayshot", "--version", cwd=tmp_path).split()[-1] == wayshot.__version__


def test_the_version_is_that_of_the_changelog():
    released = (ROOT / "CHANGELOG.md").read_text().partition("\n## ")[2].split()[0]
    assert wayshot.__version__ == released


def test_a_clone_beside_a_script_runs_whole_and_says_its_own_version(tmp_path):
    """Never the files of one copy under the version of another."""
    clone = tmp_path / "wayshot"
    clone.mkdir()
    for path in ROOT.iterdir():
        if path.name in ("bench", "models", "results", "tasks", "__init__.pyi"):
            (clone / path.name).symlink_to(path)
    text = (ROOT / "__init__.py").read_text()
    (clone / "__init__.py").write_text(text.replace(wayshot.__version__, "9.9.9"))
    (tmp_path / "script.py").write_text(
        "import json, wayshot, wayshot.bench\n"
        "found = wayshot.bench.environment()['packages']['wayshot']\n"
        "print(json.dumps([wayshot.bench.__file__, wayshot.__version__, found]))\n"
    )
    file, version, recorded = json.loads(python("script.py", cwd=tmp_path))
    assert Path(file).parent == clone / "bench"
    assert version == recorded == "9.9.9"


def test_printing_results_prints_their_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = wayshot.run("chance", "glyphs-within-5w1s", episodes=3)
    assert "glyphs-within-5w1s" in str(found) and "chance" in str(found)
    assert str(wayshot.load("runs")) == str(found)
    again = wayshot.evaluate("chance", "glyphs-within-5w1s", episodes=3)
    assert again.folder == found.runs[0].folder
