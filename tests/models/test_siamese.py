from __future__ import annotations

import keras
import numpy as np
import pytest
from wayshot.models import ModelError, backbone, load_checkpoint
from wayshot.models.siamese import Siamese, WeightedProduct


@pytest.fixture(scope="module")
def siamese() -> Siamese:
    keras.utils.set_random_seed(1)
    model = Siamese(backbone("strided").build(), WeightedProduct(name="head"), name="pair")
    rng = np.random.default_rng(0)
    model.head.weighting.assign(rng.normal(size=256))
    model.head.bias.assign(0.5)
    return model


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return (np.random.default_rng(1).random((10, 105, 105)) < 0.1).astype(np.uint8)


def test_compare_of_embeddings_is_the_pair_models_output(siamese, pixels):
    from wayshot.models.pixels import shrink, tower_matrix

    embedded = siamese.embed(pixels)
    compared = siamese.head.compare(embedded[:4], embedded[4:])
    small = shrink(pixels, tower_matrix(105, 40))
    first, second = np.divmod(np.arange(24), 6)
    pairs = siamese.predict_on_batch([small[:4][first], small[4:][second]])
    np.testing.assert_allclose(compared.ravel(), np.asarray(pairs).ravel(), atol=1e-4)


def test_compare_takes_many_episodes_at_once(siamese, pixels):
    embedded = siamese.embed(pixels)
    query = np.stack([embedded[:2], embedded[2:4]])
    support = np.stack([embedded[4:7], embedded[7:10]])
    answer = siamese.head.compare(query, support)
    assert answer.shape == (2, 2, 3)
    expected = siamese.head.compare(embedded[2:4], embedded[7:10])
    np.testing.assert_allclose(answer[1], expected, atol=1e-5)


def test_embeddings_have_length_one(siamese, pixels):
    np.testing.assert_allclose(np.linalg.norm(siamese.embed(pixels), axis=1), 1, atol=1e-5)


def test_images_of_any_size_are_embedded(siamese, pixels):
    assert siamese.embed(pixels[:, :64, :64]).shape == (10, 256)


def test_a_saved_network_is_loaded_with_the_same_answers(siamese, pixels, tmp_path):
    path = tmp_path / "model.keras"
    siamese.save(path)
    loaded = load_checkpoint(path)
    np.testing.assert_allclose(loaded.embed(pixels), siamese.embed(pixels), atol=1e-6)
    embedded = siamese.embed(pixels)
    assert np.array_equal(
        loaded.head.compare(embedded, embedded), siamese.head.compare(embedded, embedded)
    )
    assert loaded.count_params() == siamese.count_params()


def test_another_model_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "dense.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(ModelError, match="holds a Sequential, expected a wayshot Siamese"):
        load_checkpoint(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    path = tmp_path / "lambda.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_checkpoint(path)


def test_unknown_backbone_is_refused():
    with pytest.raises(ModelError, match="unknown backbone 'vgg'; known are strided"):
        backbone("vgg")
