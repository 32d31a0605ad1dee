from __future__ import annotations

import numpy as np
import pytest
from wayshot.tasks import Pictures, TaskError
from wayshot.tasks.data import pictures
from wayshot.tasks.data.pictures import (
    batches,
    border_shades,
    check,
    keys_of,
    paper_of,
    resized,
    spread,
)

SHAPES = [(6, 9, 9), (6, 9, 9, 3)]


def of(pixels, order=None):
    order = np.arange(len(pixels)) if order is None else order
    return Pictures(pixels, order, keys_of(pixels)[order], (255,))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_rows_are_pictures_turned_as_numpy_turns_them(shape, is_mapped, draw, tmp_path):
    pixels = draw(*shape)
    order = np.array([4, 1, 0, 5, 2])
    if is_mapped:
        np.save(tmp_path / "pixels.npy", pixels)
        pixels = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    some = of(pixels, order)
    rows = np.random.default_rng(1).integers(0, 20, (3, 7))
    expected = [[np.rot90(pixels[order[row % 5]], row // 5) for row in line] for line in rows]
    np.testing.assert_array_equal(some[rows], expected)
    assert some.kind == ("gray" if len(shape) == 3 else "color")
    assert some.shape == (5, *shape[1:]) and some.side == 9


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_may_be_one_number_a_slice_a_mask_or_count_from_the_end(shape, draw):
    pixels = draw(*shape)
    some = of(pixels)
    np.testing.assert_array_equal(some[2], pixels[2])
    np.testing.assert_array_equal(some[1:5:2], pixels[1:5:2])
    mask = np.array([True, False, True, True, False, False])
    np.testing.assert_array_equal(some[mask], pixels[mask])
    np.testing.assert_array_equal(some[[-1]], pixels[-1:])
    np.testing.assert_array_equal(np.asarray(some), pixels)
    assert np.asarray(some, dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize(("shape", "most"), [((6, 9, 9), 24), ((6, 9, 8), 6)])
def test_only_square_pictures_can_be_turned(shape, most, draw):
    some = of(draw(*shape))
    assert some[[most - 1]].shape == (1, *shape[1:])
    for row in (most, -7):
        with pytest.raises(IndexError, match=f"expected below {most}"):
            some[[row]]


def test_what_is_given_can_be_written_to_without_changing_the_set(draw):
    pixels = draw(6, 9, 9)
    before = pixels.copy()
    given = of(pixels)[[0, 6]]
    given += 1
    np.testing.assert_array_equal(pixels, before)


def test_a_selection_has_the_pictures_and_keys_and_copies_no_pixels(draw):
    pixels = draw(6, 9, 9)
    some, rows = of(pixels), np.array([5, 0, 3])
    chosen = some.select(rows)
    np.testing.assert_array_equal(chosen[:], pixels[rows])
    assert chosen.keys.tolist() == some.keys[rows].tolist()
    assert chosen.pixels is pixels
    assert len(some.select(pixels[:, 0, 0] > 255)) == 0


def test_a_large_file_is_read_right_while_its_pages_are_given_back(draw, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_LARGE", 500)
    pixels = draw(60, 9, 9)
    np.save(tmp_path / "pixels.npy", pixels)
    some = of(np.load(tmp_path / "pixels.npy", mmap_mode="r"))
    for row in [*range(60), *range(60)]:
        np.testing.assert_array_equal(some[[row]], pixels[[row]])


def test_keys_tell_pixels_size_and_kind():
    gray = np.full((1, 4, 6), 7, dtype=np.uint8)
    changed = gray.copy()
    changed[0, 3, 5] ^= 1
    others = [gray, changed, gray.reshape(1, 6, 4), np.repeat(gray[..., None], 3, axis=-1)]
    assert len({keys_of(one)[0].tobytes() for one in others}) == 4
    assert keys_of(gray) == keys_of(gray.copy(order="F"))


def slow_fit(picture, size, paper):
    """Pixel by pixel: averages where it shrinks by whole factors, linear where it grows."""
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    height, width = (round(scale * length) for length in picture.shape[:2])
    whole = np.empty((*size, *picture.shape[2:]))
    whole[:] = paper
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    for y in range(height):
        for x in range(width):
            if scale < 1:
                f = round(1 / scale)
                value = picture[y * f : y * f + f, x * f : x * f + f].mean(axis=(0, 1))
            else:
                value = 0
                places = [
                    np.clip((at + 0.5) * length / new - 0.5, 0, length - 1)
                    for at, length, new in (
                        (y, picture.shape[0], height),
                        (x, picture.shape[1], width),
                    )
                ]
                for i, j in np.ndindex(picture.shape[:2]):
                    share = [
                        max(0, 1 - abs(place - k)) for place, k in zip(places, (i, j), strict=True)
                    ]
                    value = value + share[0] * share[1] * picture[i, j].astype(float)
            whole[top + y, left + x] = value
    return whole


@pytest.mark.parametrize("deep", [(), (3,)])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((8, 12), (6, 6)),
        ((12, 6), (4, 6)),
        ((9, 9), (3, 3)),
        ((5, 3), (10, 10)),
        ((3, 4), (7, 9)),
        ((4, 4), (4, 8)),
    ],
)
def test_a_picture_fits_with_its_aspect_and_paper_around(old, new, deep, draw):
    picture = draw(*old, *deep, seed=sum(old))
    paper = (10, 20, 30) if deep else (10,)
    fitted = resized(picture, new, paper)
    assert fitted.dtype == np.uint8 and fitted.shape == (*new, *deep)
    # Pillow rounds after each of two directions.
    difference = np.abs(fitted - slow_fit(picture, new, paper))
    assert difference.max() <= 1


def test_a_picture_of_the_size_is_left_alone_and_one_of_one_shade_stays_one(draw):
    picture = draw(5, 7)
    assert resized(picture, (5, 7), (0,)) is picture
    assert (resized(np.full((5, 7), 9, np.uint8), (6, 6), (200,)) == 9).all()
    shade = np.full((5, 7, 3), (1, 2, 3), np.uint8)
    assert (resized(shade, (6, 9), (200, 200, 200)) == (1, 2, 3)).all()


def test_a_picture_of_one_row_fits():
    line = np.array([[0, 255] * 60], dtype=np.uint8)
    fitted = resized(line, (8, 8), (77,))
    assert (np.delete(fitted, 3, axis=0) == 77).all() and (fitted[3] != 77).all()


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 4, 6, 3), (5, 1, 6), (5, 1, 1)])
def test_the_shade_of_a_border_is_the_median_of_four_sides(shape, draw):
    pixels = draw(*shape)
    for one, found in zip(pixels, border_shades(pixels), strict=True):
        sides = [
            *one[0].tolist(),
            *one[-1].tolist(),
            *(row[0].tolist() for row in one),
            *(row[-1].tolist() for row in one),
        ]
        np.testing.assert_array_equal(found, np.median(np.reshape(sides, (len(sides), -1)), axis=0))


@pytest.mark.parametrize("seed", range(20))
def test_paper_is_the_same_in_any_order_and_opposite_in_the_negative(seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(120, 137, (6, 3, 4), dtype=np.uint8)
    paper = paper_of([border_shades(pixels)])
    parts = np.split(rng.permutation(pixels), [2])
    assert paper_of([border_shades(part) for part in parts]) == paper
    assert paper_of([border_shades(255 - pixels)]) == (255 - paper[0],)


def test_paper_halfway_between_black_and_white_is_decided_by_the_mean():
    pixels = np.array([[[100]], [[127]], [[128]], [[200]]], dtype=np.uint8)
    paper = paper_of([border_shades(pixels)])
    assert paper != paper_of([border_shades(255 - pixels)])
    assert paper_of([border_shades(255 - pixels)]) == (255 - paper[0],)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 4, 4), (3, 4, 4, 1), (3,), (1, 1, 1, 1, 3)])
def test_what_has_another_shape_is_refused(shape, refused):
    message = refused(check, np.zeros(shape, dtype=np.uint8), "these")
    assert message.startswith("these: uint8 of shape") and "(n, height, width, 3)" in message


def test_other_numbers_and_empty_arrays_are_refused(refused):
    assert "expected uint8" in refused(check, np.zeros((3, 4, 4), dtype=np.int64), "these")
    for shape in ((0, 4, 4), (3, 0, 4), (3, 4, 0, 3)):
        assert "holds no pictures" in refused(check, np.zeros(shape, dtype=np.uint8), "these")
    assert issubclass(TaskError, ValueError)


def test_batches_are_the_whole_in_order(draw, monkeypatch):
    monkeypatch.setattr(pictures, "batch_size", lambda pixels: 4)
    pixels = draw(10, 3, 3)
    parts = list(batches(pixels))
    assert [len(part) for part in parts] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(parts), pixels)


@pytest.mark.parametrize(("count", "most"), [(1, 5), (5, 5), (7, 3), (1000, 200)])
def test_some_numbers_are_spread_from_first_to_last(count, most):
    numbers = spread(count, most)
    assert len(numbers) == min(count, most) and numbers == sorted(set(numbers))
    assert numbers[0] == 0 and (most == 1 or numbers[-1] == count - 1)
