from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from wayshot.models.augmentation import draw, sample
from wayshot.models.pixels import area_matrix, shrink, tower_matrix
from wayshot.models.recipe import Distortion

NONE = Distortion(rotation=0, shear=0, scale=(1.0, 1.0), stretch=0, shift=0, elastic=0)


def images(count: int = 4) -> np.ndarray:
    return (np.random.default_rng(0).random((count, 105, 105)) < 0.1).astype(np.uint8)


def test_without_distortion_training_images_are_what_towers_see_at_test():
    kept = shrink(images(), area_matrix(105, 60))[..., 0]
    where = draw(np.random.default_rng(0), 4, 40, NONE)
    seen = ops.convert_to_numpy(sample(kept, where))
    np.testing.assert_allclose(seen, shrink(images(), tower_matrix(105, 40)), atol=1e-5)


def test_sample_interpolates_as_scipy_does_and_finds_paper_outside():
    rng = np.random.default_rng(1)
    source = rng.random((3, 20, 20)).astype(np.float32)
    where = rng.uniform(-1.4, 1.4, (3, 8, 8, 2)).astype(np.float32)
    places = (where + 1) * 10 - 0.5
    expected = [
        ndimage.map_coordinates(np.pad(image, 1), np.moveaxis(place, -1, 0) + 1, order=1)
        for image, place in zip(source, places, strict=True)
    ]
    inside = (places > -1).all(axis=-1) & (places < 19.99).all(axis=-1)
    result = ops.convert_to_numpy(sample(source, where))[..., 0]
    np.testing.assert_allclose(result[inside], np.array(expected)[inside], atol=1e-5)
    outside = (places <= -1).any(axis=-1) | (places >= 20).any(axis=-1)
    assert (result[outside] < 2e-3).all() and outside.any()


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({"scale": (2.0, 2.0)}, lambda where: np.abs(where).max() < 0.51),
        ({"scale": (0.5, 0.5)}, lambda where: np.abs(where).max() > 1.9),
        ({"shift": 0.1}, lambda where: 0 < np.abs(where.mean(axis=(1, 2))).max() <= 0.2),
        ({"elastic": 0.02}, lambda where: 0.005 < np.std(where - where.mean(axis=0)) < 0.04),
    ],
)
def test_each_range_does_what_it_says(change, fits):
    distortion = Distortion(**{**NONE.__dict__, **change})
    where = draw(np.random.default_rng(2), 64, 40, distortion)
    assert fits(where)


def test_rotation_turns_by_its_angle():
    distortion = Distortion(**{**NONE.__dict__, "rotation": 10.0})
    where = draw(np.random.default_rng(3), 200, 40, distortion).astype(float)
    across = where[:, 20, -1] - where[:, 20, 0]
    angles = np.rad2deg(np.arctan2(across[:, 0], across[:, 1]))
    assert -10.01 < angles.min() < -8 and 8 < angles.max() < 10.01
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 1.95, atol=1e-3)


def test_the_same_generator_draws_the_same_distortions():
    first, second = (draw(np.random.default_rng(4), 5, 40, Distortion()) for _ in range(2))
    assert np.array_equal(first, second)
