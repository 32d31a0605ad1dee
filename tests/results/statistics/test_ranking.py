import json
import math
from itertools import combinations, pairwise

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot.results import ResultError
from wayshot.results.statistics.comparison import compare
from wayshot.results.statistics.matching import outcome
from wayshot.results.statistics.multiplicity import step_down
from wayshot.results.statistics.ranking import (
    best_group,
    contiguous_groups,
    critical_difference,
    differs_from,
    rank,
    ranks,
)

fast = hypothesis.settings(max_examples=60)

# Demšar, JMLR 7 (2006), table 5 (a): the quantile over sqrt(2), for 2 to 10 classifiers.
CRITICAL_VALUES = {
    0.05: (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
    0.10: (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920),
}

# Demšar 2006, table 6: areas of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets. The last but
# one is ranked 4, 1, 2, 3 there, so that the third area was a little more than is printed, 0.975.
DEMSAR = np.array(
    [
        (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657), (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625), (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.9751, 0.975), (0.957, 0.978, 0.946, 0.970),
    ]
)  # fmt: skip


@pytest.fixture(scope="session")
def several(draw_pair, run_of):
    """Runs of several scorers on the same episodes."""

    def several(seed, mixed=False, scorers=4, **options):
        drawn = draw_pair(seed, mixed, scorers=scorers, **options)
        return [run_of(one, f"scorer{place}") for place, one in enumerate(drawn)]

    return several


def groups_definition(order, apart):
    """All stretches without a pair that is apart, but for those within another."""
    stretches = [
        order[i:j]
        for i in range(len(order))
        for j in range(i + 1, len(order) + 1)
        if not any(tuple(sorted(pair)) in apart for pair in combinations(order[i:j], 2))
    ]
    return [one for one in stretches if not any(set(one) < set(other) for other in stretches)]


@fast
@hypothesis.given(st.permutations(range(6)), st.sets(st.sampled_from([*combinations(range(6), 2)])))
def test_groups_are_the_largest_stretches_none_of_whose_pairs_is_apart(order, apart):
    assert [*contiguous_groups(order, apart)] == [*map(tuple, groups_definition(order, apart))]


@pytest.mark.parametrize("seed", range(12))
def test_neighbours_share_a_letter_if_and_only_if_they_cannot_be_told_apart(several, seed):
    found = rank(several(seed, episodes=60))
    order = sorted(range(4), key=lambda place: -found.accuracies[place])
    for mine, theirs in pairwise(order):
        together = bool(set(found.letters[mine]) & set(found.letters[theirs]))
        assert together == (found.adjusted[min(mine, theirs), max(mine, theirs)] >= 0.05)
    assert found.letters[order[0]].startswith("a")


@fast
@hypothesis.given(st.integers(0, 2**32), st.integers(3, 7), st.integers(5, 12), st.booleans())
def test_ranks_and_their_tests_equal_the_definitions(seed, scorers, blocks, ties):
    generator = np.random.default_rng(seed)
    accuracies = generator.random((blocks, scorers)) + 0.2 * np.arange(scorers)
    accuracies = np.round(accuracies * 5) / 5 if ties else accuracies
    found = ranks(accuracies)
    means = [0.0] * scorers
    uneven = 0
    for row in accuracies.tolist():
        for place, one in enumerate(row):
            above, equal = sum(other > one for other in row), row.count(one)
            means[place] += (1 + above + (equal - 1) / 2) / blocks
        uneven += sum(row.count(one) ** 3 - row.count(one) for one in set(row))
    correction = 1 - uneven / (blocks * scorers * (scorers**2 - 1))
    squares = sum((mean - (scorers + 1) / 2) ** 2 for mean in means)
    hypothesis.assume(correction > 0)
    chi2 = 12 * blocks / (scorers * (scorers + 1)) * squares / correction
    assert found.means == pytest.approx(means, rel=1e-9)
    assert found.friedman == pytest.approx(chi2, rel=1e-9, abs=1e-9)
    assert found.friedman_p == pytest.approx(stats.chi2(scorers - 1).sf(chi2), abs=1e-9)
    expected = stats.friedmanchisquare(*accuracies.T)
    assert (found.friedman, found.friedman_p) == pytest.approx(tuple(expected), abs=1e-9)
    if found.iman_davenport is not None:
        f = (blocks - 1) * chi2 / (blocks * (scorers - 1) - chi2)
        law = stats.f(scorers - 1, (scorers - 1) * (blocks - 1))
        assert found.iman_davenport == pytest.approx(f, rel=1e-9, abs=1e-9)
        assert found.iman_davenport_p == pytest.approx(law.sf(f), abs=1e-9)


@pytest.mark.parametrize(("level", "values"), CRITICAL_VALUES.items())
def test_critical_differences_are_those_of_demsars_table(level, values):
    for scorers, q in enumerate(values, start=2):
        found = critical_difference(scorers, 14, 1 - level)
        assert found == pytest.approx(q * (scorers * (scorers + 1) / 84) ** 0.5, abs=0.0006)


def test_demsars_example_comes_out_as_published():
    found = ranks(DEMSAR)
    assert [round(mean, 3) for mean in found.means] == [3.143, 2.0, 2.893, 1.964]
    uncorrected = 12 * 14 / 20 * (sum(mean**2 for mean in found.means) - 4 * 25 / 4)
    assert round(uncorrected, 2) == 9.28
    assert round(13 * uncorrected / (14 * 3 - uncorrected), 2) == 3.69
    assert found.friedman > uncorrected
    assert found.friedman_p < 0.05
    assert round(found.critical_difference, 2) == 1.25
    assert round(critical_difference(4, 14, 0.9), 2) == 1.12
    assert found.groups == ((3, 1, 2, 0),)


def test_where_nobody_ranks_higher_nothing_differs():
    found = ranks(np.full((6, 3), 0.5))
    assert found.means == (2, 2, 2)
    assert (found.friedman, found.friedman_p) == (0, 1)
    assert (found.iman_davenport, found.iman_davenport_p) == (0, 1)


def test_where_all_rank_the_same_way_the_f_statistic_has_no_end():
    found = ranks(np.tile([0.1, 0.3, 0.2], (6, 1)))
    assert found.means == (3, 1, 2)
    assert found.friedman == pytest.approx(12)
    assert found.iman_davenport is found.iman_davenport_p is None


def test_accuracies_that_are_equal_but_for_rounding_are_ties():
    found = ranks(np.tile([0.1 + 0.2, 0.3, 0.5], (6, 1)))
    assert found.means == (2.5, 2.5, 1)


@pytest.mark.parametrize("mixed", [True, False])
def test_ranked_are_the_accuracies_on_the_queries_of_each_alphabet(several, mixed):
    runs = several(3, mixed)
    accuracies = [run.trials.groupby("alphabet")["credit"].mean() for run in runs]
    assert rank(runs).ranks == ranks(np.stack(accuracies, axis=1))


def test_with_few_alphabets_there_are_no_ranks(several):
    found = rank(several(1, alphabets=4, ways=1))
    assert found.ranks is None
    assert len(found.pairs) == 6


@pytest.mark.parametrize(("alphabets", "ways"), [(1, 4), (4, 3)])
def test_of_few_alphabets_nothing_is_ranked_by_character(several, alphabets, ways):
    found = rank(several(1, mixed=True, alphabets=alphabets, ways=ways + 5 // alphabets))
    assert found.ranks is None
    assert all(pair.by.startswith("character") for pair in found.pairs.values())


def test_what_cannot_be_tested_is_told_from_nothing(several):
    runs = several(1, mixed=True, alphabets=1, ways=4)
    found = rank(runs)
    assert {pair.p_value for pair in found.pairs.values()} == {None}
    assert set(found.adjusted.values()) == {1.0}
    assert found.groups == (tuple(found.groups[0]),) and len(found.groups[0]) == 4
    assert best_group(runs) == differs_from(runs, 0) == set()


def not_worse(runs, level=0.05):
    """By definition: those than which no other is better in `rank`."""
    found = rank(runs)
    worse = {
        i if found.accuracies[i] < found.accuracies[j] else j
        for (i, j), p in found.adjusted.items()
        if p < level
    }
    return {*range(len(runs))} - worse


def test_of_few_alphabets_none_is_best_if_none_differs(several):
    sizes = set()
    for seed in range(12):
        runs = several(seed, mixed=True, alphabets=1, ways=6, episodes=4)
        found = not_worse(runs)
        assert best_group(runs) == (found if len(found) < 4 else set())
        sizes.add(4 - len(found))
    assert 0 in sizes and len(sizes) > 1


@pytest.mark.parametrize("mixed", [True, False])
def test_every_pair_is_compared_and_corrected_for_their_number(several, mixed):
    runs = several(2, mixed)
    found = rank(runs, level=0.9)
    assert list(found.pairs) == list(combinations(range(4), 2))
    for (i, j), pair in found.pairs.items():
        assert pair == compare(runs[i], runs[j], level=0.9)
    parts = np.stack([outcome(run).influence.contributions for run in runs], axis=1)
    p_values = [one.p_value for one in found.pairs.values()]
    assert list(found.adjusted.values()) == step_down(parts, list(found.pairs), p_values)
    apart = {pair for pair, p in found.adjusted.items() if p < 0.1}
    order = sorted(range(4), key=lambda place: -found.accuracies[place])
    assert [*found.groups] == [*map(tuple, groups_definition(order, apart))]


@hypothesis.settings(max_examples=15)
@hypothesis.given(st.integers(0, 2**32), st.permutations(range(4)))
def test_the_order_of_runs_does_not_matter(several, seed, order):
    runs = several(seed)
    found, moved = rank(runs), rank([runs[place] for place in order])
    hypothesis.assume(len({round(one, 12) for one in found.accuracies}) == 4)
    for here, place in enumerate(order):
        assert moved.letters[here] == found.letters[place]
        assert moved.ranks.means[here] == pytest.approx(found.ranks.means[place])
    assert moved.ranks.friedman == pytest.approx(found.ranks.friedman)
    for (i, j), p in moved.adjusted.items():
        there = tuple(sorted((order[i], order[j])))
        assert p == pytest.approx(found.adjusted[there], rel=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_runs_are_refused(several, count):
    with pytest.raises(ResultError, match=f"{count} runs cannot be ranked, expected at least 3"):
        rank(several(1)[:count])
    with pytest.raises(ResultError, match="expected at least 3"):
        ranks(np.ones((6, 2)))


def test_runs_of_other_episodes_are_refused(several, draw_pair, run_of):
    other = run_of(draw_pair(1, mixed=False)[0], "other", seed=2, episodes_digest="f" * 64)
    for function in (rank, best_group, lambda runs: differs_from(runs, 0)):
        with pytest.raises(ResultError, match="seed: 1 against 2"):
            function([*several(1), other])


def test_json_has_the_documented_shape(several):
    found = json.loads(json.dumps(rank(several(1)).as_json(), allow_nan=False))
    assert set(found) == {
        *("protocol", "scorers", "digests", "episodes", "episodes_digest", "n", "level"),
        *("accuracies", "pairs", "groups", "letters", "what", "ranks"),
    }
    assert len(found["pairs"]) == 6
    assert all("adjusted_p_value" in pair for pair in found["pairs"])
    assert found["ranks"]["blocks"] == 6


@pytest.mark.parametrize("alphabets", [6, 10])
@pytest.mark.parametrize("mixed", [True, False])
def test_the_best_are_those_than_which_no_other_is_better(several, mixed, alphabets):
    sizes = set()
    for seed in range(12):
        runs = several(seed, mixed, episodes=60, alphabets=alphabets)
        assert best_group(runs) == not_worse(runs)
        assert best_group(runs, 0.5) <= best_group(runs) <= best_group(runs, 0.001)
        values = [run.trials["credit"].mean() for run in runs]
        best = values.index(max(values))
        assert best in best_group(runs)
        sizes.add(len(best_group(runs)))
        others = [one for one in range(4) if one != best]
        parts = np.stack([outcome(run).influence.contributions for run in runs], axis=1)
        np.testing.assert_allclose(parts.sum(axis=0), values)
        p_values = [compare(runs[best], runs[other]).p_value for other in others]
        adjusted = step_down(parts, [(best, other) for other in others], p_values)
        apart = {other for other, p in zip(others, adjusted, strict=True) if p < 0.05}
        assert differs_from(runs, best) == apart
    assert len(sizes) > 1


def test_of_two_runs_the_worse_is_told_by_their_one_test(several):
    told = 0
    for seed in range(12):
        runs = several(seed, episodes=60)[:2]
        found = compare(*runs)
        apart = found.p_value < 0.05
        assert best_group(runs) == (
            {0, 1} - {0 if found.difference.value < 0 else 1} if apart else {0, 1}
        )
        told += apart
    assert 0 < told < 12


def test_scorers_of_the_same_credits_are_never_told_apart(several, run_of):
    runs = several(1, scorers=2)
    twins = [run_of(runs[1].trials, name) for name in ("twin", "other twin")]
    assert best_group([*runs, *twins]) & {1, 2, 3} in (set(), {1, 2, 3})
    assert differs_from([runs[1], *twins], 0) == set()
    assert best_group(twins) == {0, 1}


def test_a_run_alone_is_the_best_and_of_none_there_is_no_best(several):
    assert best_group(several(1)[:1]) == {0}
    assert best_group([]) == set()
    assert differs_from(several(1)[:1], 0) == set()


def test_trials_are_read_once(several, monkeypatch):
    runs = several(1)
    read = []
    monkeypatch.setattr(
        "wayshot.results.statistics.recipes.outcome",
        lambda run, *by: read.append(run) or outcome(run, *by),
    )
    best_group(runs)
    assert read == runs


def test_the_quantile_is_that_of_the_studentized_range():
    q = critical_difference(5, 10) / math.sqrt(5 * 6 / 60) * math.sqrt(2)
    assert stats.studentized_range(5, 1e6).cdf(q) == pytest.approx(0.95, abs=1e-5)
