from __future__ import annotations

from itertools import combinations, product

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot.results.statistics import multiplicity
from wayshot.results.statistics.multiplicity import holm, step_down

fast = hypothesis.settings(max_examples=60)


def holm_definition(p_values):
    """The level at which each is rejected: the largest of the steps up to it."""
    order = sorted(p_values)
    steps = [min(1.0, (len(order) - i) * p) for i, p in enumerate(order)]
    return [max(steps[: order.index(p) + 1]) for p in p_values]


@fast
@hypothesis.given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_equals_its_definition(p_values):
    assert holm(p_values) == pytest.approx(holm_definition(p_values), rel=1e-12)


@fast
@hypothesis.given(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.02, 0.04, 1.0]), max_size=9))
def test_holm_rejects_what_its_steps_reject_ties_included(p_values):
    rejected = set()
    for done, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] >= 0.05 / (len(p_values) - done):
            break
        rejected.add(int(place))
    assert {place for place, p in enumerate(holm(p_values)) if p < 0.05} == rejected


@pytest.mark.parametrize("seed", range(4))
def test_holm_equals_statsmodels(seed):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.round(np.random.default_rng(seed).beta(0.3, 1, 10), 2)
    expected = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values.tolist()) == pytest.approx(expected, rel=1e-9)


def drawn(seed, clusters, scorers, gap=0.0, best=1):
    """Parts of accuracies of scorers, the first of which are better by a gap."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(clusters, 1))
    parts = shared + rng.normal(size=(clusters, scorers)) * rng.uniform(0.5, 2, scorers)
    parts[:, :best] += gap
    return parts / clusters


def p_value(parts, one, other):
    difference = parts[:, one] - parts[:, other]
    return float(stats.ttest_1samp(difference, 0).pvalue) if difference.any() else 1.0


def t_of(difference):
    """The t statistic of a sum of differences; 0 where all are 0."""
    if not difference.any():
        return 0.0
    spread = difference.std(ddof=1)
    return difference.mean() / max(spread, 1e-300) * len(difference) ** 0.5


def flips(clusters):
    return [np.array(one)[:, None] for one in product([1, -1], repeat=clusters)]


def step_down_definition(parts, pairs):
    """Westfall and Young's p-values over all flips of signs, by the t statistic of each."""
    seen = {pair: abs(t_of(parts[:, pair[0]] - parts[:, pair[1]])) for pair in pairs}
    order = sorted(pairs, key=lambda pair: -seen[pair])
    found, reached = {}, 0.0
    for place, pair in enumerate(order):
        largest = [
            max(abs(t_of(flipped[:, i] - flipped[:, j])) for i, j in order[place:])
            for flipped in (signs * parts for signs in flips(len(parts)))
        ]
        share = np.mean([one >= seen[pair] * (1 - 1e-9) for one in largest])
        reached = max(reached, float(share))
        found[pair] = reached
    return [found[pair] for pair in pairs]


@pytest.mark.parametrize("seed", range(4))
def test_step_down_equals_its_definition(seed):
    parts, pairs = drawn(seed, 8, 3, gap=1.5), list(combinations(range(3), 2))
    p_values = [p_value(parts, *pair) for pair in pairs]
    expected = np.minimum(step_down_definition(parts, pairs), holm(p_values))
    assert step_down(parts, pairs, p_values) == pytest.approx(expected)


def adjusted_of(parts):
    """All pairs, with their p-values before and after the correction."""
    pairs = list(combinations(range(parts.shape[1]), 2))
    p_values = [p_value(parts, *pair) for pair in pairs]
    return pairs, p_values, step_down(parts, pairs, p_values)


@pytest.mark.parametrize("clusters", [5, 8, 10, 20])
@pytest.mark.parametrize("scorers", [3, 10])
@pytest.mark.slow
def test_equally_good_scorers_are_told_apart_as_seldom_as_promised(clusters, scorers):
    worlds = 200
    lost = sum(
        min(adjusted_of(drawn(1000 * clusters + world, clusters, scorers))[2]) < 0.05
        for world in range(worlds)
    )
    # With a true rate of 5 %, more than 11 % come once in ten thousand.
    assert lost / worlds <= 0.11


def test_more_is_found_than_by_holm_where_scorers_have_much_in_common():
    found = other = 0
    for seed in range(20):
        parts = drawn(seed, 20, 10, gap=1.5, best=2)
        parts += np.random.default_rng(seed).normal(size=(20, 3))[:, np.arange(10) % 3] / 4
        _, p_values, adjusted = adjusted_of(parts)
        found += sum(p < 0.05 for p in adjusted)
        other += sum(p < 0.05 for p in holm(p_values))
    assert found > 1.1 * other > 0


@fast
@hypothesis.given(
    st.integers(0, 2**32), st.sampled_from([5, 8, 12, 16, 30]), st.permutations(range(5))
)
def test_neither_the_order_of_scorers_nor_that_of_clusters_matters(seed, clusters, order):
    parts = drawn(seed, clusters, 5, gap=1.0, best=2)
    shuffled = np.random.default_rng(seed).permutation(clusters)
    moved = parts[shuffled][:, order]
    pairs = list(combinations(range(5), 2))
    there = [(order[i], order[j]) for i, j in pairs]
    p_values = [p_value(parts, *pair) for pair in there]
    assert step_down(moved, pairs, p_values) == pytest.approx(step_down(parts, there, p_values))


@fast
@hypothesis.given(st.integers(0, 2**32), st.sampled_from([2, 5, 8, 30]), st.integers(1, 6))
def test_p_values_stay_between_those_of_one_test_and_those_of_holm(seed, clusters, scorers):
    parts = drawn(seed, clusters, scorers, gap=1.0)
    pairs = list(combinations(range(scorers), 2))
    p_values = [p_value(parts, *pair) for pair in pairs]
    adjusted = step_down(parts, pairs, p_values)
    assert all(a <= h for a, h in zip(adjusted, holm(p_values), strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_two_scorers_are_told_by_their_one_test():
    parts = drawn(1, 10, 2, gap=1.0)
    (p,) = [p_value(parts, 0, 1)]
    assert step_down(parts, [(0, 1)], [p]) == [p]


def test_scorers_that_are_the_same_are_told_from_others_alike():
    for seed in range(20):
        parts = drawn(seed, 10, 4, gap=1.5, best=2)
        parts[:, 2] = parts[:, 3]
        pairs, _, adjusted = adjusted_of(parts)
        found = dict(zip(pairs, adjusted, strict=True))
        assert found[0, 2] == pytest.approx(found[0, 3])
        assert found[2, 3] == 1.0
    same = np.repeat(drawn(1, 10, 1), 3, axis=1)
    assert step_down(same, [(0, 1), (1, 2)], [1.0, 1.0]) == [1.0, 1.0]


def test_what_cannot_be_tested_is_not_told_apart():
    parts = drawn(1, 10, 3, gap=9.0)
    assert step_down(parts, [(0, 1), (0, 2)], [None, 1e-9])[0] == 1.0


def test_tiny_p_values_are_no_numerical_trouble():
    parts = drawn(1, 12, 3, gap=1e3)
    with np.errstate(all="raise"):
        assert step_down(parts, [(0, 1), (0, 2)], [0.0, 1e-300]) == [0.0, 1e-300]


def test_many_clusters_are_flipped_a_part_at_a_time(monkeypatch):
    parts = drawn(1, 300, 4, gap=0.2)
    pairs = list(combinations(range(4), 2))
    p_values = [p_value(parts, *pair) for pair in pairs]
    whole = step_down(parts, pairs, p_values)
    monkeypatch.setattr(multiplicity, "_AT_ONCE", 300 * 64)
    assert step_down(parts, pairs, p_values) == whole
