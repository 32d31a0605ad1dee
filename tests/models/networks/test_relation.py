from __future__ import annotations

import keras
import numpy as np
import pytest
from wayshot.models import ModelError, assemble, load_checkpoint
from wayshot.models.networks.comparison import compare
from wayshot.models.networks.network import Network
from wayshot.models.networks.relation import relate
from wayshot.models.networks.relation_head import RelationHead

WIDTH = 5 * 5 * 64


def head() -> RelationHead:
    """A relation head with random weights."""
    made = RelationHead()
    made.build([(None, WIDTH)] * 2)
    rng = np.random.default_rng(0)
    for weight in made.weights:
        spread = 0.1 * rng.normal(size=weight.shape)
        weight.assign(1 + abs(spread) if "variance" in weight.name else spread)
    return made


def maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + shape[-1]).random((*shape, WIDTH), np.float32)


def test_relating_in_numpy_is_relating_by_the_keras_layer():
    made, query, support = head(), maps(3), maps(4)
    first, second = np.divmod(np.arange(12), 4)
    expected = keras.ops.convert_to_numpy(made([query[first], support[second]])).reshape(3, 4)
    found = compare("concatenation", "relation", made.arrays(), query, support)
    assert found.dtype == np.float32 and found.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_querys_relations_do_not_depend_on_the_queries_or_episodes_beside_it():
    weights, query, support = head().arrays(), maps(2, 3), maps(2, 4)
    whole = relate(weights, query, support)
    assert whole.shape == (2, 3, 4)
    np.testing.assert_array_equal(relate(weights, query[1, 2:], support[1]), whole[1, 2:])


def test_in_training_the_head_normalises_by_the_batch_and_keeps_averages():
    made, pair = head(), [maps(6), maps(7)[:6]]
    before = made.arrays()
    given = [keras.ops.convert_to_numpy(made(pair, training=one)) for one in (True, False)]
    assert np.abs(given[0] - given[1]).max() > 0
    after = made.arrays()
    moved = {name for name in after if not np.array_equal(after[name], before[name])}
    assert moved == {"mean_1", "mean_2", "variance_1", "variance_2"}


def test_a_relation_network_is_stored_and_loaded_whole(tmp_path):
    network = Network(backbone="conv-4-maps", join="concatenation", head="relation")
    siamese = assemble(network, "relation")
    # Sung et al. 2018: four blocks of 64, and a head of two blocks and layers of 8 and 1.
    assert siamese.tower.output_shape == (None, WIDTH)
    siamese.save(tmp_path / "relation.keras")
    loaded = load_checkpoint(tmp_path / "relation.keras")
    images = (np.random.default_rng(0).random((5, 105, 105)) < 0.1).astype(np.uint8)
    embedded = siamese.embed(images)
    np.testing.assert_allclose(loaded.embed(images), embedded, atol=1e-5)
    scores = siamese.compare(embedded[:2], embedded[2:])
    np.testing.assert_allclose(loaded.compare(embedded[:2], embedded[2:]), scores, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "join", "head", "message"),
    [
        ("conv-4", "concatenation", "relation", "not embeddings of 64 numbers"),
        ("conv-4-maps", "cosine", "relation", "concatenation and relation"),
        ("conv-4", "squared", "attention", "cosine and attention"),
    ],
)
def test_heads_that_do_not_go_with_the_rest_are_refused(backbone, join, head, message):
    with pytest.raises(ModelError, match=message):
        assemble(Network(backbone=backbone, join=join, head=head), "impossible")
