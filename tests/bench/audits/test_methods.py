from __future__ import annotations

import json

import methods
import pytest
import traps
from wayshot.bench.audits import audit
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.scorers import EpisodeSize, fewshot, traits

# Sound methods, the size of the episodes on which they run, and what is noted of them.
SOUND = [
    (methods.FreshHead, "5w1s", {"determinism"}),
    (methods.SeededHead, "5w1s", {"class positions"}),
    (methods.SeededHead, "8w2s", {"class positions"}),
    (methods.FreshHeadForEachQuery, "8w1s", {"query order", "class positions"}),
    (methods.FullContext, "8w1s", {"support order"}),
    (methods.FullContext, "5w5s", {"support order"}),
    (methods.OnlyWays, "20w1s", set()),
    (methods.Ways, "20w1s", set()),
    (methods.SevenWays, "7w1s", set()),
    (methods.Discriminant, "5w5s", set()),
    (methods.OneQuery, "5w1s", {"finite"}),
    (methods.OneQueryFlat, "5w1s-q2", {"finite"}),
    (methods.OneAfterAnother, "5w1s-q3", {"other queries", "query order"}),
    (methods.WholeEpisodes, "5w1s", {"other queries"}),
    (methods.Weak, "5w1s", set()),
    (methods.Averaged, "8w1s", set()),
    (methods.AveragedDistance, "8w1s", set()),
]
ALLOWED = {"spread", "orientation", "training data", "symmetry"}


def noted(checks):
    return {one.check for one in checks if one.status == "noted"} - ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize(("make", "rest", "notes"), SOUND)
def test_what_a_method_is_like_is_noted_and_no_failure(make, rest, notes, tmp_path):
    if make is methods.Discriminant:
        pytest.importorskip("sklearn")
    run = evaluate(make(), f"glyphs-within-{rest}", name="x", episodes=3, root=tmp_path)
    found = run.record["audit"]
    assert found["verdict"] == "passed"
    told = {one["check"] for one in found["checks"] if one["status"] == "noted"} - ALLOWED
    assert told == notes
    transductive = make in (methods.OneAfterAnother, methods.WholeEpisodes)
    assert found["transductive"] == transductive


@pytest.mark.slow
@pytest.mark.parametrize("make", sorted({one[0] for one in SOUND}, key=lambda one: one.__name__))
def test_the_thorough_audit_finds_a_size_that_a_method_takes(make):
    if make is methods.Discriminant:
        pytest.importorskip("sklearn")
    scorer = make()
    found = audit(scorer, traits(scorer, "x"), remake=make)
    assert [(one.check, one.found) for one in found.checks if one.status == "failed"] == []


def test_a_scorer_is_asked_with_the_size_of_the_protocol(source, tmp_path):
    class Watching(methods.Prototypes):
        def __init__(self):
            self.sizes = set()

        def classify(self, support_images, support_labels, query_images):
            size = (support_labels.max() + 1, len(support_labels), len(query_images))
            self.sizes.add(tuple(map(int, size)))
            return super().classify(support_images, support_labels, query_images)

    scorer = Watching()
    known = traits(scorer, "x")
    scorer.sizes.clear()
    audit(scorer, known, short=True, size=EpisodeSize(6, 3, 18))
    # Fewer queries too, to see whether they matter.
    assert {size[:2] for size in scorer.sizes} == {(6, 18)}
    assert {size[2] for size in scorer.sizes} == {18, 9, 1}


@pytest.mark.slow
def test_the_command_asks_as_the_protocol_does(wayshot):
    words = ("audit", "methods:SevenWays", "--protocol", "glyphs-within-7w2s", "--json")
    status, out, err = wayshot(*words)
    first, second = json.loads(out)["results"]
    assert status == 0, err
    assert "7-way 2-shot, 7 queries" in first["checks"][0]["found"]
    assert second["protocol"] == "glyphs-within-7w2s"
    status, out, _ = wayshot("audit", "methods:SevenWays", "--protocol", "glyphs-within-5w1s")
    assert status == 1 and "this head has 7 outputs" in " ".join(out.split())


def test_an_estimator_that_needs_shots_is_asked_with_them(tmp_path):
    lda = pytest.importorskip("sklearn.discriminant_analysis").LinearDiscriminantAnalysis()
    run = evaluate(fewshot(lda, size=14), "glyphs-within-5w5s", episodes=3, root=tmp_path)
    assert run.record["audit"]["verdict"] == "passed"


class Backwards(methods.Prototypes):
    def classify(self, support_images, support_labels, query_images):
        return -super().classify(support_images, support_labels, query_images)


@pytest.mark.parametrize("rest", ["5w5s", "20w1s"])
def test_what_is_turned_around_fails_and_what_is_weak_does_not(rest, tmp_path):
    found = {}
    for make in (Backwards, methods.Prototypes):
        run = evaluate(make(), f"glyphs-within-{rest}", name="x", episodes=3, root=tmp_path)
        (found[make],) = (
            one["status"] for one in run.record["audit"]["checks"] if one["check"] == "orientation"
        )
    assert found == {Backwards: "failed", methods.Prototypes: "passed"}


@pytest.mark.parametrize("seed", range(5))
def test_knowing_nothing_is_not_being_turned_around(seed):
    class Random(traps.Pixels):
        """Embeds by what has nothing to do with the image, and never nearest to itself."""

        def embed(self, images):
            rows = [
                methods.np.random.default_rng([seed, int(one.sum())]).normal(size=8)
                for one in images
            ]
            return methods.np.stack(rows)

        def compare(self, query, support):
            turned = methods.np.roll(support, 1, axis=-1)
            return query @ methods.np.swapaxes(turned, -1, -2)

    scorer = Random()
    found = audit(scorer, traits(scorer, "x"), short=True)
    assert [one.check for one in found.checks if one.status == "failed"] == []


def test_an_unseeded_scorer_is_told_so_and_nothing_else(tmp_path):
    class Unseeded(traps.Pixels):
        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores + methods.np.random.default_rng().normal(0, 0.1, scores.shape)

    scorer = Unseeded()
    found = audit(scorer, traits(scorer, "x"), remake=Unseeded)
    assert [one.check for one in found.checks if one.status == "failed"] == ["determinism"]
    assert not found.transductive


class Transient(methods.Prototypes):
    """Fails once, as a service may."""

    left = 1

    def classify(self, support_images, support_labels, query_images):
        if self.left and len(query_images) > 1:
            self.left -= 1
            raise ConnectionError("once")
        return super().classify(support_images, support_labels, query_images)


def test_what_fails_once_is_not_asked_singly_ever_after(source):
    from wayshot.bench.scorers import Asking

    scorer = Transient()
    known = traits(methods.Prototypes(), "x")
    images = source().dataset.images[:8]
    asking = Asking(scorer, known)
    asking.classify(images[:4], methods.np.arange(4), images[4:])
    assert not asking.singly
