from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot.bench import ScorerError, evaluate
from wayshot.bench.scorers.asking import Asking, images_for
from wayshot.bench.scorers.failures import BrokenScorerError
from wayshot.bench.scorers.scorer import traits
from wayshot.tasks import Sampler, from_arrays, parse

IMAGES = (np.random.default_rng(0).random((4, 105, 105)) < 0.1).astype(np.uint8)


class Answering:
    """A scorer of all levels that gives what it is told to."""

    smaller_is_closer = False

    def __init__(self, answer):
        self.answer = answer

    def embed(self, images):
        return self.answer

    compare = score = classify = lambda self, *arguments: self.answer


def asking(answer, finite=True, **said):
    known = traits(Pixels(), "telling")
    for name, value in said.items():
        object.__setattr__(known, name, value)
    return Asking(Answering(answer), known, finite=finite)


def ask(method, asking):
    labels = np.array([0, 0, 1, 1])
    arguments = {
        "embed": (IMAGES,),
        "compare": (np.zeros((4, 3)), np.zeros((2, 3))),
        "score": (IMAGES, IMAGES[:2]),
        "classify": (IMAGES, labels, IMAGES),
    }[method]
    return getattr(asking, method)(*arguments)


METHODS = ["embed", "compare", "score", "classify"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int8, np.uint8])
def test_numbers_of_the_right_shape_are_given_on(method, dtype):
    answer = np.arange(8).reshape(4, 2).astype(dtype)
    np.testing.assert_array_equal(ask(method, asking(answer)), answer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (np.zeros((4, 2), dtype=complex), "gave complex128, expected numbers"),
        (np.array([["a", "b"]] * 4), "gave <U1, expected numbers"),
        (np.zeros((4, 2), dtype=bool), "gave bool, expected numbers"),
        (np.zeros((3, 2)), "gave shape (3, 2), expected (4, "),
        (np.zeros(4), "gave shape (4,), expected (4, "),
    ],
)
def test_another_type_or_shape_is_the_scorers_fault(method, answer, problem):
    with pytest.raises(BrokenScorerError) as caught:
        ask(method, asking(answer))
    assert str(caught.value).startswith(f"scorer telling: {method} {problem}")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_its_place_where_it_must_be_finite(method, bad):
    answer = np.zeros((4, 2))
    answer[2, 1] = bad
    with pytest.raises(BrokenScorerError, match=f"{method} gave NaN or infinity") as caught:
        ask(method, asking(answer))
    assert caught.value.place == (2, 1)
    np.testing.assert_array_equal(ask(method, asking(answer, finite=False)), answer)


@pytest.mark.parametrize("method", METHODS[1:])
def test_distances_are_turned_even_where_they_have_no_sign(method):
    answer = np.arange(8, dtype=np.uint8).reshape(4, 2)
    got = ask(method, asking(answer, smaller_is_closer=True))
    np.testing.assert_array_equal(got, -np.arange(8.0).reshape(4, 2))


def test_an_answer_that_is_used_again_by_the_scorer_is_kept():
    one = asking(np.ones((4, 2)))
    first = ask("embed", one)
    one.scorer.answer += 5
    assert (first == 1).all()


def test_only_images_that_count_must_be_finite():
    answer = np.zeros((4, 2))
    answer[3] = np.nan
    assert asking(answer).embed(IMAGES, count=3).shape == (3, 2)
    with pytest.raises(BrokenScorerError, match=r"expected \(4, 3\)"):
        asking(answer).embed(IMAGES, width=3)


@pytest.mark.parametrize("pooling", ["mean", "max", "prototype"])
def test_shots_are_pooled_as_the_scorer_says(pooling):
    one = asking(None, pooling=pooling)
    scores = np.random.default_rng(0).standard_normal((7, 4, 6))
    by_shot = scores.reshape(7, 4, 3, 2)
    expected = by_shot.max(axis=-1) if pooling == "max" else by_shot.mean(axis=-1)
    np.testing.assert_array_equal(one.pooled(scores, 3), expected)
    assert one.pooled(scores, 6) is scores
    support = np.random.default_rng(1).standard_normal((7, 3, 2, 5))
    prepared = one.prepared(support)
    whole = support.mean(axis=2) if pooling == "prototype" else support.reshape(7, 6, 5)
    np.testing.assert_array_equal(prepared, whole)


def test_finite_scores_with_an_infinite_mean_are_refused():
    with pytest.raises(BrokenScorerError, match="mean over the shots is infinite"):
        asking(None).pooled(np.full((1, 4), 1e308), 2)


def source(*shape):
    pixels = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    return Sampler(parse("arrays-within-2w1s"), from_arrays(pixels, np.arange(12) % 3))


def test_a_scorer_gets_the_images_that_it_wants():
    gray = source(8, 8)
    images = gray.dataset.images
    assert images_for(traits(Pixels(), "x"), gray) is images

    class Wanting(Pixels):
        wants = {"kind": "color", "size": 4}  # noqa: RUF012

    assert images_for(traits(Wanting(), "x"), gray)[:2].shape == (2, 4, 4, 3)


def test_a_scorer_that_takes_no_colour_is_told_how_to_get_gray():
    class Ink(Pairs):
        name = "of ink"
        wants = "ink"

    with pytest.raises(ScorerError) as caught:
        images_for(traits(Ink(), "x"), source(8, 8, 3))
    assert str(caught.value) == (
        "scorer of ink: takes ink images, and these are in colour; images:PATH@gray turns them to "
        "gray by their luminance"
    )


class Reusing(Pixels):
    """Gives the same array again and again."""

    def __init__(self):
        self.places = {}

    def _placed(self, answer):
        place = self.places.setdefault(answer.shape, answer.copy())
        place[...] = answer
        return place

    def embed(self, images):
        return self._placed(super().embed(images))

    def compare(self, query, support):
        return self._placed(super().compare(query, support))


class Mapped(Pixels):
    """Gives arrays that are mapped from a file, which it writes over."""

    def __init__(self, path):
        self.path = str(path)

    def embed(self, images):
        embedded = super().embed(images)
        place = np.memmap(self.path, embedded.dtype, "w+", shape=embedded.shape)
        place[...] = embedded
        return place


def test_answers_are_copied_where_they_come_in(source, tmp_path):
    sound = evaluate(Pixels(), source(), episodes=60, root=tmp_path / "sound")
    for i, scorer in enumerate((Reusing(), Mapped(tmp_path / "embeddings"))):
        run = evaluate(scorer, source(), episodes=60, root=tmp_path / str(i))
        assert run.record["trials_digest"] == sound.record["trials_digest"]
        assert run.record["audit"]["verdict"] == "passed"


def test_a_masked_answer_is_refused():
    class Masked(Pixels):
        method = "embed"

        def _masked(self, method, answer):
            return np.ma.masked_less(answer, 0.1) if method == self.method else answer

        def embed(self, images):
            return self._masked("embed", super().embed(images))

        def compare(self, query, support):
            return self._masked("compare", super().compare(query, support))

    for method in ("embed", "compare"):
        Masked.method = method
        with pytest.raises(ScorerError, match=rf"masking: .*{method} gave a masked array") as told:
            traits(Masked(), "masking")
        assert "\n" not in str(told.value) and len(str(told.value)) < 300
    Masked.method = ""
    asking = Asking(Masked(), traits(Masked(), "masking"))
    Masked.method = "embed"
    with pytest.raises(BrokenScorerError, match="scorer masking: embed gave a masked array"):
        asking.embed(np.zeros((2, 105, 105), np.uint8))


class Matrices(Pixels):
    """Compares matrices, and not the stacks of them that episodes are."""

    def compare(self, query, support):
        return query @ support.T


def test_a_comparison_of_matrices_alone_is_told_that_episodes_stand_in_front():
    scorer = Matrices()
    asked = Asking(scorer, traits(scorer, "flat"))
    matrix = np.ones((4, 3), np.float32)
    assert asked.compare(matrix, matrix[:2]).shape == (4, 2)
    with pytest.raises(BrokenScorerError, match=r"episodes stand in front, .*\.\.\., Q, D"):
        asked.compare(np.stack([matrix] * 5), np.stack([matrix[:2]] * 5))
    with pytest.raises(BrokenScorerError) as caught:
        asked.compare(matrix[:, :2], matrix)
    assert "in front" not in str(caught.value)


def test_whole_numbers_that_floats_do_not_tell_apart_are_refused():
    class Large:
        digest = "1"

        def score(self, query, support):
            return np.full((len(query), len(support)), 2**53 + 1)

    asking = Asking(Large(), traits(Large(), "large"))
    with pytest.raises(BrokenScorerError, match="gave the whole number 9007199254740993"):
        asking.score(np.zeros((1, 5, 5), np.uint8), np.zeros((2, 5, 5), np.uint8))


def test_a_classifier_that_takes_one_query_may_write_into_its_input():
    class Writes:
        digest = "1"

        def classify(self, support, labels, query):
            (one,) = query
            scores = (support * one).sum(axis=(1, 2)).astype(float)
            support[:], labels[:], query[:] = 0, 0, 0
            return scores

    asking = Asking(Writes(), traits(Writes(), "writes"))
    support = np.eye(3, dtype=np.uint8)[:, None]
    found = asking.classify(support.copy(), np.arange(3), support.copy())
    assert found.tolist() == np.eye(3).tolist()
