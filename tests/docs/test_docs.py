"""README and docs: every command and program works, or the page says why it is not run."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from blocks import Block, blocks
from wayshot.bench.cli import group, main
from wayshot.models.training.recipe import read
from wayshot.tasks.data.listing import SETTINGS

ROOT = Path(__file__).parents[2]
# The generated tables have no blocks; test_extending.py and test_models.py run their pages.
PAGES = [
    ROOT / "README.md",
    *(
        path
        for path in sorted((ROOT / "docs").glob("*.md"))
        if path.name not in ("extending.md", "models.md")
    ),
]
NAMES: dict[str, object] = {"__name__": "__main__"}
"""Names that the blocks of a page share, as in a notebook."""

LANGUAGES = {"console", "sh", "python", "yaml", "text"}
FEW = {
    "WAYSHOT_RUN_EPISODES": "8",
    "WAYSHOT_RUN_ENGINE": "keras",
    "WAYSHOT_TRAIN_MINUTES": "0.02",
    "WAYSHOT_TRAIN_BACKBONE": "conv-4",
}
"""Variables that keep commands short."""


def reason(page: Path, block: Block) -> str | None:
    """Why a block is not run, as the line above it says; None for a block that is run."""
    above = page.read_text().splitlines()[block.line - 3]
    said = re.fullmatch(r"<!-- not run: (.+) -->", above)
    return said[1] if said else None


def wayshot(words: list[str]) -> str:
    """Runs a command of wayshot in this process; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            main(words)
        except SystemExit as end:
            assert not end.code, f"wayshot {shlex.join(words)}: status {end.code}"
    return printed.getvalue()


def command(line: str) -> str:
    words = shlex.split(line, comments=True)
    if words[0] == "wayshot":
        return wayshot(words[1:])
    return subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout


def words(text: str) -> set[str]:
    """Words of an output; figures, names with digits and digests depend on the episodes."""
    return {word.strip("*.,;:()") for word in text.split() if not re.search(r"\d", word)}


def session(text: str) -> None:
    """Runs the commands behind `$ `; what is shown below must be what they print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        missing = words(shown) - words(command(line))
        assert not missing, f"{line} does not print {missing}"


def run(block: Block) -> None:
    if block.file:
        Path(block.file).write_text(block.text)
        if block.language == "yaml" and Path(block.file).name != SETTINGS:
            read(block.file)
    elif block.language == "console":
        session(block.text)
    elif block.language == "sh":
        for line in block.text.splitlines():
            command(line)
    elif block.language == "python":
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.text, "<block>", "exec"), NAMES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with nothing but docs/, whose modules are gone afterwards."""
    monkeypatch.chdir(tmp_path)
    Path("docs").symlink_to(ROOT / "docs")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name, value in FEW.items():
        monkeypatch.setenv(name, value)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


RUN = [page for page in PAGES if any(not reason(page, one) for one in blocks(page))]
NOT_RUN = [
    pytest.param(why, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if (why := reason(page, block))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page):
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize(
    "page",
    [
        # The longest page trains a network.
        pytest.param(page, marks=[pytest.mark.slow] if page.name == "images.md" else [])
        for page in RUN
    ],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_run_one_after_the_other(page, folder, omniglot):
    NAMES.clear()
    NAMES["__name__"] = "__main__"
    for block in blocks(page):
        if not reason(page, block):
            run(block)


@pytest.mark.parametrize("why", NOT_RUN)
def test_a_block_that_is_not_run_says_why(why):
    pytest.skip(why)


def test_what_a_page_shows_and_no_command_prints_is_seen(folder):
    session("$ wayshot --version\nwayshot, version 1.2.3\n")
    with pytest.raises(AssertionError, match="edition"):
        session("$ wayshot --version\nwayshot, edition 1.2.3\n")
    with pytest.raises(AssertionError, match="status 2"):
        run(Block("sh", "", "wayshot nothing\n", 1))
    with pytest.raises(ModuleNotFoundError):
        run(Block("python", "", "import nothing_of_this_name\n", 1))


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not link.startswith("http")]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_have_the_options_that_they_name(page):
    context = click.Context(group)
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for line in re.findall(r"`wayshot ([^`]+)`", " ".join(prose.split())):
        name, *rest = shlex.split(line)
        command = group.get_command(context, name)
        assert command, line
        if isinstance(command, click.Group):
            command = command.get_command(context, rest[0])
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in rest if word.startswith("-")} <= known, line


def test_the_map_has_every_room():
    rooms = {
        f"{path.parent.relative_to(ROOT).as_posix()}/"
        for package in ("tasks", "models", "bench", "results")
        for path in (ROOT / package).rglob("__init__.py")
    }
    rows = re.findall(r"^\| `([a-z/]+/)` \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    # The face of results/ has only the names of its rooms.
    assert set(rows) == rooms - {"results/"}
    assert len(rows) == len(set(rows))
