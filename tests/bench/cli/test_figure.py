import contextlib
import io
import json
import re

import pytest
from PIL import Image
from wayshot.bench.cli import main
from wayshot.results.pictures import CHARTS


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs on two protocols that differ in their ways."""
    folder = tmp_path_factory.mktemp("runs")
    protocols = "glyphs-within-5w1s", "glyphs-within-3w1s"
    scorers = "-s", "pixel-cosine", "-s", "pixel-euclidean", "-s", "chance"
    words = ["run", *protocols, *scorers, "--episodes", "30", "--scores", "--runs", str(folder)]
    with contextlib.redirect_stdout(io.StringIO()):
        main(words)
    return folder


@pytest.mark.parametrize(
    ("width", "inches"), [("3.3in", 3.3), ("8.4cm", 8.4 / 2.54), ("84mm", 8.4 / 2.54)]
)
def test_a_figure_is_as_wide_as_it_was_asked_for(wayshot, runs, tmp_path, width, inches):
    path = tmp_path / "ways.png"
    status, out, _ = wayshot("figure", "ways", runs, "-o", path, "--width", width, "--json")
    assert status == 0 and json.loads(out)["width_inches"] == pytest.approx(inches)
    with Image.open(path) as picture:
        assert picture.width == pytest.approx(200 * inches, abs=1)


def test_a_pdf_has_the_width_in_points_and_the_same_bytes_again(wayshot, runs, tmp_path):
    for name in ("one.pdf", "other.pdf"):
        words = "differences", runs, "--protocol", "glyphs-within-5w1s", "-o", tmp_path / name
        assert wayshot("figure", *words)[0] == 0
    content = (tmp_path / "one.pdf").read_bytes()
    assert content == (tmp_path / "other.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", content)
    assert float(box[1]) == pytest.approx(72 * 3.3, abs=0.1)


def test_a_chart_of_one_protocol_asks_which(wayshot, runs, tmp_path):
    path = tmp_path / "alphabets.svg"
    status, _, err = wayshot("figure", "alphabets", runs, "-o", path)
    assert status == 2
    assert "choose by --protocol from glyphs-within-3w1s, glyphs-within-5w1s" in err
    words = "figure", "alphabets", runs, "-o", path, "--protocol", "glyphs-within-3w1s"
    assert wayshot(*words)[0] == 0
    assert "<text" in path.read_text()


def test_where_there_is_nothing_to_draw_it_says_what_is_needed(wayshot, runs, tmp_path):
    status, _, err = wayshot("figure", "shots", runs, "-o", tmp_path / "shots.pdf")
    assert status == 2 and "protocols that differ in their shots only" in err
    assert not (tmp_path / "shots.pdf").exists()


@pytest.mark.parametrize("width", ["wide", "0.1in", "3.3", "-3in", "99in"])
def test_an_impossible_width_is_refused(wayshot, runs, tmp_path, width):
    status, _, err = wayshot("figure", "ways", runs, "-o", tmp_path / "a.pdf", f"--width={width}")
    assert status == 2 and "expected such as 3.3in" in err


def test_another_kind_of_file_is_refused(wayshot, runs, tmp_path):
    status, _, err = wayshot("figure", "ways", runs, "-o", tmp_path / "a.gif")
    assert status == 2 and "expected .pdf, .png or .svg" in err


def test_the_help_names_every_chart(wayshot):
    text = wayshot("figure", "--help")[1]
    assert all(re.search(rf"^\s+{name}$", text, re.MULTILINE) for name in CHARTS)


def test_a_scorer_has_its_colour_whatever_is_selected(wayshot, runs, tmp_path):
    def colours(*words):
        path = tmp_path / "roc.svg"
        words = ("figure", "roc", runs, "--protocol", "glyphs-within-5w1s", "-o", path, *words)
        assert wayshot(*words)[0] == 0
        text = path.read_text()
        return [one for one in re.findall(r"stroke: (#[0-9a-f]{6})", text) if one != "#1b1b1f"]

    every = colours()
    alone = colours("-s", "pixel-euclidean")
    assert len(set(alone)) == 1 and len(set(every)) == 3
    assert set(alone) < set(every)
    assert set(alone) != set(colours("-s", "pixel-cosine"))
