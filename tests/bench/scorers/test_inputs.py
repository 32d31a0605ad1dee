from __future__ import annotations

import numpy as np
import pytest
from wayshot.bench.scorers.wrapping.inputs import Pixels, Transform, pictures, shades_wanted

RNG = np.random.default_rng(0)
INK = (RNG.random((5, 12, 12)) < 0.3).astype(np.uint8)
SHADES = RNG.random((5, 12, 12), dtype=np.float32)
COLOUR = RNG.integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)
KINDS = {"ink": INK, "shades": SHADES, "colour": COLOUR}


def slow(images, size, channels, ink, paper, mean, std):
    """Pixel by pixel, where size divides that of the images."""
    factor = images.shape[1] // size
    found = np.empty((len(images), size, size, channels))
    for i, y, x, c in np.ndindex(*found.shape):
        part = images[i, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
        if images.ndim == 4:
            value = part[..., c].astype(float).mean() / 255
        else:
            value = paper + (ink - paper) * part.astype(float).mean()
        found[i, y, x, c] = (value - mean[c % len(mean)]) / std[c % len(std)]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [12, 6, 3])
@pytest.mark.parametrize(
    ("mean", "std"), [((0.0,), (1.0,)), ((0.5,), (0.25,)), ((0.1, 0.2, 0.3), (1.0, 2.0, 4.0))]
)
def test_pixels_are_what_a_plain_loop_makes_of_them(kind, size, mean, std):
    images = KINDS[kind]
    made = Pixels((size, size), 3, "last", 0.2, 0.9, mean, std)(images)
    expected = slow(images, size, 3, 0.2, 0.9, mean, std)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=2e-6)


@pytest.mark.parametrize("kind", ["ink", "shades"])
def test_layouts_are_the_same_numbers_in_another_shape(kind):
    images = KINDS[kind]
    last, first, flat, none = (
        Pixels(None, 1, layout, 1, 0, (0.0,), (1.0,))(images)
        for layout in ("last", "first", "flat", "none")
    )
    assert first.shape == (5, 1, 12, 12) and none.shape == (5, 12, 12)
    np.testing.assert_array_equal(first[:, 0], last[..., 0])
    np.testing.assert_array_equal(flat, last.reshape(5, -1))
    np.testing.assert_array_equal(none, last[..., 0])


def test_colour_has_its_channels_first_where_they_are_first():
    first = Pixels(None, 3, "first", 1, 0, (0.0,), (1.0,))(COLOUR)
    np.testing.assert_allclose(first, np.moveaxis(COLOUR, -1, 1) / 255, atol=1e-6)


def test_pictures_of_pillow_are_the_files():
    (ink,) = pictures(INK[:1], "L")
    np.testing.assert_array_equal(np.asarray(ink), np.where(INK[0], 0, 255))
    (shade,) = pictures(SHADES[:1], "L")
    np.testing.assert_array_equal(np.asarray(shade), np.rint(255 * SHADES[0]))
    (colour,) = pictures(COLOUR[:1], "RGB")
    np.testing.assert_array_equal(np.asarray(colour), COLOUR[0])
    (deep,) = pictures(SHADES[:1], "RGB")
    assert np.asarray(deep).shape == (12, 12, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_gets_shares_from_0_to_1(kind):
    seen = []
    images = KINDS[kind]
    Transform(lambda shades: seen.append(shades) or shades, 3)(images)
    (got,) = seen
    assert got.dtype == np.float32 and got.shape == images.shape
    np.testing.assert_allclose(got, images / (255 if kind == "colour" else 1), atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "ink", "paper", "kinds", "polarity"),
    [
        (1, None, None, ("ink", "unit"), None),
        (3, None, None, ("ink", "unit", "color"), None),
        (3, 1.0, None, ("ink", "unit", "color"), "bright"),
        (1, None, 0.0, ("ink", "unit"), "bright"),
    ],
)
def test_a_model_of_three_channels_takes_colour(channels, ink, paper, kinds, polarity):
    assert shades_wanted(channels, ink, paper) == {"kind": kinds, "polarity": polarity}
