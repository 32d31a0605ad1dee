from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import special
from wayshot.results import ResultError
from wayshot.results.statistics import influence, pointwise_level
from wayshot.results.statistics.bands import DRAWS, _correlations


def of(means):
    """The influence of alphabets with these means, of ten trials each."""
    count = len(means)
    trials = pd.DataFrame({"credit": np.repeat(means, 10)})
    return influence(trials, np.repeat(np.arange(count), 10))


def test_one_point_and_points_that_move_together_cost_nothing():
    one = of(np.random.default_rng(1).uniform(0.5, 1, 12))
    assert pointwise_level([one], 0.9) == 0.9
    assert pointwise_level([one] * 8, 0.9) == pytest.approx(0.9, abs=0.006)


def test_points_that_have_nothing_in_common_cost_nearly_what_bonferroni_takes():
    generator = np.random.default_rng(2)
    found = [of(generator.uniform(0.5, 1, 400)) for _ in range(5)]
    level = pointwise_level(found, 0.95)
    assert 0.985 < level <= 0.99


def test_clusters_are_known_by_their_names_and_not_by_their_places():
    one = of(np.random.default_rng(3).uniform(0.5, 1, 30))
    order = np.random.default_rng(4).permutation(30)
    other = replace(
        one, clusters=tuple(one.clusters[i] for i in order), parts=one.parts[:, order],
        sizes=one.sizes[order],
    )  # fmt: skip
    assert pointwise_level([one, other]) == pytest.approx(0.95, abs=0.004)
    strange = replace(one, clusters=tuple(f"other {i}" for i in range(30)))
    assert pointwise_level([one, strange]) > 0.965


def test_points_without_spread_count_as_independent():
    one, none = of(np.random.default_rng(5).uniform(0.5, 1, 12)), of(np.ones(12))
    assert not none.spreads
    assert 0.97 < pointwise_level([one, none]) <= 0.975


def slow_level(found, level):
    """The definition: the quantile of the smallest of all p-values."""
    generator = np.random.default_rng(np.random.SeedSequence(DRAWS))
    values, vectors = np.linalg.eigh(_correlations(found))
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = generator.standard_normal((DRAWS, len(found))) @ root.T
    shared = generator.random(DRAWS)
    p = []
    for draws, one in zip(normal.T, found, strict=True):
        if one.spreads:
            scale = np.sqrt(2 * special.gammaincinv(one.freedom / 2, shared) / one.freedom)
            p.append(2 * special.stdtr(one.freedom, -np.abs(draws) / scale))
        else:
            p.append(2 * special.ndtr(-np.abs(draws)))
    smallest = np.quantile(np.min(p, axis=0), 1 - level)
    return 1 - min(max(smallest, (1 - level) / len(found)), 1 - level)


@pytest.mark.parametrize("level", [0.001, 0.3, 0.9, 0.95, 0.99, 0.9999])
def test_the_level_is_that_of_all_draws(level):
    generator = np.random.default_rng(7)
    for points in (2, 5):
        counts = generator.integers(6, 30, points)
        found = [of(generator.uniform(0.5, 1, count)) for count in counts]
        for some in (found, [*found, of(np.ones(12))]):
            assert pointwise_level(some, level) == slow_level(some, level)


@pytest.mark.slow
def test_intervals_at_this_level_hold_the_whole_curve_as_often_as_asked():
    generator = np.random.default_rng(6)
    points, clusters, worlds = 4, 15, 300
    root = np.linalg.cholesky(0.7 + 0.3 * np.eye(points))
    held = 0
    for _ in range(worlds):
        means = 0.5 + 0.05 * generator.standard_normal((clusters, points)) @ root.T
        found = [of(column) for column in means.T]
        level = pointwise_level(found)
        held += all(
            abs(one.value - 0.5)
            <= special.stdtrit(one.freedom, (1 + level) / 2) * one.population_variance**0.5
            for one in found
        )
    assert 0.92 <= held / worlds <= 0.98


@pytest.mark.parametrize("level", [0, 1, 1.5])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ResultError, match="impossible"):
        pointwise_level([of(np.arange(6) / 10)], level)


def test_a_curve_without_points_is_refused():
    with pytest.raises(ResultError, match="at least 1"):
        pointwise_level([])
