from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from threadpoolctl import threadpool_limits
from wayshot.models import ModelError
from wayshot.models.networks import comparison
from wayshot.models.networks.comparison import HEADS, JOINS, compare
from wayshot.models.networks.siamese import Comparison

BOTH = [(join, head) for join in JOINS for head in HEADS]


def layer(join: str, head: str, width: int = 24) -> Comparison:
    """A head with random weights."""
    made = Comparison(join, head)
    made.build([(None, width), (None, width)])
    rng = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(rng.normal(size=weight.shape))
    return made


def embeddings(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + shape[-2]).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("join", "head"), BOTH)
def test_comparing_in_numpy_is_comparing_by_the_keras_layer(join, head):
    made = layer(join, head)
    query, support = embeddings(4, 24), embeddings(7, 24)
    first, second = np.divmod(np.arange(28), 7)
    expected = ops.convert_to_numpy(made([query[first], support[second]])).reshape(4, 7)
    result = compare(join, head, made.arrays(), query, support)
    assert result.dtype == np.float32 and result.shape == (4, 7)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("join", "head"), BOTH)
def test_many_episodes_are_compared_at_once_as_one_by_one(join, head):
    weights = layer(join, head).arrays()
    query, support = embeddings(3, 2, 5, 24), embeddings(3, 2, 9, 24)
    result = compare(join, head, weights, query, support)
    assert result.shape == (3, 2, 5, 9)
    for place in np.ndindex(3, 2):
        alone = compare(join, head, weights, query[place], support[place])
        np.testing.assert_allclose(result[place], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("join", JOINS)
def test_a_querys_scores_by_a_dense_head_do_not_depend_on_the_queries_beside_it(join):
    """To the last bit: 80 x 70 pairs are more than go through it together."""
    weights = layer(join, "dense").arrays()
    query, support = embeddings(80, 24), embeddings(70, 24)
    whole = compare(join, "dense", weights, query, support)
    for rows in (slice(17, 18), slice(3, 40), slice(65, 80)):
        part = compare(join, "dense", weights, query[rows], support)
        np.testing.assert_array_equal(part, whole[rows])
    episodes = np.stack([support] * 4)
    parts = compare(join, "dense", weights, query.reshape(4, 20, 24), episodes)
    np.testing.assert_array_equal(parts.reshape(80, 70), whole)


@pytest.mark.parametrize(("join", "head"), BOTH)
def test_scores_do_not_depend_on_the_threads(join, head, monkeypatch):
    """To the last bit, with tiles enough for each of three."""
    monkeypatch.setattr(comparison, "_WORTH_A_THREAD", 1)
    weights = layer(join, head).arrays()
    query, support = embeddings(12, 40, 24), embeddings(12, 50, 24)
    results = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            results.append(compare(join, head, weights, query, support))
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize(("join", "head"), BOTH)
def test_comparing_is_symmetric(join, head):
    weights = layer(join, head).arrays()
    first, second = embeddings(4, 24), embeddings(7, 24)
    there, back = (compare(join, head, weights, *p) for p in ((first, second), (second, first)))
    np.testing.assert_allclose(there, back.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("join", JOINS)
def test_without_learning_an_image_is_most_like_itself(join):
    embedded = embeddings(30, 24)
    if join == "product":
        embedded /= np.linalg.norm(embedded, axis=1, keepdims=True)
    scores = compare(join, "similarity", {}, embedded, embedded)
    assert (scores.argmax(axis=1) == np.arange(30)).all()


@pytest.mark.parametrize("length", [0, 1e2, 1e4])
def test_squared_distances_are_exact_to_float32_however_long_embeddings_are(length):
    query, support = embeddings(20, 64), embeddings(30, 64)
    query[:, 0] += length
    support[:, 0] += length
    apart = query[:, None].astype(np.float64) - support[None]
    result = compare("squared", "similarity", {}, query, support)
    np.testing.assert_allclose(result, -np.square(apart).sum(axis=-1), rtol=1e-6)


def test_equal_embeddings_are_no_distance_apart_and_tie_wherever_they_stand():
    embedded = np.float32(1000) * embeddings(7, 64)
    support = embedded[np.random.default_rng(0).integers(0, 7, 30)]
    scores = compare("squared", "similarity", {}, embedded, support)
    equal = (embedded[:, None] == support[None]).all(axis=-1)
    assert (scores[equal] == 0).all() and (scores[~equal] < 0).all()


@pytest.mark.parametrize("head", HEADS)
def test_empty_embeddings_have_a_cosine(head):
    """A length of zero divides nothing."""
    made = layer("cosine", head)
    nothing, query = np.zeros((1, 24), np.float32), embeddings(3, 24)
    scores = compare("cosine", head, made.arrays(), query, nothing)
    assert np.isfinite(scores).all()
    expected = ops.convert_to_numpy(made([query, np.repeat(nothing, 3, axis=0)]))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("join", "head"), [("sum", "dense"), ("cosine", "deep")])
def test_unknown_joins_and_heads_are_refused(join, head):
    with pytest.raises(ModelError, match="expected one of difference, squared, product, cosine"):
        Comparison(join, head)
