from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from wayshot.models.networks.pixels import (
    area_matrix,
    between_size,
    crops,
    linear_matrix,
    shrink,
    tower_matrix,
    view,
)


@pytest.mark.parametrize(("source", "target"), [(105, 60), (105, 35), (10, 10), (7, 1)])
def test_area_matrix_averages_over_equal_areas(source, target):
    row = np.random.default_rng(0).random(source)
    expected = np.repeat(row, target).reshape(target, source).mean(axis=1)
    np.testing.assert_allclose(area_matrix(source, target) @ row, expected, atol=1e-6)


def test_area_matrix_keeps_the_mean():
    row = np.random.default_rng(1).random(105)
    assert (area_matrix(105, 40) @ row).mean() == pytest.approx(row.mean(), abs=1e-6)


def test_linear_matrix_reproduces_a_ramp_between_the_outermost_centres():
    ramp = (np.arange(60) + 0.5) / 60
    np.testing.assert_allclose(linear_matrix(60, 40) @ ramp, (np.arange(40) + 0.5) / 40, atol=1e-6)


@pytest.mark.parametrize(
    "matrix",
    [area_matrix(105, 40), linear_matrix(60, 40), tower_matrix(105, 40), tower_matrix(30, 40)],
)
def test_a_sheet_of_ink_stays_full_of_ink(matrix):
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert (matrix >= 0).all()


@pytest.mark.parametrize("count", [1, 3, 70, 200])
def test_shrink_works_on_both_axes(count):
    images = (np.random.default_rng(2).random((count, 105, 105)) < 0.1).astype(np.uint8)
    matrix = tower_matrix(105, 40)
    expected = np.stack([matrix @ image @ matrix.T for image in images])[..., None]
    result = shrink(images, matrix)
    assert result.shape == (count, 40, 40, 1) and result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_training_images_are_never_enlarged():
    assert between_size(105, 40) == 60 and between_size(30, 40) == 30


def slow_crop(image: np.ndarray, size: int, offset: tuple[int, int]) -> np.ndarray:
    """One published crop, step by step, by the centres of pixels."""

    def resized(source: np.ndarray, target: int) -> np.ndarray:
        found = np.empty((target, target), source.dtype)
        for row in range(target):
            for column in range(target):
                down, right = ((place + 0.5) * len(source) / target for place in (row, column))
                found[row, column] = source[int(down), int(right)]
        return found

    top, left = offset
    return resized(resized(image, 130)[top : top + 105, left : left + 105], size)


@pytest.mark.parametrize("size", [20, 32, 105])
def test_crops_are_enlarged_cropped_and_shrunk_by_nearest_neighbours(size):
    rng = np.random.default_rng(3)
    images = (rng.random((5, 105, 105)) < 0.3).astype(np.uint8)
    offsets = np.concatenate([[[0, 0], [25, 25]], rng.integers(0, 26, (3, 2))])
    expected = [1 - slow_crop(*one) for one in zip(images, [size] * 5, offsets, strict=True)]
    result = crops(images, size, offsets)
    assert result.shape == (5, size, size, 1) and result.dtype == np.float32
    np.testing.assert_array_equal(result[..., 0], expected)


def test_crops_resize_as_pillow_does():
    image = (np.random.default_rng(4).random((105, 105)) < 0.3).astype(np.uint8)
    large = Image.fromarray(image).resize((130, 130), Image.Resampling.NEAREST)
    small = large.crop((7, 21, 112, 126)).resize((32, 32), Image.Resampling.NEAREST)
    result = crops(image[None], 32, np.array([[21, 7]]))[0, ..., 0]
    np.testing.assert_array_equal(result, 1 - np.array(small, np.float32))


def test_published_pixels_are_the_crop_in_the_middle():
    images = (np.random.default_rng(5).random((3, 105, 105)) < 0.3).astype(np.uint8)
    expected = [1 - slow_crop(image, 32, (12, 12)) for image in images]
    np.testing.assert_array_equal(view(images, 32, "qucy")[..., 0], expected)


def test_other_pixels_are_averages_over_areas():
    images = (np.random.default_rng(6).random((3, 105, 105)) < 0.3).astype(np.uint8)
    np.testing.assert_array_equal(view(images, 40, "area"), shrink(images, tower_matrix(105, 40)))
