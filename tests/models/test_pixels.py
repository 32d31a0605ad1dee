from __future__ import annotations

import numpy as np
import pytest
from wayshot.models.pixels import area_matrix, between_size, linear_matrix, shrink, tower_matrix


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


def test_shrink_works_on_both_axes():
    images = (np.random.default_rng(2).random((3, 105, 105)) < 0.1).astype(np.uint8)
    matrix = tower_matrix(105, 40)
    expected = np.stack([matrix @ image @ matrix.T for image in images])[..., None]
    result = shrink(images, matrix)
    assert result.shape == (3, 40, 40, 1) and result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_training_images_are_never_enlarged():
    assert between_size(105, 40) == 60 and between_size(30, 40) == 30
