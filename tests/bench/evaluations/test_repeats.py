"""What a scorer can see of images that belong together, and whether it is found when it looks."""

from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot import results, tasks
from wayshot.bench import Settings, evaluate
from wayshot.bench.errors import ScorerError
from wayshot.bench.evaluations.embeddings import image_keys
from wayshot.bench.evaluations.repeats import FEWEST, Repeat, again, by_key
from wayshot.results.tables.marks import AUDIT, marks

QUIET = Settings(audit=False, cache=False)


@pytest.fixture
def many(source):
    """Glyphs have enough images for several batches."""
    return tasks.open_protocol(tasks.parse("glyphs-within-20w1s"), 1)


class Neighbours(Pixels):
    """Averages over the images beside it in the batch."""

    def embed(self, images):
        embedded = super().embed(images)
        return embedded + np.roll(embedded, 1, axis=0) + np.roll(embedded, -1, axis=0)


class Centred(Pixels):
    """Takes the mean of the batch away."""

    def embed(self, images):
        embedded = super().embed(images)
        return embedded - embedded.mean(axis=0)


class NearestInBatch(Pixels):
    """Averages over the most alike images of the batch."""

    def embed(self, images):
        embedded = super().embed(images)
        nearest = np.argsort(embedded @ embedded.T, axis=1)[:, -3:]
        return embedded[nearest].mean(axis=1)


class LastQueries(Pairs):
    """Adds the last queries to the one that it is asked about."""

    def __init__(self):
        self.last: list = []

    def score(self, query_images, support_images):
        self.last = [*self.last[-2:], query_images]
        mean = np.mean(np.concatenate(self.last), axis=0, keepdims=True)
        return super().score(mean, support_images)


class Growing(Pairs):
    """Remembers every query and its nearest support image."""

    def __init__(self):
        self.known = np.zeros((0, 105, 105))

    def score(self, query_images, support_images):
        scores = super().score(query_images, support_images)
        if len(self.known):
            scores = scores + super().score(self.known.mean(axis=0, keepdims=True), support_images)
        self.known = np.concatenate([self.known, query_images])
        return scores


class Unlike(Pairs):
    """Gives shares of what all support images of the call get."""

    def score(self, query_images, support_images):
        scores = np.exp(super().score(query_images, support_images))
        return scores / scores.sum(axis=1, keepdims=True)


def finding(run):
    found = [one for one in run.record["audit"]["checks"] if one["check"] == "asked again"]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "kind", [Neighbours, Centred, NearestInBatch, LastQueries, Growing, Unlike]
)
def test_a_scorer_that_draws_on_other_images_is_marked(kind, source, tmp_path):
    said = []
    settings = Settings(cache=False, warn=said.append)
    run = evaluate(kind(), source(), episodes=60, root=tmp_path, settings=settings)
    assert finding(run)["status"] == "failed" and run.record["audit"]["verdict"] == "failed"
    assert AUDIT in marks(results.read(run.folder))
    assert any("asked again" in line and "remembers" in line for line in said)


@pytest.mark.parametrize("kind", [Pixels, Pairs])
def test_a_sound_scorer_says_the_same_again(kind, source, tmp_path, monkeypatch):
    # What is in the cache is not asked about again.
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    run = evaluate(kind(), source(), episodes=30, root=tmp_path)
    assert finding(run)["status"] == "passed" and run.record["audit"]["verdict"] == "passed"
    quiet = evaluate(kind(), source(), episodes=31, root=tmp_path, settings=QUIET)
    assert "audit" not in quiet.record


class Dishonest(Neighbours):
    """Sound where few different images are shown, as an audit does."""

    def embed(self, images):
        few = len({one.tobytes() for one in images}) < 100
        coarse = images[:, ::7, ::7]
        return Pixels().embed(coarse) if few else super().embed(coarse)


def test_embeddings_from_the_cache_are_asked_about_again_until_they_are_the_same(
    many, tmp_path, empty_cache
):
    first, second, other = (
        evaluate(Dishonest(), kind, episodes=episodes, root=tmp_path / str(number))
        for number, (kind, episodes) in enumerate(
            [(many, 60), (many, 60), (tasks.open_protocol(tasks.parse("glyphs-within-5w1s"), 1), 9)]
        )
    )
    assert finding(first)["status"] == "failed"
    assert second.record["timings"]["images_embedded"] == 0
    assert finding(second)["status"] == "failed"
    assert finding(other)["status"] == "failed"


def test_embeddings_that_were_the_same_again_are_not_asked_about_any_more(
    many, tmp_path, empty_cache
):
    def evaluated(name, settings=None):
        return evaluate(
            Pixels(), many, episodes=60, root=tmp_path / name, settings=settings or Settings()
        )

    evaluated("unasked", Settings(audit=False))
    assert finding(evaluated("first"))["status"] == "passed"
    checks = evaluated("second").record["audit"]["checks"]
    assert "asked again" not in [one["check"] for one in checks]


def credit(scorer, source, tmp_path, episodes=200):
    run = evaluate(scorer, source, episodes=episodes, root=tmp_path, settings=QUIET)
    return run.trials["credit"].mean()


def test_neighbours_in_a_batch_and_queries_before_tell_nothing(many, source, tmp_path):
    assert credit(Neighbours(), many, tmp_path) <= credit(Pixels(), many, tmp_path) + 0.02
    few = source("within-5w1s")
    assert credit(LastQueries(), few, tmp_path) <= credit(Pairs(), few, tmp_path) + 0.02


def test_a_scorer_that_looks_at_other_queries_only_later_is_refused(source, tmp_path):
    class Later(Pixels):
        calls = 0

        def compare(self, query, support):
            self.calls += 1
            scores = super().compare(query, support)
            late = self.calls > 4 and scores.ndim == 3
            return scores - scores.mean(axis=-2, keepdims=True) if late else scores

    with pytest.raises(ScorerError, match="must not look at other queries"):
        evaluate(Later(), source("within-5w1s-q3"), episodes=3000, root=tmp_path, settings=QUIET)


def test_the_order_of_images_follows_from_their_pixels_alone():
    dataset = tasks.load_glyphs().images
    rows = np.arange(2000)
    keys = image_keys(dataset, rows)
    order = by_key(keys)
    shuffled = np.random.default_rng(0).permutation(len(rows))
    assert np.array_equal(shuffled[by_key(keys[shuffled])], order)
    assert sorted(order) == rows.tolist()
    # Neither images that follow each other nor the turns of one are neighbours.
    assert (np.abs(np.diff(order)) == 1).mean() < 0.01
    turned = image_keys(dataset, np.concatenate([rows + i * len(dataset) for i in range(4)]))
    apart = np.diff(by_key(turned) % len(rows))
    assert (apart == 0).mean() < 0.01


@pytest.mark.parametrize("batch", [1, 8, 256])
@pytest.mark.parametrize("asked", [0, 1, 255, 256, 257, 500, 512, 13_180])
def test_what_is_asked_again_costs_at_most_one_batch(batch, asked):
    places = again(asked, asked, batch)
    assert len(np.unique(places)) == len(places)
    if not asked:
        assert not len(places)
        return
    assert len(places) >= min(asked, FEWEST, batch)
    batches = -(-(asked + len(places)) // batch) - -(-asked // batch)
    assert batches <= 1


def test_only_missing_images_are_embedded(source, tmp_path, empty_cache):
    class Counted(Pixels):
        digest = "counted 1"
        images = 0

        def embed(self, images):
            Counted.images += int(images.any(axis=(1, 2)).sum())
            return super().embed(images)

    settings = Settings(audit=False)
    part, whole = source("within-3w1s"), source("between-8w1s")
    evaluate(Counted(), part, episodes=3, root=tmp_path, settings=settings)
    run = evaluate(Counted(), whole, episodes=500, root=tmp_path, settings=settings)
    timings = run.record["timings"]
    assert timings["images_embedded"] < len(whole.dataset)
    Counted.images = 0
    evaluate(Counted(), whole, episodes=501, root=tmp_path, settings=settings)
    # The fixed images by which it is known.
    assert Counted.images < 260


def test_infinite_differences_fail():
    repeat = Repeat(np.zeros((2, 3)), np.full((2, 3), np.nan), 1.0)
    assert repeat.finding()["status"] == "failed" and repeat.finding()["amount"] is None
