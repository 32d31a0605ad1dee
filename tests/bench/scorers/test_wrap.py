"""wrap() by plain functions: preprocessing, comparisons, messages and identity."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from by_hand import averaged, cosine, predicted, predictions
from wayshot import wrap
from wayshot.bench import traits
from wayshot.bench.errors import ScorerError
from wayshot.bench.evaluations.embeddings import EmbeddingCache
from wayshot.bench.scorers.wrapping import KINDS
from wayshot.models.engines import packages

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((225, 8)).astype(np.float32)


def flat(images):
    return images.reshape(len(images), -1)


def project(images):
    return flat(images) @ WEIGHTS


def test_trials_are_those_of_a_plain_loop(tmp_path):
    def score(query, support):
        return cosine(*(averaged(one, 15).ravel() @ WEIGHTS for one in (query, support)))

    assert (predicted(wrap(project, size=15), tmp_path) == predictions(score)).all()


@pytest.mark.parametrize(
    ("compare", "score"),
    [
        ("cosine", cosine),
        ("dot", lambda a, b: float(a @ b)),
        ("euclidean", lambda a, b: -float(np.linalg.norm(a - b))),
        (lambda a, b: -np.abs(a[:, None] - b).sum(-1), lambda a, b: -float(np.abs(a - b).sum())),
    ],
)
def test_comparisons_are_what_they_are_called(compare, score):
    scorer = wrap(project, size=15, compare=compare)
    query, support = RNG.standard_normal((2, 3, 8)), RNG.standard_normal((2, 4, 8))
    query, support = query.astype(np.float32), support.astype(np.float32)
    found = scorer.compare(query, support) * (-1 if scorer.smaller_is_closer else 1)
    slow = [
        [[score(a, b) for b in some] for a in few] for few, some in zip(query, support, strict=True)
    ]
    assert np.allclose(found, slow, atol=1e-5)


def test_a_head_is_called_with_pairs_in_blocks(monkeypatch):
    from wayshot.bench.scorers.wrapping import similarities

    monkeypatch.setattr(similarities, "PAIRS", 5 * 8)
    calls = []

    def head(a, b):
        calls.append(len(a))
        assert a.shape == b.shape
        return (a * b).sum(-1, keepdims=True)

    scorer = wrap(project, size=15, head=head)
    query, support = RNG.standard_normal((2, 3, 8)), RNG.standard_normal((2, 4, 8))
    assert np.allclose(scorer.compare(query, support), query @ support.swapaxes(1, 2), atol=1e-5)
    assert calls == [5, 5, 5, 5, 4]


def test_pixels_have_the_values_that_were_asked_for():
    seen = []
    image = np.zeros((1, 105, 105), np.uint8)
    image[0, :21] = 1

    def model(images):
        seen.append(images)
        return flat(images)

    wrap(model, size=5, channels=3, ink=0, paper=1, mean=[0, 0.5, 0], std=[1, 1, 2]).embed(image)
    assert seen[0].shape == (1, 5, 5, 3) and seen[0].dtype == np.float32
    assert np.allclose(seen[0][0, 0, 0], [0, -0.5, 0])
    assert np.allclose(seen[0][0, 4, 4], [1, 0.5, 0.5])
    wrap(model, size=(7, 15)).embed(image)
    assert seen[1].shape == (1, 7, 15, 1)
    wrap(model, size=210).embed(image)
    assert np.allclose(seen[2][0, 0], 1) and np.allclose(seen[2][0, 209], 0)
    wrap(model).embed(image)
    assert (seen[3][..., 0] == image).all()


def test_a_function_as_transform_gets_ink_1_and_gives_the_input():
    def transform(images):
        assert images.shape[1:] == (105, 105) and images.dtype == np.float32
        return 1 - images[:, :1]

    image = np.zeros((2, 105, 105), np.uint8)
    image[:, 0] = 1
    assert not wrap(flat, transform=transform).embed(image).any()


def test_a_batch_is_never_larger_than_was_asked_for():
    sizes = []

    def model(images):
        sizes.append(len(images))
        return flat(images)

    wrap(model, size=5, batch=10).embed(np.zeros((25, 105, 105), np.uint8))
    assert sizes == [10, 10, 5]


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_reduced_precision_becomes_float32(kind):
    scorer = wrap(lambda images: flat(images).astype(kind), size=5)
    assert scorer.embed(np.ones((2, 105, 105), np.uint8)).dtype == np.float32


def test_lists_of_arrays_and_dicts_are_taken():
    images = np.ones((2, 105, 105), np.uint8)
    listed = wrap(lambda x: [list(map(float, one)) for one in flat(x)], size=5)
    named = wrap(lambda x: {"logits": None, "pooler_output": flat(x)[..., None, None]}, size=5)
    tokens = wrap(lambda x: {"last_hidden_state": np.stack([flat(x), 0 * flat(x)], 1)}, size=5)
    for scorer in (listed, named, tokens):
        assert np.allclose(scorer.embed(images), np.ones((2, 25)))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"compare": "cosin"}, "compare 'cosin', expected cosine, euclidean, dot"),
        ({"pairs": "stack"}, "pairs 'stack', expected stacked, inputs, channels"),
        ({"compare": "dot", "head": flat}, "exclude each other"),
        ({"compare": "dot", "smaller_is_closer": True}, "leave smaller_is_closer out"),
        ({"transform": flat, "size": 3}, "transform does what size would do"),
        ({"size": (1, 2, 3)}, r"size is \(1, 2, 3\), expected"),
        ({"mean": [1, 2]}, "mean has 2 numbers, but .* 1 channel; give 1 number, or channels=2"),
        ({"std": [1, 2], "channels": 3}, "std has 2 numbers, .* 3 channels; give 1 number or 3$"),
        ({"ink": 0}, "ink and paper are both 0: every image would be alike"),
        ({"ink": 2, "paper": 2.0}, "ink and paper are both 2"),
        ({"device": "cuda"}, "device is 'cuda', and this is a function"),
        ({"timeout": 5}, "for services; give concurrency too"),
    ],
)
def test_what_does_not_fit_is_refused(options, problem):
    with pytest.raises(ScorerError, match=problem):
        wrap(project, **options)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("smaller_is_closer", ["yes", "False", 1, None], "true or false"),
        ("batch", ["abc", 0, -3, 2.5, True, None], "a whole number from 1 to 65536"),
        ("concurrency", ["2", 0, True], "a whole number from 1 to 65536"),
        ("retries", [-1, 1.5, "2"], "a whole number from 0 to 65536"),
        ("timeout", [0, -1, "60", float("nan"), False], "a number of seconds, more than 0"),
        ("size", ["28", 28.0, 0, [28], [28, "28"], True], "a number of pixels, or height"),
        ("channels", [0, "3", 1.0], "a whole number from 1"),
        ("ink", [True, "black", float("inf"), 1e300], "a number"),
        ("paper", [False, [0]], "a number"),
        ("mean", ["half", [], [0.5, "half"], float("nan")], "a number, or a list"),
        ("std", [0, -1, [1, 0, 1], np.zeros(3), 1e-40], "a number above 0, or a list"),
        ("digest", ["", True, 1.5], "a text or a whole number"),
        ("name", ["", 3], "a text"),
        ("trained_on", [3, "", [1]], "the name of a part"),
        ("device", [0, ""], "the name of a device"),
        ("head", ["mine", 3], "a function; typed behind a scorer"),
        ("transform", ["mine"], "a function; typed behind a scorer"),
    ],
)
def test_every_argument_is_checked(name, values, expected):
    for value in values:
        with pytest.raises(ScorerError, match=rf"^{name} is .*, expected {expected}"):
            wrap(project, **{name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"size": np.int64(15), "batch": np.uint8(3), "smaller_is_closer": np.bool_(False)},
        {"size": np.array([15, 15]), "mean": np.float32(0.5), "std": np.float64(2)},
        {"size": (np.int32(15), 15), "mean": [np.float32(0.5)], "name": np.str_("a")},
        {"size": 15, "trained_on": frozenset({"Latin/character01"}), "digest": 3},
        {"size": 15, "trained_on": (name for name in ["Latin/character01"])},
    ],
)
def test_numbers_and_lists_of_other_libraries_are_taken(options):
    scorer = wrap(project, **options)
    assert scorer.embed(np.ones((2, 105, 105), np.uint8)).shape == (2, 8)


@pytest.mark.parametrize("model", [5, int, {"a": 1}])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(ScorerError, match="cannot be wrapped, expected a trained model"):
        wrap(model)


def test_an_error_of_the_model_says_what_it_was_given():
    scorer = wrap(lambda images: images @ np.zeros((7, 9)) * len("x" * 1000), size=5)
    with pytest.raises(
        ScorerError, match=r"the model raised .*\(given float32 \(64, 5, 5, 1\)"
    ) as e:
        traits(scorer, "mine")
    assert len(str(e.value)) <= 300 and "\n" not in str(e.value)

    def long(images):
        raise ValueError("long\n" * 10_000)

    with pytest.raises(ScorerError) as caught:
        traits(wrap(long), "mine")
    assert len(str(caught.value)) <= 300


def test_a_wrong_number_of_rows_is_refused():
    with pytest.raises(ScorerError, match=r"gave shape \(3,\) for 4 images"):
        wrap(lambda images: np.zeros(3)).embed(np.zeros((4, 105, 105), np.uint8))
    with pytest.raises(ScorerError, match=r"dict of x, y, expected one array"):
        wrap(lambda images: {"x": 1, "y": 2}).embed(np.zeros((4, 105, 105), np.uint8))
    with pytest.raises(ScorerError, match=r"2 arrays of shape \(4,\), \(4, 2\), expected one"):
        wrap(lambda x: (np.zeros(4), np.zeros((4, 2)))).embed(np.zeros((4, 105, 105), np.uint8))


def test_another_preprocessing_model_or_comparison_is_another_scorer():
    scorers = [
        wrap(project, size=15),
        wrap(project, size=15, ink=2),
        wrap(lambda x: project(x) * 2, size=15, compare="dot"),
        wrap(project, size=15, compare="dot"),
        wrap(project, size=15, compare=lambda a, b: a @ b.T),
        wrap(project, size=15, head=lambda a, b: (a * b).sum(-1)),
    ]
    digests = [traits(one, "x").digest for one in scorers]
    assert len(set(digests)) == len(digests)
    assert traits(wrap(project, size=15), "x").digest == digests[0]


def test_a_name_and_characters_seen_are_passed_on():
    scorer = wrap(project, size=15, name="mine", trained_on=["Latin/character01"])
    known = traits(scorer, "x")
    assert known.name == "mine" and known.trained_on == {"Latin/character01"}
    assert traits(wrap(project, size=15), "x").name == "x"


def test_every_kind_says_what_it_is():
    assert len({kind.kind for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_versions_of_every_kind_are_in_the_keys_of_the_caches(kind, monkeypatch, tmp_path):
    assert "packages" in vars(kind)
    assert set(kind.packages) <= set(packages())
    known = traits(wrap(project, size=15), "x")
    for package in kind.packages:
        folders = set()
        for number in ("1", "2"):
            monkeypatch.setattr(
                "wayshot.bench.machine.versions",
                lambda some, number=number, package=package: {
                    one: number for one in some if one == package
                },
            )
            folders.add(EmbeddingCache(known, tmp_path).folder)
        assert len(folders) == 2


@pytest.mark.parametrize("batch", [64, 2])
def test_a_model_that_reuses_its_output_is_read_as_it_answers(batch):
    places = {}

    def reusing(images):
        embedded = project(images)
        place = places.setdefault(embedded.shape, embedded.copy())
        place[...] = embedded
        return place

    images = np.random.default_rng(0).integers(0, 2, (9, 105, 105)).astype(np.uint8)
    sound, reused = (wrap(one, size=15, batch=batch) for one in (project, reusing))
    assert np.array_equal(reused.embed(images), sound.embed(images))  # pyright: ignore

    def compare(query, support):
        scores = query @ support.T
        place = places.setdefault(scores.shape, scores.copy())
        place[...] = scores
        return place

    sound = wrap(project, size=15, compare=lambda query, support: query @ support.T)
    reused = wrap(project, size=15, compare=compare)
    embedded = np.random.default_rng(0).random((3, 4, 5))
    assert np.array_equal(
        reused.compare(embedded, embedded),  # pyright: ignore
        sound.compare(embedded, embedded),  # pyright: ignore
    )


def test_a_model_that_gives_a_masked_array_is_refused():
    scorer = wrap(lambda images: np.ma.masked_less(project(images), 0.1), size=15)
    with pytest.raises(ScorerError, match="a masked array, expected numbers for all images"):
        traits(scorer, "x")
