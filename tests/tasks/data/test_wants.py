from __future__ import annotations

import itertools

import numpy as np
import pytest
from wayshot.tasks import Images, Pictures, TaskError, Wants, wanted
from wayshot.tasks.data.pictures import keys_of
from wayshot.tasks.data.wants import KINDS, POLARITIES


def ink_images():
    return Images.of(np.random.default_rng(0).random((5, 105, 105)) < 0.2)


def pictures(deep, height, width, ink):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (5, height, width, *deep), dtype=np.uint8)
    dark = ink == "dark"
    paper = (250, 240, 230) if deep else (240 if dark else 20,)
    return Pictures(pixels, np.arange(5), keys_of(pixels), paper, ink)


DATA = {
    "ink": ink_images,
    "gray dark": lambda: pictures((), 12, 6, "dark"),
    "gray light": lambda: pictures((), 12, 12, "light"),
    "color": lambda: pictures((3,), 12, 6, "dark"),
}


def fitted(shades, size, paper):
    """Where it shrinks by whole factors: averages, with paper around; one channel."""
    factor = max(shades.shape[0] // size[0], shades.shape[1] // size[1])
    height, width = (length // factor for length in shades.shape)
    whole = np.full(size, float(paper))
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    for y in range(height):
        for x in range(width):
            part = shades[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
            whole[top + y, left + x] = part.astype(float).mean()
    return whole


def slow(data, picture, kind, wants):
    """What is wanted of one picture, step by step as it is documented."""
    if data.kind == "color":
        size = wants.size or picture.shape[:2]
        if size == picture.shape[:2]:
            return picture.astype(float)
        channels = zip(np.moveaxis(picture, -1, 0), data.paper, strict=True)
        return np.stack([fitted(one, size, paper) for one, paper in channels], axis=-1)
    if data.kind == "ink":
        shades, paper, has = picture * 255, 0, "bright"
    else:
        shades, paper, has = picture, data.paper[0], {"dark": "dark", "light": "bright"}[data.ink]
    asked = wants.polarity or ("bright" if kind == "ink" else has)
    if asked != has:
        shades, paper = 255 - shades, 255 - paper
    size = wants.size or shades.shape
    shades = shades.astype(float) if size == shades.shape else fitted(shades, size, paper)
    if kind == "ink":
        shades = np.where(shades > 127, 1.0, 0.0)
    elif kind == "unit":
        shades = shades / 255
    channels = 3 if kind == "color" else wants.channels
    return shades if channels is None else np.stack([shades] * channels, axis=-1)


POSSIBLE = [
    (data, kind) for data, kind in itertools.product(DATA, KINDS) if data != "color" or kind == data
]


@pytest.mark.parametrize(("data", "kind"), POSSIBLE)
@pytest.mark.parametrize("size", [None, "same", "smaller"])
def test_images_are_what_a_plain_loop_makes_of_them(data, kind, size):
    images = DATA[data]()
    smaller = (35, 35) if data == "ink" else (4, 4)
    sizes = {None: None, "same": images.shape[1:3], "smaller": smaller}
    rows = np.array([3, 0, 1])
    for channels, polarity in itertools.product((None, 1, 3), (None, *POLARITIES)):
        wants = Wants((kind,), sizes[size], channels, polarity)
        found = wanted(images, wants)
        got = found[rows]
        expected = np.stack([slow(images, one, kind, wants) for one in images[rows]])
        assert got.shape == expected.shape, wants
        difference = np.abs(got - expected)
        if kind == "ink" and size == "smaller":
            # A mean of exactly half of all shades may be rounded either way.
            assert (difference > 0).mean() < 0.02, wants
        elif size == "smaller":
            assert difference.max() <= (1.01 / 255 if kind == "unit" else 1), wants
        else:
            assert difference.max() < 1e-6, wants
        as_ink = data == "ink" and kind == "unit" and size != "smaller"
        floats = kind == "unit" and not as_ink
        assert got.dtype == (np.float32 if floats else np.uint8), wants
        assert len(found) == 5
        np.testing.assert_array_equal(found[2], found[[2]][0])


@pytest.mark.parametrize("data", ["ink", "gray light"])
def test_turned_rows_are_turned_after_all_else_alike(data):
    images = DATA[data]()
    for kind in ("ink", "unit", "gray", "color"):
        found = wanted(images, Wants((kind,), channels=1))
        rows = np.arange(4) * len(images) + 2
        expected = [np.rot90(found[2], turns, axes=(0, 1)) for turns in range(4)]
        np.testing.assert_array_equal(found[rows], expected)


def test_paper_is_put_around_pictures_that_are_not_square():
    images = pictures((), 12, 6, "dark")
    plain = wanted(images, Wants(("gray",), (12, 12)))[0]
    assert (plain[:, :3] == 240).all() and (plain[:, 9:] == 240).all()
    bright = wanted(images, Wants(("unit",), (12, 12), polarity="bright"))[0]
    np.testing.assert_allclose(bright[:, :3], 15 / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "kinds", "nearest"),
    [
        ("ink", KINDS, "ink"),
        ("ink", ("color", "gray"), "gray"),
        ("gray dark", KINDS, "gray"),
        ("gray dark", ("ink", "unit", "color"), "unit"),
        ("gray dark", ("ink", "color"), "color"),
        ("color", KINDS, "color"),
    ],
)
def test_the_nearest_of_the_kinds_is_taken(data, kinds, nearest):
    images = DATA[data]()
    found = wanted(images, Wants(kinds))[:1]
    np.testing.assert_array_equal(found, wanted(images, Wants((nearest,)))[:1])


def test_who_wants_nothing_gets_the_images_themselves():
    for make in DATA.values():
        images = make()
        assert wanted(images, None) is images
    ink = ink_images()
    assert wanted(ink, Wants(("ink", "unit"), (105, 105), polarity="bright")) is ink


@pytest.mark.parametrize("kinds", [("ink",), ("unit",), ("gray",), ("ink", "unit", "gray")])
def test_colour_is_never_turned_into_anything_else(kinds):
    with pytest.raises(TaskError, match=r"takes .*gray|takes ink") as caught:
        wanted(DATA["color"](), Wants(kinds))
    assert "these are in colour; images:PATH@gray turns them to gray" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("gray", Wants(("gray",))),
        (["unit", "color"], Wants(("unit", "color"))),
        ({}, Wants(KINDS)),
        ({"kind": "ink", "size": 28}, Wants(("ink",), (28, 28))),
        ({"size": [28, 30]}, Wants(KINDS, (28, 30))),
        ({"size": np.int64(28)}, Wants(KINDS, (28, 28))),
        ({"channels": 3, "polarity": "dark"}, Wants(KINDS, None, 3, "dark")),
        (Wants(("ink",)), Wants(("ink",))),
    ],
)
def test_what_a_scorer_says_is_read(said, expected):
    found = Wants.read(said)
    assert found == expected and hash(found) == hash(expected)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("grey", "wants kind 'grey', expected some of ink, unit, gray, color"),
        ([], "wants kind [], expected"),
        ({"kind": 5}, "wants kind 5"),
        ({"kind": ["gray", ["x"]]}, "wants kind ['gray', ['x']]"),
        (5, "wants 5, expected a dict of kind, size, channels, polarity"),
        ({"sizes": 5}, "wants {'sizes': 5}, expected a dict"),
        ({"size": 0}, "wants size 0, expected a number of pixels, or two"),
        ({"size": 28.0}, "wants size 28.0"),
        ({"size": True}, "wants size True"),
        ({"size": (1, 2, 3)}, "wants size (1, 2, 3)"),
        ({"size": "28"}, "wants size '28'"),
        ({"size": ("a", "b")}, "wants size ('a', 'b')"),
        ({"size": 10**9}, "wants size 1000000000"),
        ({"channels": 2}, "wants channels 2, expected 1 or 3"),
        ({"polarity": "light"}, "wants polarity 'light', expected bright or dark"),
    ],
)
def test_what_no_images_are_like_is_refused(said, reason, refused):
    assert refused(Wants.read, said).startswith(reason)
