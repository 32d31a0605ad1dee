from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from wayshot.models.training.strokes import strokes_of
from wayshot.tasks import Images
from wayshot.tasks.data import glyphs

EVERY = np.ones((3, 3), int)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Every twentieth drawing of an alphabet, and dots of two and of one pixel."""
    drawings = Images(glyphs.generate(seed=3, alphabets=1)[0])[:400:20]
    dots = np.zeros((1, 105, 105), np.uint8)
    dots[0, 10:12, 20:22] = dots[0, 50, 60] = dots[0, 0, 0] = 1
    return np.concatenate([drawings, dots])


def pieces(image: np.ndarray) -> int:
    return ndimage.label(image, EVERY)[1]


def test_a_skeleton_is_thin_and_hangs_together_as_the_ink_does(pixels):
    strokes = strokes_of(pixels)
    thin = strokes.drawn(np.full(len(pixels), 0.5))
    for image, skeleton in zip(pixels, thin, strict=True):
        assert not skeleton[image == 0].any()
        assert pieces(skeleton) == pieces(image)
        # No square of four pixels, and as many holes.
        squares = skeleton[1:, 1:] & skeleton[:-1, 1:] & skeleton[1:, :-1] & skeleton[:-1, :-1]
        assert squares.sum() <= 2
        assert ndimage.label(~skeleton)[1] == ndimage.label(image == 0)[1]


def test_lines_join_pixels_that_touch_and_every_point_has_one(pixels):
    strokes = strokes_of(pixels)
    first, second = strokes.places[strokes.lines[:, 0]], strokes.places[strokes.lines[:, 1]]
    assert np.abs(first - second).max() == 1
    owners = strokes.owners[strokes.lines]
    assert (owners[:, 0] == owners[:, 1]).all() and (np.diff(owners[:, 0]) >= 0).all()
    assert np.array_equal(np.unique(strokes.lines), np.arange(len(strokes.places)))


def test_a_pen_of_the_old_width_draws_nearly_the_old_ink(pixels):
    drawn = strokes_of(pixels[:-1]).drawn(np.full(len(pixels) - 1, 2.3))
    both, either = drawn & (pixels[:-1] > 0), drawn | (pixels[:-1] > 0)
    assert both.sum() / either.sum() > 0.8


def test_wider_pens_draw_more_ink_around_the_same_strokes(pixels):
    strokes = strokes_of(pixels)
    thin, thick = (strokes.drawn(np.full(len(pixels), radius)) for radius in (1.0, 2.9))
    assert (thin <= thick).all() and thick.sum() > 2 * thin.sum()
    mixed = strokes.drawn(np.where(np.arange(len(pixels)) % 2, 1.0, 2.9))
    np.testing.assert_array_equal(mixed[::2], thick[::2])
    np.testing.assert_array_equal(mixed[1::2], thin[1::2])


def test_what_is_moved_out_of_the_image_is_not_drawn(pixels):
    strokes = strokes_of(pixels)
    strokes.places[:] += 1000
    assert not strokes.drawn(np.full(len(pixels), 2.9)).any()


def test_strokes_that_meet_still_meet_after_they_have_moved(pixels):
    rng = np.random.default_rng(1)
    strokes = strokes_of(pixels[:-1])
    before = strokes.drawn(np.full(strokes.count, 1.0))
    for _ in range(3):
        moved = strokes.wandered(rng, np.full(strokes.count, 3.0))
        after = moved.drawn(np.full(strokes.count, 1.0))
        for one, other in zip(before, after, strict=True):
            # Others may come to touch.
            assert 1 <= pieces(other) <= pieces(one)


def test_strokes_move_by_the_amount_that_is_asked_for_and_smoothly(pixels):
    strokes = strokes_of(pixels[:-1])
    still = strokes.wandered(np.random.default_rng(1), np.zeros(strokes.count))
    moved = strokes.wandered(np.random.default_rng(1), np.full(strokes.count, 3.0))
    apart = moved.places - still.places
    assert 1 < np.sqrt((apart**2).sum(axis=1).mean()) < 5
    along = apart[strokes.lines[:, 0]] - apart[strokes.lines[:, 1]]
    assert np.sqrt((along**2).sum(axis=1).mean()) < 0.5
    # Without an amount, only the steps of the pixels are smoothed.
    assert np.abs(still.places - strokes.places).max() < 1.5


def test_an_image_without_ink_stays_so():
    empty = strokes_of(np.zeros((2, 105, 105), np.uint8))
    moved = empty.wandered(np.random.default_rng(0), np.full(2, 3.0))
    assert not moved.drawn(np.full(2, 2.0)).any()
    assert np.isfinite(empty.extents()).all()
