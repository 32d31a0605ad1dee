"""fewshot() of methods, and wrap() of fitted objects of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import averaged, blocks_of_images, cosine, predicted, predictions
from wayshot import fewshot, wrap
from wayshot.bench import traits
from wayshot.bench.errors import ScorerError

sklearn = pytest.importorskip("sklearn")
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.linear_model import LogisticRegression, RidgeClassifier  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

RNG = np.random.default_rng(0)


def pixels(images):
    return np.stack([averaged(image, 15).ravel() for image in images])


def episodes_by_hand(answer):
    """Best ways by a function from support images, labels and queries."""
    return np.concatenate(
        [answer(s, np.arange(len(s)), q).argmax(axis=1) for q, s in blocks_of_images()]
    )


def test_a_fitted_transformer_embeds():
    pca = PCA(4).fit(RNG.random((20, 225)))
    images = RNG.integers(0, 2, (3, 105, 105), dtype=np.uint8)
    assert np.allclose(wrap(pca).embed(images), pca.transform(pixels(images)), atol=1e-5)


def test_a_fitted_transformer_gives_the_trials_of_a_plain_loop(tmp_path):
    pca = PCA(4).fit(RNG.random((20, 225)))

    def score(query, support):
        return cosine(*pca.transform(pixels(np.stack([query, support]))))

    assert (predicted(wrap(pca), tmp_path) == predictions(score)).all()


def test_probabilities_of_known_classes_are_an_embedding():
    fitted = LogisticRegression().fit(RNG.random((20, 225)), np.arange(20) % 4)
    images = RNG.integers(0, 2, (3, 105, 105), dtype=np.uint8)
    assert np.allclose(wrap(fitted).embed(images), fitted.predict_proba(pixels(images)))
    with pytest.raises(ScorerError, match="neither transform nor predict_proba"):
        wrap(RidgeClassifier())


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (KNeighborsClassifier(1), "predict_proba"),
        (make_pipeline(FunctionTransformer(), LogisticRegression()), "predict_proba"),
        (RidgeClassifier(), "decision_function"),
    ],
)
def test_an_estimator_is_fitted_to_every_support(estimator, method, tmp_path):
    def answer(support, labels, query):
        fitted = sklearn.clone(estimator).fit(pixels(support), labels)
        return getattr(fitted, method)(pixels(query))

    found = predicted(fewshot(estimator, size=15), tmp_path)
    assert (found == episodes_by_hand(answer)).all()
    assert not hasattr(estimator, "classes_")


def test_two_ways_have_two_scores_and_classes_keep_their_places():
    scorer = fewshot(RidgeClassifier(), size=15)
    images = RNG.integers(0, 2, (6, 105, 105), dtype=np.uint8)
    scores = scorer.classify(images[:4], np.array([1, 0, 1, 0]), images[:4])
    assert scores.shape == (4, 2) and list(scores.argmax(axis=1)) == [1, 0, 1, 0]


class Centroids:
    """As the methods of easyfsl are called."""

    def process_support_set(self, support_images, support_labels):
        flat = support_images.reshape(len(support_images), -1)
        ways = int(support_labels.max()) + 1
        self.centres = np.stack([flat[support_labels == way].mean(axis=0) for way in range(ways)])

    def __call__(self, query_images):
        flat = query_images.reshape(len(query_images), -1)
        return -((flat[:, None] - self.centres) ** 2).sum(-1)


class Adapting:
    def adapt(self, images, labels):
        method = Centroids()
        method.process_support_set(images, labels)
        return method


def centroids(support, labels, query):
    return -((pixels(query)[:, None] - pixels(support)) ** 2).sum(-1)


@pytest.mark.parametrize("method", [Centroids(), Adapting()])
def test_methods_get_the_support_and_then_the_queries(method, tmp_path):
    found = predicted(fewshot(method, size=15), tmp_path)
    assert (found == episodes_by_hand(centroids)).all()


def test_a_transform_makes_the_input_of_a_method(tmp_path):
    scorer = fewshot(Centroids(), transform=lambda images: images[:, 3::7, 3::7])
    assert (predicted(scorer, tmp_path) == episodes_by_hand(centroids)).all()


def test_a_module_gets_tensors_in_evaluation_mode():
    torch = pytest.importorskip("torch")

    class Method(torch.nn.Module):
        def process_support_set(self, support_images, support_labels):
            assert not self.training and support_labels.dtype == torch.int64
            self.support = support_images.flatten(1)

        def forward(self, query_images):
            return query_images.flatten(1) @ self.support.T

    images = RNG.integers(0, 2, (3, 105, 105), dtype=np.uint8)
    scores = fewshot(Method(), size=15, channels=3).classify(images, np.arange(3), images)
    assert scores.shape == (3, 3)


def test_an_error_says_what_the_method_was_given():
    class Broken:
        def adapt(self, images, labels):
            raise ValueError("x" * 1000)

    with pytest.raises(
        ScorerError, match=r"adapt raised .*\(given float32 \(8, 1, 15, 15\) and int64"
    ) as e:
        traits(fewshot(Broken(), size=15), "x")
    assert len(str(e.value)) <= 300
    with pytest.raises(ScorerError, match="no few-shot method, expected process_support_set"):
        fewshot(PCA())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"size": "28"}, "size is '28', expected a number of pixels"),
        ({"channels": 0}, "channels is 0, expected a whole number"),
        ({"ink": True}, "ink is True, expected a number"),
        ({"ink": 0}, "ink and paper are both 0"),
        ({"digest": ""}, "digest is '', expected a text"),
        ({"name": 3}, "name is 3, expected a text"),
        ({"transform": "mine"}, "transform is 'mine', expected a function"),
        ({"transform": pixels, "size": 3}, "transform does what size would do"),
    ],
)
def test_arguments_are_checked_as_those_of_wrap(options, problem):
    with pytest.raises(ScorerError, match=problem):
        fewshot(Centroids(), **options)


def test_the_size_may_be_height_and_width():
    seen = []

    class Looking:
        def adapt(self, images, labels):
            seen.append(images.shape)
            return lambda queries: np.zeros((len(queries), 2))

    images = np.zeros((2, 105, 105), np.uint8)
    for size in ((7, 15), 15):
        fewshot(Looking(), size=size).classify(images, np.arange(2), images)
    assert seen == [(2, 1, 7, 15), (2, 1, 15, 15)]


def test_a_method_with_a_transform_and_a_digest_is_the_same_in_every_process():
    digests = {fewshot(Centroids(), transform=pixels, digest="1").digest for _ in range(2)}
    assert len(digests) == 1
