from __future__ import annotations

import msgspec
import numpy as np
import pytest
from keras import ops
from wayshot.models.networks.pixels import view
from wayshot.models.training.recipe import Distortion
from wayshot.models.training.training_images import TrainingImages

STILL = Distortion(rotation=0, shear=0, scale=(1.0, 1.0), stretch=0, shift=0, elastic=0)


@pytest.fixture
def images(recipe, tiny):
    """Training images of the data set `tiny`."""

    def make(size: int = 20, channels: int = 1, pixels: str = "area", **changes) -> TrainingImages:
        plan = recipe(**{"distortion": STILL, **changes})
        network = msgspec.structs.replace(plan.network, pixels=pixels)
        plan = msgspec.structs.replace(plan, network=network)
        return TrainingImages(plan, tiny, size, channels)

    return make


def batch(images: TrainingImages, rows, seed: int = 0, size=None, **options) -> np.ndarray:
    drawn = images.drawn(np.random.default_rng(seed), np.asarray(rows), size=size, **options)
    return ops.convert_to_numpy(images.layer(size)(drawn))


def test_undistorted_training_images_are_turned_then_mirrored(images, tiny):
    rows = np.array([3, 3, 50, 50, 7, 8])
    turns = np.array([0, 1, 2, 3, 3, 1])
    mirrored = np.array([False, False, False, False, True, True])
    whole = [np.rot90(tiny.images[[row]][0], turn) for row, turn in zip(rows, turns, strict=True)]
    whole = [image[:, ::-1] if flip else image for image, flip in zip(whole, mirrored, strict=True)]
    expected = view(np.array(whole), 20, "area")
    result = batch(images(), rows, turns=turns, mirrored=mirrored)
    np.testing.assert_allclose(result, expected, atol=2e-3)


def test_images_of_a_smaller_size_are_what_a_smaller_tower_would_see(images, tiny):
    larger = images(size=40)
    for size in (20, 40, 20):
        result = batch(larger, [1, 2], size=size)
        expected = view(tiny.images[[1, 2]], size, "area")
        np.testing.assert_allclose(result, expected, atol=2e-3)


def test_three_channels_are_the_same(images):
    one, three = batch(images(), [1, 2]), batch(images(channels=3), [1, 2])
    np.testing.assert_array_equal(three, np.repeat(one, 3, axis=-1))


def test_published_crops_are_the_same_for_both_images_of_a_pair(images):
    rows = [4, 5, 6, 4, 5, 6]
    seen = images(size=32, pixels="qucy")
    first, second = np.split(batch(seen, rows, pairs=True), 2)
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first)) == {0, 1}
    first, second = np.split(batch(seen, rows), 2)
    assert not np.array_equal(first, second)


def test_published_crops_are_mirrored(images):
    seen = images(size=32, pixels="qucy")
    plain, mirrored = (batch(seen, [4, 5], mirrored=flip) for flip in (False, True))
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


def test_distortions_come_after_turning_and_mirroring(images):
    """Against turned and mirrored images under the same distortions."""
    plan = {"distortion": Distortion(stroke=0.5, cutout=0.3)}
    rows, turns = np.arange(8), np.arange(8) % 4
    mirrored = np.arange(8) > 3
    seen = images(**plan)
    found = batch(seen, rows, turns=turns, mirrored=mirrored)
    sources = ops.convert_to_numpy(seen.layer().images)[rows]
    flipped = [np.rot90(image, turn) for image, turn in zip(sources, turns, strict=True)]
    flipped = [image[:, ::-1] if m else image for image, m in zip(flipped, mirrored, strict=True)]
    other = images(**plan)
    kept = ops.convert_to_numpy(other.layer().images)
    kept[rows] = flipped
    other.layer().images.assign(kept)
    # Places far outside are not paper to the last digit.
    np.testing.assert_allclose(found, batch(other, rows), atol=2e-3)


def test_images_are_a_function_of_the_generator(images):
    seen = images(distortion=Distortion(stroke=0.5, cutout=0.3))
    first, again, other = (batch(seen, np.arange(20), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labels_and_alphabets_are_those_of_the_data(images, tiny):
    seen = images()
    names = tiny.table["alphabet"].astype(str) + "/" + tiny.table["character"].astype(str)
    assert [seen.characters[label] for label in seen.labels] == list(names)
    assert len(np.unique(seen.alphabets)) == 4
    pairs = set(zip(seen.alphabets, tiny.table["alphabet"].astype(str), strict=True))
    assert len(pairs) == 4
