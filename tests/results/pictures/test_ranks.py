import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from wayshot.results import ResultError
from wayshot.results.pictures.picture import check_suffix
from wayshot.results.pictures.ranks import draw_ranks
from wayshot.results.statistics.ranking import rank, ranks

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = ("$\\alpha$", "<b>&amp;", "x\x1b[2J\ny", "_^{}%#~")


@pytest.fixture
def ranking(draw_pair, run_of):
    """A ranking of scorers of given names."""

    def ranking(*names, alphabets=6):
        drawn = draw_pair(2, mixed=False, scorers=len(names), alphabets=alphabets)
        return rank([run_of(one, name) for one, name in zip(drawn, names, strict=True)])

    return ranking


def texts(path):
    root = ElementTree.parse(path).getroot()
    return [
        "".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_a_png_is_a_picture(ranking, tmp_path):
    draw_ranks(ranking("a", "b", "c"), tmp_path / "ranks.png")
    assert (tmp_path / "ranks.png").read_bytes().startswith(PNG)
    with Image.open(tmp_path / "ranks.png") as picture:
        assert picture.width > picture.height > 100
        assert 0 < np.mean(np.asarray(picture.convert("L")) < 128) < 0.2


def test_an_svg_says_the_names_mean_ranks_and_the_critical_difference(ranking, tmp_path):
    found = ranking("a", "b", "c", "d")
    draw_ranks(found, tmp_path / "ranks.svg")
    shown = texts(tmp_path / "ranks.svg")
    for name, mean in zip(found.scorers, found.ranks.means, strict=True):
        assert f"{name} ({mean:.2f})" in shown
    assert f"critical difference {found.ranks.critical_difference:.2f}" in shown
    assert {"1", "2", "3", "4"} <= set(shown)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".SVG"])
def test_names_are_text_whatever_they_are(ranking, tmp_path, suffix):
    path = tmp_path / f"ranks{suffix}"
    draw_ranks(ranking(*NAMES), path)
    if suffix != ".png":
        shown = [re.sub(r" \(.*\)$", "", text) for text in texts(path)]
        assert {"$\\alpha$", "<b>&amp;", "x\ufffd[2J\ufffdy", "_^{}%#~"} <= set(shown)


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_ranking_gives_the_same_bytes(ranking, tmp_path, suffix):
    found = ranking("a", "b", "c")
    for name in ("one", "other"):
        draw_ranks(found, tmp_path / f"{name}{suffix}")
    one, other = (tmp_path / f"{name}{suffix}" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("scorers", [3, 4, 10, 25])
def test_a_bar_joins_every_group_of_several(ranking, tmp_path, scorers):
    accuracies = np.random.default_rng(1).random((9, scorers)) + 0.3 * np.arange(scorers)
    names = tuple(f"scorer{place}" for place in range(scorers))
    found = replace(ranking("a", "b", "c"), scorers=names, ranks=ranks(accuracies))
    draw_ranks(found, tmp_path / "ranks.svg")
    bars = (tmp_path / "ranks.svg").read_text().count("stroke-width: 3")
    assert bars == sum(len(group) > 1 for group in found.ranks.groups) > 0


def test_a_folder_is_made_and_nothing_else_is_left_in_it(ranking, tmp_path):
    path = tmp_path / "new" / "ranks.svg"
    for names in ("abc", "bcd"):
        draw_ranks(ranking(*names), path)
        assert list(path.parent.iterdir()) == [path]
    assert any(text.startswith("d (") for text in texts(path))


def test_a_picture_that_fails_leaves_the_old_one(ranking, tmp_path, monkeypatch):
    path = tmp_path / "ranks.svg"
    path.write_text("old")

    def fail(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        draw_ranks(ranking("a", "b", "c"), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["ranks.pdf", "ranks", "ranks.svg.gz"])
def test_other_kinds_of_pictures_are_refused(ranking, tmp_path, name):
    for call in (check_suffix, lambda path: draw_ranks(ranking("a", "b", "c"), path)):
        with pytest.raises(ResultError, match=r"expected \.png or \.svg"):
            call(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_without_ranks_there_is_no_diagram(ranking, tmp_path):
    with pytest.raises(ResultError, match="expected at least 5 alphabets"):
        draw_ranks(ranking("a", "b", "c", alphabets=4), tmp_path / "ranks.svg")


@pytest.mark.parametrize(("drawn", "loaded"), [(False, False), (True, True)])
def test_matplotlib_is_loaded_only_to_draw(tmp_path, drawn, loaded):
    code = "import sys; from wayshot.results.pictures import ranks; "
    code += "from matplotlib.figure import Figure; " if drawn else ""
    code += "print('matplotlib' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str(loaded)
