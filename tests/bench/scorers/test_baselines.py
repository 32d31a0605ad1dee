from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from wayshot import results, tasks
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.evaluations.settings import Settings
from wayshot.bench.scorers.baselines import (
    BASELINES,
    Chance,
    Hausdorff,
    PixelCosine,
    PixelEuclidean,
)
from wayshot.bench.scorers.registry import resolve

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "lake_runs.json").read_text())


class Ink(PixelCosine):
    """Compares the amounts of ink."""

    name = "ink"
    digest = "ink 1"

    def compare(self, query, support):
        _, first, second = self._counts(query, support)
        return -np.abs(first - second)


@pytest.mark.parametrize("kind", BASELINES.values(), ids=BASELINES)
def test_a_baseline_is_known_in_all_that_can_be_known_of_it(kind):
    known = resolve(kind.name)[1]
    assert known.baseline and known.name == kind.name
    assert (known.trained_on, known.parameters) == (frozenset(), 0)
    assert kind.digest.startswith(f"{kind.name} ") and kind.__doc__


def test_another_baseline_is_one_entry(wayshot, characters, tmp_path, monkeypatch):
    monkeypatch.setitem(BASELINES, "ink", Ink)
    listed = json.loads(wayshot("list", "scorers", "--json")[1])["scorers"]
    assert {"name": "ink", "what": "Compares the amounts of ink."} in listed
    words = ("-s", "ink", "-s", "example_scorers:Pixels", "--episodes", 50, "--out", tmp_path)
    assert wayshot("run", f"folder:{characters}-within-5w1s", *words)[0] == 0
    runs = {run.scorer: run for run in results.find([tmp_path])}
    assert runs["ink"].record["scorer"]["baseline"] is True
    others = [name for name in runs if name != "ink"]
    assert "baseline" not in runs[others[0]].record["scorer"]
    assert results.table(list(runs.values())).sections == (tuple(others), ("ink",))


def random_images(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.001, 0.2, (count, 1, 1))
    return (rng.random((count, 105, 105)) < share).astype(np.uint8)


def slow_hausdorff(first: np.ndarray, second: np.ndarray) -> float:
    points = [np.argwhere(image).astype(float) for image in (first, second)]
    distances = cdist(*(p - p.mean(axis=0) for p in points))
    return max(distances.min(axis=0).mean(), distances.min(axis=1).mean())


def test_hausdorff_is_the_modified_hausdorff_distance():
    queries, supports = random_images(3, 1), random_images(20, 2)
    corner = np.zeros((1, 105, 105), np.uint8)
    corner[0, -1, 0] = 1
    supports = np.concatenate([supports, corner, np.ones_like(corner), queries[:1]])
    expected = [[slow_hausdorff(q, s) for s in supports] for q in queries]
    np.testing.assert_array_equal(Hausdorff().score(queries, supports), expected)


def test_hausdorff_finds_images_without_ink_far_from_all_others_and_like_each_other():
    blank = np.zeros((1, 105, 105), np.uint8)
    inked = random_images(1, 3)
    assert Hausdorff().score(blank, inked)[0, 0] == 105
    assert Hausdorff().score(inked, blank)[0, 0] == 105
    assert Hausdorff().score(blank, blank)[0, 0] == 0


@pytest.mark.parametrize(
    ("scorer", "metric"), [(PixelCosine, "cosine"), (PixelEuclidean, "euclidean")]
)
def test_pixel_scorers_agree_with_scipy(scorer, metric):
    queries, supports = random_images(5, 4), random_images(6, 5)
    answer = scorer().compare(scorer().embed(queries), scorer().embed(supports))
    expected = cdist(queries.reshape(5, -1).astype(float), supports.reshape(6, -1), metric)
    np.testing.assert_allclose(answer, 1 - expected if metric == "cosine" else expected, atol=1e-12)


def test_pixel_scorers_find_equal_images_equally_close():
    images = random_images(2, 6)
    supports = np.stack([images[0], images[1], images[0]])
    for scorer in (PixelCosine(), PixelEuclidean()):
        answer = scorer.compare(scorer.embed(images[:1]), scorer.embed(supports))[0]
        assert answer[0] == answer[2] != answer[1]


def test_an_image_without_ink_has_cosine_zero():
    blank = np.zeros((1, 105, 105), np.uint8)
    scorer = PixelCosine()
    assert scorer.compare(scorer.embed(blank), scorer.embed(random_images(1, 7)))[0, 0] == 0


@pytest.mark.parametrize("scorer", [Hausdorff, PixelCosine, Chance])
def test_official_runs_give_the_published_errors(scorer, omniglot, tmp_path):
    source = tasks.open_protocol(tasks.parse("lake-runs"), data=omniglot)
    trials = evaluate(scorer(), source, root=tmp_path).trials
    errors = len(trials) - trials["credit"].sum()
    assert errors == pytest.approx(GOLDEN["errors"][scorer.name], abs=1e-9)
    if scorer is Hausdorff:
        by_run = 100 * (1 - trials.groupby("episode")["credit"].mean())
        assert by_run.round(9).tolist() == GOLDEN["hausdorff_error_percent"]


def test_first_official_trial_has_the_published_hausdorff_cost(omniglot):
    source = tasks.open_protocol(tasks.parse("lake-runs"), data=omniglot)
    runs, images = source.block(0), source.dataset.images
    cost = Hausdorff().score(images[runs.query[0, :1]], images[runs.support[0, 0]])
    assert cost[0, 0] == pytest.approx(GOLDEN["hausdorff_first_cost"], rel=1e-14)


def shades(count: int, seed: int, deep: tuple[int, ...] = ()) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28, *deep), dtype=np.uint8)


@pytest.mark.parametrize("deep", [(), (3,)])
@pytest.mark.parametrize(
    ("scorer", "metric"), [(PixelCosine, "cosine"), (PixelEuclidean, "euclidean")]
)
def test_pixel_scorers_on_shades_are_plain_sums_in_float64(scorer, metric, deep):
    queries, supports = shades(5, 4, deep), shades(6, 5, deep)
    supports[5] = 0
    seen = [
        one if deep else one.astype(np.float32) / np.float32(255) for one in (queries, supports)
    ]
    answer = scorer().compare(*(scorer().embed(one) for one in seen))
    first, second = (one.reshape(len(one), -1) / 255 for one in (queries, supports))
    for i, j in np.ndindex(5, 6):
        if metric == "cosine":
            length = np.sqrt((first[i] ** 2).sum() * (second[j] ** 2).sum())
            expected = (first[i] * second[j]).sum() / length if length else 0
        else:
            expected = np.sqrt(((first[i] - second[j]) ** 2).sum())
        assert answer[i, j] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("deep", [(), (3,)])
def test_equal_shades_are_exactly_equally_close_and_at_distance_0(deep):
    images = shades(2, 6, deep)
    supports = np.stack([images[0], images[1], images[0]])
    for scorer in (PixelCosine(), PixelEuclidean()):
        query, support = (
            scorer.embed(one if deep else one.astype(np.float32) / 255)
            for one in (images[:1], supports)
        )
        answer = scorer.compare(query, support)[0]
        assert answer[0] == answer[2] != answer[1]
        # In any company, and in batches of episodes.
        again = scorer.compare(np.repeat(query[None], 3, axis=0), np.repeat(support[None], 3, 0))
        assert (again == answer).all()
    assert answer[0] == 0


def test_shades_of_ink_alone_are_compared_as_ink_is():
    images = random_images(6, 8)
    for scorer in (PixelCosine(), PixelEuclidean()):
        ink, unit = scorer.embed(images), scorer.embed(images.astype(np.float32))
        np.testing.assert_allclose(
            scorer.compare(ink[:2], ink[2:]), scorer.compare(unit[:2], unit[2:]), rtol=1e-12
        )


@pytest.mark.parametrize("scorer", ["pixel-cosine", "pixel-euclidean", "hausdorff"])
def test_a_set_and_its_negative_have_the_same_trials(scorer, tmp_path):
    rng = np.random.default_rng(9)
    pixels = rng.integers(200, 256, (40, 28, 28), dtype=np.uint8)
    for i, one in enumerate(pixels):
        x, y = rng.integers(4, 14, 2)
        one[y : y + 4 + i % 8, x : x + 10] = rng.integers(0, 128, (4 + i % 8, 10))
    trials = []
    for name, images in (("positive", pixels), ("negative", 255 - pixels)):
        data = tasks.from_arrays(images, np.arange(40) % 8)
        run = evaluate(
            scorer,
            "arrays-within-5w1s-q2",
            data=data,
            episodes=30,
            root=tmp_path / name,
            settings=Settings(audit=False, scores=True),
        )
        trials.append(run.trials.drop(columns="drawer"))
    pd.testing.assert_frame_equal(*trials)
    assert trials[0]["credit"].mean() > 0.25
