from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import ops
from wayshot.models import ModelError, assemble, load_checkpoint
from wayshot.models.networks.network import Network
from wayshot.models.networks.pixels import shrink, tower_matrix, view
from wayshot.models.networks.siamese import Siamese


def siamese(backbone: str = "example_backbones:tiny", **options) -> Siamese:
    """An untrained network whose head has random weights."""
    keras.utils.set_random_seed(1)
    model = assemble(Network(backbone=backbone, **options), "pair")
    rng = np.random.default_rng(0)
    for weight in model.head.weights:
        weight.assign(rng.normal(size=weight.shape) / max(weight.shape, default=1) ** 0.5)
    return model


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return (np.random.default_rng(1).random((10, 105, 105)) < 0.1).astype(np.uint8)


def shown(model: Siamese, images: np.ndarray) -> np.ndarray:
    """Images as the pair model takes them."""
    return np.repeat(view(images, model.size, model.pixels), model.channels, axis=-1)


@pytest.mark.parametrize(
    "options",
    [
        {"join": "product", "head": "similarity"},
        {"join": "cosine", "head": "weighted"},
        {"join": "difference", "head": "weighted"},
        {"join": "squared", "head": "dense"},
        {"join": "cosine", "head": "similarity", "quarter_turns": True},
        {"join": "difference", "head": "dense", "pixels": "qucy"},
        {"backbone": "example_backbones:coloured", "join": "squared", "head": "similarity"},
        pytest.param(
            {"backbone": "resnet18-eca", "join": "difference", "head": "dense"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_compare_of_embeddings_is_the_pair_models_output(options, pixels):
    model = siamese(**options)
    embedded = model.embed(pixels)
    compared = model.compare(embedded[:4], embedded[4:])
    seen = shown(model, pixels)
    first, second = np.divmod(np.arange(24), 6)
    pairs = np.asarray(model.predict_on_batch([seen[:4][first], seen[4:][second]])).ravel()
    np.testing.assert_allclose(compared.ravel(), pairs, atol=2e-4 * max(np.abs(pairs).max(), 1))
    assert np.ptp(pairs) > 0


@pytest.mark.slow
def test_a_pair_in_one_image_is_the_pair_in_two(pixels):
    model = siamese("resnet18-eca", join="difference", head="dense")
    first, second = np.split(shown(model, pixels[:4]), 2)
    apart = model.predict_on_batch([first, second])
    together = model.predict_on_batch(np.concatenate([first, second], axis=1))
    assert together.shape == (2, 1)
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_compare_takes_many_episodes_at_once(pixels):
    model = siamese(join="difference", head="weighted")
    embedded = model.embed(pixels)
    query = np.stack([embedded[:2], embedded[2:4]])
    support = np.stack([embedded[4:7], embedded[7:10]])
    answer = model.compare(query, support)
    assert answer.shape == (2, 2, 3)
    expected = model.compare(embedded[2:4], embedded[7:10])
    np.testing.assert_allclose(answer[1], expected, rtol=1e-5)


def test_quarter_turns_embed_an_image_in_its_four_orientations(pixels):
    once, turned = siamese(), siamese(quarter_turns=True)
    for weight, value in zip(turned.tower.weights, once.tower.weights, strict=True):
        weight.assign(value)
    copies = [once.embed(np.rot90(pixels, k, axes=(1, 2))) for k in range(4)]
    expected = np.concatenate(copies, axis=1) / 2
    np.testing.assert_allclose(turned.embed(pixels), expected, atol=1e-5)
    assert turned.network.count_params() == once.network.count_params() == once.tower.count_params()


def test_embeddings_of_this_projects_tower_have_length_one(pixels):
    for turns in (False, True):
        embedded = siamese("glyphnet", quarter_turns=turns).embed(pixels)
        np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)


def test_images_of_any_size_are_embedded(pixels):
    assert siamese().embed(pixels[:, :64, :64]).shape == (10, 32)


def test_a_tower_of_three_channels_sees_the_image_in_each(pixels):
    model = siamese("example_backbones:coloured")
    seen = shrink(pixels, tower_matrix(105, 24))
    expected = model.tower.predict_on_batch(np.concatenate([seen, seen, seen], axis=-1))
    assert (model.size, model.channels) == (24, 3)
    np.testing.assert_allclose(model.embed(pixels), expected, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"join": "difference", "head": "dense", "pixels": "qucy"},
        {"join": "product", "head": "similarity", "quarter_turns": True},
        {"backbone": "example_backbones:stacked", "join": "cosine", "head": "weighted"},
        pytest.param(
            {"backbone": "resnet18-eca", "join": "difference", "head": "dense"},
            marks=pytest.mark.slow,
        ),
        pytest.param({"backbone": "keras:MobileNetV3Small"}, marks=pytest.mark.slow),
    ],
)
def test_a_saved_network_is_loaded_with_the_same_answers(options, pixels, tmp_path):
    model = siamese(**options)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = load_checkpoint(path)
    embedded = model.embed(pixels)
    np.testing.assert_allclose(loaded.embed(pixels), embedded, atol=1e-6)
    assert np.array_equal(
        loaded.compare(embedded, embedded[:3]), model.compare(embedded, embedded[:3])
    )
    assert loaded.count_params() == model.count_params() and loaded.pixels == model.pixels
    assert loaded.name == "pair" and loaded.network.name == model.network.name
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    kinds = set(classes(config))
    assert "Siamese" in kinds and "Comparison" in kinds
    assert not [kind for kind in kinds if "lambda" in kind.lower()]


def classes(config) -> list[str]:
    """Names of all classes in a saved configuration."""
    if isinstance(config, list):
        return [name for part in config for name in classes(part)]
    if not isinstance(config, dict):
        return []
    own = [config["class_name"]] if "class_name" in config else []
    return own + [name for part in config.values() for name in classes(part)]


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


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_a_missing_or_damaged_checkpoint_is_refused(content, tmp_path):
    path = tmp_path / "model.keras"
    if content:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="no such file" if content is None else "damaged"):
        load_checkpoint(path)


def test_the_head_starts_from_the_published_weights():
    head = assemble(Network(backbone="koch", join="difference", head="weighted"), "koch").head
    weighting = ops.convert_to_numpy(head.weighting)
    assert weighting.mean() == pytest.approx(0, abs=0.02)
    assert weighting.std() == pytest.approx(0.2, rel=0.05)
