from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers.failures import BrokenScorerError
from wayshot.bench.scorers.scorer import ScorerAttributes, traits
from wayshot.tasks import Wants


class Classifier:
    def classify(self, support_images, support_labels, query_images):
        return np.zeros((len(query_images), support_labels.max() + 1))


@pytest.mark.parametrize(("scorer", "level"), [(Pixels(), 1), (Pairs(), 2), (Classifier(), 3)])
def test_level_is_known_by_the_methods(scorer, level):
    assert traits(scorer, "x").level == level


def test_what_a_scorer_may_say_is_described_and_has_a_default():
    described = ScorerAttributes.__doc__.split("Attributes:")[1]
    for one in fields(ScorerAttributes):
        assert f"        {one.name}: " in described
    assert ScorerAttributes.of(Classifier()) == ScorerAttributes()


def test_every_attribute_of_a_scorer_is_read():
    said = ScorerAttributes(
        name="own",
        smaller_is_closer=True,
        pooling="max",
        digest="1",
        trained_on=["Latin/character01"],
        parameters=3,
        flops=4,
        scale="log-odds",
        engine="NumPy 2",
        training={"recipe": "r", "seed": 5},
        baseline=True,
        wants=Wants(("gray",), (28, 28)),
        batch=8,
        concurrency=2,
    )
    scorer = Classifier()
    for one in fields(said):
        assert getattr(said, one.name) != one.default
        setattr(scorer, one.name, getattr(said, one.name))
    assert ScorerAttributes.of(scorer) == said
    known, plain = traits(scorer, "x"), traits(Classifier(), "x")
    shared = {one.name for one in fields(known)} & {one.name for one in fields(said)}
    assert shared == {one.name for one in fields(said)}
    for name in shared - {"trained_on", "digest"}:
        assert getattr(known, name) == getattr(said, name)
    assert known.trained_on == {"Latin/character01"} and known.digest != plain.digest


def test_whether_a_scorer_is_a_baseline_is_no_part_of_its_digest():
    plain, baseline = Pixels(), Pixels()
    baseline.baseline = True  # pyright: ignore
    assert traits(baseline, "x").digest == traits(plain, "x").digest
    assert traits(baseline, "x").baseline and not traits(plain, "x").baseline
    baseline.baseline = lambda: True  # pyright: ignore
    assert not traits(baseline, "x").baseline


def test_an_object_without_the_methods_is_refused():
    with pytest.raises(ScorerError, match="a dict has none of embed and compare, score, classify"):
        traits({}, "x")


def test_own_name_is_preferred():
    scorer = Pixels()
    assert traits(scorer, "given").name == "given"
    scorer.name = "own"  # pyright: ignore
    assert traits(scorer, "given").name == "own"


@pytest.mark.parametrize(("scorer", "pooling"), [(Pixels, "median"), (Pairs, "prototype")])
def test_impossible_pooling_is_refused(scorer, pooling):
    scorer = scorer()
    scorer.pooling = pooling
    with pytest.raises(ScorerError, match="pooling"):
        traits(scorer, "x")


def test_without_a_digest_a_scorer_is_known_by_its_answers():
    class Scaled(Pixels):
        def __init__(self, factor):
            self.factor = factor

        def embed(self, images):
            return super().embed(images) * np.float32(self.factor)

    class OtherHead(Pixels):
        def compare(self, query, support):
            return super().compare(query, support) ** 2

    digests = [traits(scorer, "x").digest for scorer in (Scaled(1), Scaled(1), Scaled(1.0001))]
    assert digests[0] == digests[1] != digests[2]
    assert traits(OtherHead(), "x").digest not in digests
    assert traits(Pairs(), "x").digest not in digests


def test_a_random_scorer_is_never_the_same_twice():
    class Random(Pixels):
        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores + np.random.default_rng().random(scores.shape)

    assert traits(Random(), "x").digest != traits(Random(), "x").digest


def test_changed_code_changes_the_digest():
    assert traits(Pixels(), "x", "code 1").digest != traits(Pixels(), "x", "code 2").digest


def test_a_declared_digest_does_not_hide_other_answers():
    class Squared(Pixels):
        def compare(self, query, support):
            return super().compare(query, support) ** 2

    scorers = Pixels(), Squared()
    for scorer in scorers:
        scorer.digest = "1"  # pyright: ignore
    assert traits(scorers[0], "x").digest != traits(scorers[1], "x").digest


@pytest.mark.parametrize("seen", ["Latin/character01", ["Latin"], ["a/b/c"]])
def test_what_cannot_be_names_of_characters_is_refused(seen):
    scorer = Pixels()
    scorer.trained_on = seen  # pyright: ignore
    with pytest.raises(ScorerError, match="trained_on must be a list of names"):
        traits(scorer, "x")


def test_a_method_called_parameters_is_no_number_of_parameters():
    scorer = Pixels()
    scorer.parameters = lambda: iter(())  # pyright: ignore
    assert traits(scorer, "x").parameters is None
    scorer.parameters = np.int64(5)  # pyright: ignore
    assert json.dumps(traits(scorer, "x").parameters) == "5"


def test_pooling_direction_and_training_characters_change_the_digest():
    plain = Pixels()
    plain.digest = "1"  # pyright: ignore
    digests = [traits(plain, "x").digest]
    for attribute, value in (
        ("pooling", "max"),
        ("smaller_is_closer", True),
        ("trained_on", ["a/b"]),
    ):
        setattr(plain, attribute, value)
        digests.append(traits(plain, "x").digest)
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("attribute", "value", "known"),
    [
        ("parameters", True, None),
        ("flops", 2.5, None),
        ("pooling", np.zeros(3), "mean"),
        ("scale", 30.0, None),
        ("trained_on", 5000, None),
        ("trained_on", np.arange(3), None),
        ("trained_on", [True], None),
        ("training", 3, None),
        ("engine", print, None),
        ("wants", len, None),
        ("smaller_is_closer", len, False),
    ],
)
def test_an_attribute_of_another_type_is_something_else(attribute, value, known):
    scorer = Pixels()
    setattr(scorer, attribute, value)
    assert getattr(traits(scorer, "x"), attribute) == known


@pytest.mark.parametrize("said", [{"seed": 1}, {"recipe": "a", "seed": "b"}])
def test_a_training_without_recipe_or_seed_is_refused(said):
    scorer = Pixels()
    scorer.training = said  # pyright: ignore
    with pytest.raises(ScorerError, match="training must be a dict of recipe"):
        traits(scorer, "x")


def test_an_attribute_that_raises_is_an_error_of_the_scorer():
    class Raises(Pixels):
        @property
        def pooling(self):
            raise RuntimeError("no luck")

    with pytest.raises(ScorerError, match=r"an attribute raised RuntimeError: no luck, at .*:\d+$"):
        traits(Raises(), "x")


@pytest.mark.parametrize(
    ("method", "answer", "problem"),
    [
        ("embed", np.zeros((255, 4)), r"embed gave shape \(255, 4\), expected \(256, D\)"),
        ("embed", np.full((256, 4), "x"), "embed gave <U1, expected numbers"),
        ("compare", np.zeros((32, 16)), r"compare gave shape \(32, 16\), expected \(16, 256\)"),
    ],
)
def test_the_first_batch_is_checked_as_all_later_ones(method, answer, problem):
    scorer = Pixels()
    setattr(scorer, method, lambda *arrays: answer)
    with pytest.raises(ScorerError, match=f"fails on a first batch: {problem}"):
        traits(scorer, "x")


@pytest.mark.parametrize(
    ("attribute", "value", "problem"),
    [
        ("smaller_is_closer", "no", "smaller_is_closer is of type str, expected True or False"),
        ("smaller_is_closer", 1, "smaller_is_closer is of type int, expected True or False"),
        ("trained_on", iter(lambda: "Latin/character01", None), "more than 1,000,000"),
        ("trained_on", ["Latin/character01", float("nan")], "a float among them"),
        ("parameters", 1 << 5000, "parameters of more than 60 digits"),
    ],
)
def test_what_cannot_be_meant_is_refused(attribute, value, problem):
    scorer = type("Odd", (), {"score": lambda self, q, s: np.ones((len(q), len(s)))})()
    setattr(scorer, attribute, value)
    with pytest.raises(BrokenScorerError, match=problem):
        traits(scorer, "odd")
