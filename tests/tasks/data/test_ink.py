import numpy as np
import pytest
from PIL import Image, ImageFilter
from wayshot.tasks.data.ink import decide, look

SIDE = 105


def closed(kind, stroke, margin=0, size=80):
    """A character that fills its picture to the border, black on white."""
    paper = np.full((size, size), 255, dtype=np.uint8)
    lines = {"口": [], "日": [("row", 1 / 2)], "中": [("column", 1 / 2)]}
    lines["田"] = [*lines["日"], *lines["中"]]
    paper[:stroke] = paper[-stroke:] = paper[:, :stroke] = paper[:, -stroke:] = 0
    for way, place in lines[kind]:
        first = int(size * place - stroke / 2)
        if way == "row":
            paper[first : first + stroke] = 0
        else:
            paper[:, first : first + stroke] = 0
    return np.pad(paper, margin, constant_values=255)


def strokes(rng, paper=235, lead=150, size=64, count=4):
    """A character of random strokes, smoothed as a scan is."""
    page = Image.new("L", (size, size), 255)
    ink = np.zeros((size, size), dtype=bool)
    y, x = rng.integers(12, size - 12, (2, count + 1))
    for i in range(count):
        for part in np.linspace(0, 1, 200):
            row = round(y[i] + part * (y[i + 1] - y[i]))
            column = round(x[i] + part * (x[i + 1] - x[i]))
            ink[row : row + 3, column : column + 3] = True
    page = Image.fromarray(np.where(ink, lead, paper).astype(np.uint8))
    return np.asarray(page.filter(ImageFilter.GaussianBlur(0.5)))


@pytest.fixture(scope="module")
def pages():
    rng = np.random.default_rng(3)
    return [strokes(rng) for _ in range(20)]


def spoiled(page, what, rng):
    page = page.copy()
    row, column = rng.integers(0, 60, 2)
    if what == "speck":
        page[row : row + 2, column : column + 2] = 0
    elif what == "hot pixel":
        page[row, column] = 255
    elif what == "dead pixel":
        page[row, column] = 0
    elif what == "edge":
        page[:, :2] = 0
    elif what == "two edges":
        page[-2:] = page[:, -1:] = 0
    return page


@pytest.mark.parametrize("lead", [150, 205, 222])
@pytest.mark.parametrize("what", ["speck", "hot pixel", "dead pixel", "edge", "two edges"])
def test_litter_leaves_the_strokes_of_a_pencil(what, lead):
    rng = np.random.default_rng(5)
    for _ in range(20):
        page = strokes(rng, lead=lead)
        clean, dirty = look(page, SIDE), look(spoiled(page, what, rng), SIDE)
        assert dirty.darkness > 0
        both, either = (clean.dark & dirty.dark).sum(), (clean.dark | dirty.dark).sum()
        assert both / either > 0.75


def test_the_dot_of_an_i_is_no_litter():
    page = np.full((105, 105), 255, dtype=np.uint8)
    page[40:95, 52] = 110
    page[20:26, 50:56] = 0
    assert look(page, SIDE).dark[22, 52]
    assert look(page, SIDE).dark[60, 52]


@pytest.mark.parametrize("stroke", [4, 8, 12])
@pytest.mark.parametrize("inverse", [False, True])
def test_closed_characters_cropped_tightly_are_not_inside_out(stroke, inverse):
    pages = [closed(kind, stroke) for kind in "口日中田"]
    looks = [look(255 - page if inverse else page, SIDE) for page in pages]
    assert (decide(looks) != inverse).all()
    for page, seen in zip(pages, looks, strict=True):
        fitted = look(page, SIDE)
        np.testing.assert_array_equal(seen.light if inverse else seen.dark, fitted.dark)


def test_what_is_unclear_follows_the_others(pages):
    unclear = closed("口", 20)
    looks = [look(page, SIDE) for page in (*pages, unclear)]
    assert not looks[-1].clear
    assert decide(looks).all()
    inverse = [look(255 - page, SIDE) for page in (*pages, unclear)]
    assert not decide(inverse).any()


def test_clear_pictures_decide_for_themselves(pages):
    looks = [look(page if i % 3 else 255 - page, SIDE) for i, page in enumerate(pages)]
    assert decide(looks).tolist() == [bool(i % 3) for i in range(len(pages))]


def test_what_is_asked_for_is_done(pages):
    looks = [look(page, SIDE) for page in pages]
    assert decide(looks, "dark").all()
    assert not decide(looks, "light").any()


@pytest.mark.parametrize("spread", [0, 1, 3, 10])
def test_an_empty_page_is_blank_with_and_without_noise(spread):
    rng = np.random.default_rng(1)
    page = rng.normal(200, spread, (90, 70)).clip(0, 255)
    assert look(page, SIDE).blank


def test_both_polarities_give_the_same_ink(pages):
    for page in pages:
        here, there = look(page, SIDE), look(255 - page, SIDE)
        np.testing.assert_array_equal(here.dark, there.light)
        assert here.darkness == pytest.approx(-there.darkness)
