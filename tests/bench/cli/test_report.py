import contextlib
import io
import json
import re
import subprocess
import sys

import pytest
from browser import OVERFLOWING
from wayshot.bench.cli import main

SCORERS = ("-s", "pixel-cosine", "-s", "pixel-euclidean", "-s", "chance")


def data(page):
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def sheets(page):
    """The pictures that hold the images of trials."""
    return [one["sheet"]["url"] for one in data(page)["trials"] if one["sheet"]]


def sections(page):
    return re.findall(r'<section id="([a-z]+)"', page)


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory):
    """A folder of runs on glyphs, with scores."""
    folder = tmp_path_factory.mktemp("glyphs")
    protocols = "glyphs-within-5w1s", "glyphs-within-3w1s"
    words = ["run", *protocols, *SCORERS, "--episodes", "30", "--scores", "--runs", str(folder)]
    with contextlib.redirect_stdout(io.StringIO()):
        main(words)
    return folder


def test_a_report_of_glyphs_has_all_sections_with_images(wayshot, glyphs, tmp_path):
    path = tmp_path / "new" / "report.html"
    status, out, err = wayshot("report", glyphs, "-o", path, "--json")
    said = json.loads(out)
    page = path.read_text()
    assert status == 0 and said["bytes"] == path.stat().st_size
    assert sections(page) == [
        *("table", "curves", "differences", "where", "errors", "pairs", "origin")
    ]
    assert len(sheets(page)) == 2
    assert "Images of glyphs" in err and "Images of glyphs" in page
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


def test_the_official_runs_have_images_and_are_small(wayshot, omniglot, tmp_path):
    wayshot("run", "lake-runs", *SCORERS[:4], "--runs", tmp_path / "runs", "--data", omniglot)
    path = tmp_path / "report.html"
    status, _, err = wayshot("report", tmp_path / "runs", "-o", path, "--data", omniglot)
    page = path.read_text()
    (sheet,) = sheets(page)
    assert status == 0 and "MIT licence" in err
    assert len(sheet) < 300_000
    assert {"table", "differences", "where", "errors", "origin"} <= set(sections(page))


def test_images_can_be_left_out(wayshot, glyphs, tmp_path):
    path = tmp_path / "report.html"
    status, _, err = wayshot("report", glyphs, "-o", path, "--no-images")
    page = path.read_text()
    assert (status, err) == (0, "")
    assert sheets(page) == [] and "--no-images" in page


def test_runs_of_other_data_have_no_images_and_a_reason(wayshot, glyphs, tmp_path):
    for path in glyphs.rglob("record.json"):
        record = json.loads(path.read_text())
        record["episodes_digest"] = record["episodes_digest"][::-1]
        copy = tmp_path / "runs" / path.relative_to(glyphs)
        copy.parent.mkdir(parents=True)
        copy.write_text(json.dumps(record))
        for file in path.parent.glob("*.parquet"):
            (copy.parent / file.name).write_bytes(file.read_bytes())
    status, _, err = wayshot("report", tmp_path / "runs", "-o", tmp_path / "report.html")
    assert status == 0
    assert "the data set or wayshot has changed since it was run" in err
    assert sheets((tmp_path / "report.html").read_text()) == []


def test_images_of_ones_own_are_taken_from_the_folder_that_is_named(wayshot, characters, tmp_path):
    protocol = f"folder:{characters}-within-5w1s"
    wayshot("run", protocol, *SCORERS[:4], "--episodes", 20, "--runs", tmp_path / "runs")
    words = "report", tmp_path / "runs", "-o", tmp_path / "report.html"
    status, _, err = wayshot(*words)
    assert status == 0 and "no images: " in err
    status, _, err = wayshot(*words, "--images", f"folder:{characters}")
    assert status == 0 and "your own data set" in err
    assert len(sheets((tmp_path / "report.html").read_text())) == 1


def test_a_file_that_cannot_be_written_is_refused_in_one_line(wayshot, glyphs, tmp_path):
    (tmp_path / "file").write_text("")
    status, out, err = wayshot("report", glyphs, "-o", tmp_path / "file" / "r.html", "--no-images")
    assert (status, out) == (2, "")
    assert "cannot be written" in err and len(err.splitlines()) == 1


def test_a_folder_without_a_card_is_refused(wayshot, glyphs, tmp_path):
    status, _, err = wayshot("report", glyphs, "--training", tmp_path)
    assert status == 2 and "no card NAME.json beside weights" in err


def test_comparing_writes_a_report_that_opens_at_the_differences(wayshot, glyphs, tmp_path):
    path = tmp_path / "compared.html"
    words = "compare", "pixel-cosine", "chance", "--runs", glyphs, "--report", path
    status, out, _ = wayshot(*words)
    assert status == 0 and "pixel-cosine against chance" in out
    page = path.read_text()
    said = data(page)
    assert said["start"] == "differences"
    assert set(said["trials"][0]["scorers"]) == {"pixel-cosine", "chance"}


def test_a_report_loads_no_deep_learning_library(glyphs, tmp_path):
    code = (
        "import sys; from wayshot.bench.cli import main; "
        f"main(['report', {str(glyphs)!r}, '-o', {str(tmp_path / 'r.html')!r}]); "
        "print({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_report_of_real_runs_is_sound_in_a_browser(wayshot, browser, glyphs, tmp_path):
    path = tmp_path / "report.html"
    wayshot("report", glyphs, "-o", path)
    for width in (360, 800, 1600):
        browser.open(path, width)
        assert browser.complaints() == []
        assert browser.run(OVERFLOWING) == []
