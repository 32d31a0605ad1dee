from __future__ import annotations

import msgspec
import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from wayshot.models.networks.pixels import area_matrix, shrink, tower_matrix
from wayshot.models.training.augmentation import draw, places, restroke, sample
from wayshot.models.training.recipe import Distortion

NONE = Distortion(rotation=0, shear=0, scale=(1.0, 1.0), stretch=0, shift=0, elastic=0)


def where_of(rng, count, size, distortion) -> np.ndarray:
    return ops.convert_to_numpy(places(draw(rng, count, distortion), size))


def padded(images) -> np.ndarray:
    return np.pad(images, ((0, 0), (1, 1), (1, 1)))


def images(count: int = 4) -> np.ndarray:
    return (np.random.default_rng(0).random((count, 105, 105)) < 0.1).astype(np.uint8)


def test_without_distortion_training_images_are_what_towers_see_at_test():
    kept = shrink(images(), area_matrix(105, 60))[..., 0]
    where = where_of(np.random.default_rng(0), 4, 40, NONE)
    seen = ops.convert_to_numpy(sample(padded(kept), where))
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
    result = ops.convert_to_numpy(sample(padded(source), where))[..., 0]
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
    distortion = msgspec.structs.replace(NONE, **change)
    where = where_of(np.random.default_rng(2), 64, 40, distortion)
    assert fits(where)


def test_rotation_turns_by_its_angle():
    distortion = msgspec.structs.replace(NONE, rotation=10.0)
    where = where_of(np.random.default_rng(3), 200, 40, distortion).astype(float)
    across = where[:, 20, -1] - where[:, 20, 0]
    angles = np.rad2deg(np.arctan2(across[:, 0], across[:, 1]))
    assert -10.01 < angles.min() < -8 and 8 < angles.max() < 10.01
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 1.95, atol=1e-3)


def test_the_same_generator_draws_the_same_distortions():
    first, second = (where_of(np.random.default_rng(4), 5, 40, Distortion()) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "change", [{"rotation": 10.0}, {"shear": 0.3}, {"scale": (0.8, 1.25)}, {"stretch": 0.1}]
)
@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_each_component_is_applied_with_its_probability(change, probability):
    distortion = msgspec.structs.replace(NONE, **change, probability=probability)
    where = where_of(np.random.default_rng(5), 400, 8, distortion)
    moved = np.abs(where - where_of(np.random.default_rng(5), 400, 8, NONE)).max(axis=(1, 2, 3)) > 0
    assert moved.mean() == pytest.approx(probability, abs=0.08 if probability % 1 else 0.005)


def test_the_two_directions_of_a_shift_are_applied_by_themselves():
    distortion = msgspec.structs.replace(NONE, shift=0.1, probability=0.5)
    where = where_of(np.random.default_rng(6), 400, 8, distortion)
    down, right = (np.abs(where.mean(axis=(1, 2))) > 1e-6).T
    for share in (down & right, down & ~right, ~down & right, ~down & ~right):
        assert share.mean() == pytest.approx(0.25, abs=0.08)


def test_strokes_grow_or_shrink_by_at_most_a_pixel_on_every_side():
    source = np.random.default_rng(7).random((60, 12, 12, 1)).astype(np.float32)
    distortion = msgspec.structs.replace(NONE, stroke=1.0)
    result = ops.convert_to_numpy(
        restroke(source, draw(np.random.default_rng(8), len(source), distortion), distortion)
    )
    window = (1, 3, 3, 1)
    wide, thin = (kind(source, window) for kind in (ndimage.maximum_filter, ndimage.minimum_filter))
    assert (result <= wide + 1e-6).all() and (result >= thin - 1e-6).all()
    thicker, thinner = ((sign * (result - source) >= -1e-6).all(axis=(1, 2, 3)) for sign in (1, -1))
    assert (thicker ^ thinner).all() and 20 < thicker.sum() < 40
    amounts = (result - source)[thicker].max(axis=(1, 2, 3))
    amounts /= (wide - source)[thicker].max(axis=(1, 2, 3))
    assert amounts.min() < 0.2 and amounts.max() > 0.8


def test_cutout_wipes_a_square_in_every_other_image():
    source = np.ones((400, 20, 20, 1), np.float32)
    distortion = msgspec.structs.replace(NONE, cutout=0.4)
    result = ops.convert_to_numpy(
        restroke(source, draw(np.random.default_rng(9), len(source), distortion), distortion)
    )[..., 0]
    assert set(np.unique(result)) == {0, 1}
    wiped = result == 0
    rows, columns = wiped.any(axis=2), wiped.any(axis=1)
    assert np.array_equal(wiped, rows[:, :, None] & columns[:, None, :])
    assert rows.any(axis=1).mean() == pytest.approx(0.5, abs=0.08)
    for sides in (rows, columns):
        assert sides.sum(axis=1).max() == 8
        assert (np.abs(np.diff(sides.astype(int), axis=1)).sum(axis=1) <= 2).all()
        assert sides.any(axis=0).all()


def test_without_stroke_and_cutout_images_stay_as_they_are():
    source = np.random.default_rng(10).random((3, 12, 12, 1)).astype(np.float32)
    result = restroke(
        source, draw(np.random.default_rng(11), len(source), Distortion()), Distortion()
    )
    np.testing.assert_array_equal(ops.convert_to_numpy(result), source)
