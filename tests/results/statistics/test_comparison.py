import json
import math
from itertools import pairwise, product

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot.results import ResultError, read, write
from wayshot.results.statistics import by_character, clopper_pearson, influence
from wayshot.results.statistics.comparison import (
    EXACT_FLIPS,
    FLIPS,
    _total,
    compare,
    mcnemar,
    sign_flip,
)

fast = hypothesis.settings(max_examples=60)


@st.composite
def samples(draw, fewest=5, most=9):
    """Credits of two scorers, some of them shared, in clusters of unequal size."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = draw(st.integers(fewest, most))
    more = generator.integers(0, groups, draw(st.integers(0, 40)))
    cluster = generator.permutation(np.r_[np.arange(groups), more])
    credit = generator.choice([0.0, 1.0, 0.5, 1 / 3], (2, len(cluster)), p=[0.4, 0.4, 0.1, 0.1])
    return credit, cluster


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_gains_are_added_up_without_rounding(share):
    generator = np.random.default_rng(8)
    for n in (1, 7, 1000):
        gains = generator.integers(-1, 2, n).astype(np.float64)
        tied = generator.random(n) < share
        gains[tied] -= 1 / generator.integers(2, 20, int(tied.sum()))
        assert _total(gains) == math.fsum(gains)


@pytest.fixture(scope="session")
def two(run_of, plain_trials):
    """Two runs of given credits (2, n), a query an episode."""

    def two(credit, cluster, **record):
        names = [f"alphabet{one:02}" for one in cluster]
        return [
            run_of(plain_trials(credit[side], names), name, **record)
            for side, name in enumerate(("one", "other"))
        ]

    return two


def binomial_definition(wins):
    """Probability of what is no likelier than this many wins out of all."""
    n = sum(wins)
    chances = [math.comb(n, k) for k in range(n + 1)]
    return sum(one for one in chances if one <= chances[wins[0]]) / 2**n


def flips_definition(parts):
    """Over all flips, in whole numbers."""
    total = abs(sum(parts))
    sums = [
        abs(sum(sign * part for sign, part in zip(signs, parts, strict=True)))
        for signs in product((1, -1), repeat=len(parts))
    ]
    return sum(one >= total for one in sums) / len(sums)


@fast
@hypothesis.given(samples(), st.sampled_from([0.8, 0.95]))
def test_the_interval_and_test_are_those_of_leaving_alphabets_out(two, jackknife, sample, level):
    credit, cluster = sample
    found = compare(*two(credit, cluster), level)
    hypothesis.assume(found.difference.method == "jackknife by alphabet")
    mean = np.mean(credit[0] - credit[1])
    squared, _, freedom = jackknife(credit[0] - credit[1], cluster)
    law = stats.t(freedom)
    half = law.isf((1 - level) / 2) * squared**0.5
    expected = mean, max(-1.0, mean - half), min(1.0, mean + half)
    one = found.difference
    assert (one.value, one.low, one.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(2 * law.sf(abs(mean) / squared**0.5), abs=1e-9)
    assert (one.n, one.clusters, one.level) == (len(cluster), len(set(cluster)), level)


@pytest.mark.parametrize("seed", range(3))
def test_clusters_of_equal_size_give_the_t_test_of_their_paired_means(two, seed):
    credit = np.random.default_rng(seed).integers(0, 2, (2, 8, 10)).astype(float)
    found = compare(*two(credit.reshape(2, -1), np.repeat(np.arange(8), 10)))
    expected = stats.ttest_rel(*credit.mean(axis=2))
    ends = tuple(expected.confidence_interval(0.95))
    assert (found.difference.low, found.difference.high) == pytest.approx(ends, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


@fast
@hypothesis.given(samples(fewest=1, most=4))
def test_with_few_alphabets_of_a_character_each_nothing_is_tested(two, sample):
    credit, cluster = sample
    found = compare(*two(credit, cluster))
    one = found.difference
    assert one.value == pytest.approx(np.mean(credit[0] - credit[1]))
    assert one.low is one.high is found.p_value is found.sign_flip is found.detectable is None
    assert one.method.endswith(f"too few, expected at least {5 + len(set(cluster))})")
    assert found.by.startswith("character")
    assert json.loads(json.dumps(found.as_json()))["p_value"] is None


@pytest.mark.parametrize("alphabets", [1, 3])
def test_with_few_alphabets_characters_are_left_out(draw_pair, run_of, alphabets):
    drawn = draw_pair(3, mixed=True, ways=8 // alphabets + 2, alphabets=alphabets, ties=False)
    found = compare(run_of(drawn[0], "one"), run_of(drawn[1], "other"))
    both = by_character(drawn[0]) - by_character(drawn[1])
    half = stats.t(both.freedom).isf(0.025) * both.population_variance**0.5
    one = found.difference
    expected = both.value, both.value - half, both.value + half
    assert (one.value, one.low, one.high) == pytest.approx(expected, rel=1e-9)
    assert found.by == f"character {'of one alphabet' if alphabets == 1 else 'within alphabets'}"
    assert (one.method, one.clusters) == (f"jackknife by {found.by}", len(both.clusters))
    t = abs(both.value) / both.population_variance**0.5
    assert found.p_value == pytest.approx(2 * stats.t(both.freedom).sf(t), rel=1e-9)


def test_more_episodes_of_one_alphabet_leave_the_error_of_its_characters(draw_pair, run_of):
    drawn = draw_pair(1, mixed=True, episodes=30, ways=6, alphabets=1)
    many = [
        pd.concat([one.assign(episode=one["episode"] + 30 * i) for i in range(40)]) for one in drawn
    ]
    few, more = (
        compare(run_of(pair[0], "one"), run_of(pair[1], "other")) for pair in (drawn, many)
    )
    assert more.mcnemar < 1e-6 < few.mcnemar
    assert 0.6 * few.detectable < more.detectable < few.detectable
    assert more.detectable == pytest.approx(more.detectable_at_best, rel=0.05)


def test_where_all_alphabets_differ_alike_their_spread_is_not_taken_for_0(two):
    credit = np.zeros((2, 60))
    credit[0, :12] = 1
    found = compare(*two(credit, np.tile(np.arange(6), 10)))
    assert found.difference.method == "paired t over trials"
    assert found.difference.low < 0.2 < found.difference.high


@pytest.mark.parametrize("seed", range(4))
def test_between_alphabets_the_error_is_that_of_the_influences(draw_pair, run_of, seed):
    drawn = draw_pair(seed, mixed=True)
    found = compare(run_of(drawn[0], "one"), run_of(drawn[1], "other"))
    both = influence(drawn[0]) - influence(drawn[1])
    assert both.mixed
    half = stats.t(both.freedom).isf(0.025) * both.population_variance**0.5
    value = drawn[0]["credit"].mean() - drawn[1]["credit"].mean()
    expected = value, value - half, value + half
    one = found.difference
    assert (one.value, one.low, one.high) == pytest.approx(expected, rel=1e-9)
    assert found.accuracies == pytest.approx([one["credit"].mean() for one in drawn], rel=1e-12)


@pytest.mark.parametrize("n", [6, 20, 400])
def test_scorers_that_never_disagree_leave_the_doubt_of_clopper_and_pearson(two, n):
    credit = np.tile(np.arange(n) % 2.0, (2, 1))
    found = compare(*two(credit, np.arange(n) % 6))
    bound = stats.binomtest(0, n).proportion_ci(0.95, "exact").high
    assert (found.difference.low, found.difference.high) == pytest.approx((-bound, bound))
    assert found.difference.value == 0
    assert (found.p_value, found.sign_flip, found.mcnemar) == (1, 1, 1)
    assert found.detectable is found.detectable_at_best is found.episodes_needed is None
    assert "clopper-pearson" in found.difference.method


@pytest.mark.parametrize(("mine", "theirs"), [(1, 0.05), (0, 1), (0.5, 0.2)])
def test_scorers_that_always_differ_alike_are_not_certain(two, mine, theirs):
    credit = np.repeat([[mine], [theirs]], 60, axis=1).astype(float)
    found = compare(*two(credit, np.arange(60) % 6))
    one, bound, value = found.difference, clopper_pearson(np.zeros(60)).high, mine - theirs
    expected = value - bound * (1 + value), value + bound * (1 - value)
    assert (one.low, one.high) == pytest.approx(expected)
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert found.p_value == found.sign_flip == 2 / 2**6
    few = compare(*two(credit, np.arange(60) % 4))
    assert few.p_value is None and few.mcnemar == pytest.approx(2 / 2**60)


@pytest.mark.parametrize("wins", [(0, 0), (0, 1), (1, 0), (3, 3), (7, 2), (2, 7), (27, 16), (0, 9)])
def test_mcnemar_equals_the_binomial_definition(wins):
    assert mcnemar(wins) == pytest.approx(binomial_definition(wins), rel=1e-12)


@pytest.mark.parametrize("wins", [(0, 1), (7, 2), (27, 16)])
def test_mcnemar_equals_statsmodels(wins):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    expected = tables.mcnemar([[50, wins[0]], [wins[1], 30]], exact=True).pvalue
    assert mcnemar(wins) == pytest.approx(expected, rel=1e-9)


def test_a_trial_counts_for_the_scorer_of_more_credit(two):
    credit = np.array([[1, 0.5, 0.5, 0, 1, 1 / 3, 0], [0, 0, 0.5, 1, 1, 0.5, 1]], float)
    found = compare(*two(credit, np.arange(7) % 2))
    assert (found.wins, found.disagreements) == ((2, 3), 5)
    assert found.as_json()["share"] == 5 / 7
    assert found.mcnemar == pytest.approx(binomial_definition((2, 3)))


@pytest.mark.parametrize(("reuse", "expected"), [("once", True), ("independent", False)])
def test_only_of_images_that_are_used_once_are_trials_independent(two, reuse, expected):
    credit = np.random.default_rng(1).integers(0, 2, (2, 30))
    found = compare(*two(credit, np.arange(30) % 6, fields={"reuse": reuse}))
    assert found.independent is expected


@fast
@hypothesis.given(st.lists(st.integers(-4, 4), min_size=1, max_size=9), st.floats(1e-6, 1e3))
def test_flips_equal_the_definition_ties_included(parts, scale):
    found = sign_flip(np.array(parts) * (scale / 3))
    assert found == (pytest.approx(flips_definition(parts), abs=1e-12), 2 ** len(parts))


@pytest.mark.parametrize("clusters", [2, 7, 12])
def test_flips_equal_scipys_permutation_test(clusters):
    parts = np.random.default_rng(clusters).standard_normal(clusters)
    expected = stats.permutation_test(
        (parts,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert sign_flip(parts)[0] == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_random_flips_come_near_all_of_them(seed, monkeypatch):
    parts = np.random.default_rng(seed).standard_normal(EXACT_FLIPS + 1) + 0.3
    found, flips = sign_flip(parts)
    monkeypatch.setattr("wayshot.results.statistics.comparison.EXACT_FLIPS", EXACT_FLIPS + 1)
    exact, every = sign_flip(parts)
    assert (flips, every) == (FLIPS, 2 ** (EXACT_FLIPS + 1))
    assert found == pytest.approx(exact, abs=5 * (exact * (1 - exact) / FLIPS) ** 0.5)


def test_random_flips_never_give_0():
    assert sign_flip(np.ones(40))[0] == 1 / (FLIPS + 1)
    assert sign_flip(np.zeros(40))[0] == 1


@hypothesis.settings(max_examples=10)
@hypothesis.given(st.integers(0, 2**32), st.integers(2, 20))
def test_flips_depend_neither_on_order_nor_on_who_is_first(seed, clusters):
    generator = np.random.default_rng(seed)
    parts = generator.standard_normal(clusters)
    assert sign_flip(-generator.permutation(parts))[0] == pytest.approx(sign_flip(parts)[0])


def test_flipped_are_the_parts_of_the_alphabets(two):
    credit = np.array([[1, 1, 0, 1, 0, 1, 1, 0], [0, 0, 1, 0, 0, 1, 0, 0]], float)
    cluster = np.array([0, 0, 1, 2, 3, 3, 4, 5])
    sums = np.bincount(cluster, credit[0] - credit[1]).astype(int).tolist()
    assert compare(*two(credit, cluster)).sign_flip == flips_definition(sums)


def test_more_episodes_decide_where_the_alphabets_do_not_limit_it(draw_pair, run_of):
    found = [
        compare(*(run_of(trials, f"{i}") for i, trials in enumerate(draw_pair(seed, mixed=False))))
        for seed in range(40)
    ]
    needed = [one.episodes_needed for one in found]
    assert None in needed and any(needed)
    for one in found:
        decided = abs(one.difference.value) >= one.detectable
        assert decided == (one.episodes_needed is not None and one.episodes_needed <= one.episodes)
        limited = abs(one.difference.value) <= one.detectable_at_best
        assert limited == (one.episodes_needed is None)
        assert one.detectable_at_best <= one.detectable * (1 + 1e-12)


def test_no_number_of_episodes_decides_nothing(two):
    credit = np.zeros((2, 60))
    credit[0, :3] = credit[1, 3:6] = 1
    found = compare(*two(credit, np.arange(60) // 10))
    assert (found.difference.value, found.p_value, found.episodes_needed) == (0, 1, None)


def test_the_official_runs_have_no_more_episodes(draw_pair, run_of):
    for seed in range(40):
        drawn = draw_pair(seed, mixed=False)
        free, official = (
            compare(
                *(run_of(one, f"{i}", fields={"structure": what}) for i, one in enumerate(drawn))
            )
            for what in ("within", "runs")
        )
        enough = free.episodes_needed is not None and free.episodes_needed <= free.episodes
        assert official.episodes_needed == (free.episodes_needed if enough else None)


def test_the_official_runs_can_be_clustered_by_run(draw_pair, run_of):
    drawn = draw_pair(2, mixed=False)
    runs = [
        run_of(one, f"{i}", protocol={"name": "lake-runs"}, fields={"structure": "runs"})
        for i, one in enumerate(drawn)
    ]
    found = compare(*runs, by="run")
    means = [one.groupby("episode")["credit"].mean() for one in drawn]
    expected = stats.ttest_rel(*means)
    assert (found.difference.method, found.difference.clusters) == ("jackknife by run", 24)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


FIGURES = ("p_value", "sign_flip", "mcnemar", "detectable", "detectable_at_best")


def figures(one):
    ends = one.difference.value, one.difference.low, one.difference.high
    return [*(getattr(one, name) for name in FIGURES), *one.accuracies, *one.wins, *ends, one.n]


@fast
@hypothesis.given(st.integers(0, 2**32), st.booleans(), st.sampled_from([6, 18]))
def test_neither_order_nor_names_nor_the_places_of_classes_matter(
    draw_pair, run_of, seed, mixed, alphabets
):
    drawn = draw_pair(seed, mixed, alphabets=alphabets)
    expected = compare(run_of(drawn[0], "one"), run_of(drawn[1], "other"))
    generator = np.random.default_rng(seed)
    episode, way = generator.permutation(24), generator.permutation(4)
    moved = []
    for one in drawn:
        one = one.assign(
            episode=7 + 3 * episode[one["episode"]],
            target=way[one["target"]],
            predicted=way[one["predicted"]],
            alphabet=one["alphabet"].map(lambda name: chr(200 - ord(name))),
        )
        moved.append(one.sample(frac=1, random_state=len(moved)))
    found = compare(run_of(moved[0], "one"), run_of(moved[1], "other"))
    assert figures(found) == pytest.approx(figures(expected), rel=1e-9, abs=1e-9)
    assert found.episodes_needed == expected.episodes_needed


@fast
@hypothesis.given(st.integers(0, 2**32), st.booleans())
def test_the_other_way_round_only_the_sign_changes(draw_pair, run_of, seed, mixed):
    runs = [run_of(one, f"{i}") for i, one in enumerate(draw_pair(seed, mixed))]
    one, other = compare(*runs), compare(*runs[::-1])
    ends = one.difference.value, one.difference.low, one.difference.high
    turned = -other.difference.value, -other.difference.high, -other.difference.low
    assert turned == pytest.approx(ends, abs=1e-12)
    assert other.wins == one.wins[::-1] and other.scorers == one.scorers[::-1]
    for name in FIGURES:
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9)


def test_figures_depend_neither_on_blocks_nor_on_what_is_on_disk(draw_pair, run_of, tmp_path):
    drawn = draw_pair(5, mixed=True)
    expected = compare(*(run_of(one, f"{i}") for i, one in enumerate(drawn)))
    runs = []
    for place, (one, blocks) in enumerate(zip(drawn, (1, 5), strict=True)):
        for name in ("alphabet", "character", "drawer"):
            one[name] = pd.Categorical(one[name])
        columns = {
            name: one[name].array if one[name].dtype == "category" else one[name].to_numpy()
            for name in one
        }
        cuts = np.linspace(0, len(one), blocks + 1).astype(int)
        chunks = [
            {name: column[low:high] for name, column in columns.items()}
            for low, high in pairwise(cuts)
        ]
        record = {**run_of(one, f"{place}").record, "environment": {}, "timings": {}}
        runs.append(read(write(tmp_path / f"{place}", record, chunks).folder))
    assert compare(*runs) == expected


def test_json_has_the_documented_shape(two):
    credit = np.random.default_rng(1).integers(0, 2, (2, 60))
    found = compare(*two(credit, np.arange(60) % 6)).as_json()
    assert json.loads(json.dumps(found, allow_nan=False))["scorers"] == ["one", "other"]
    assert set(found) == {
        *("protocol", "scorers", "digests", "episodes", "episodes_digest", "n", "accuracies"),
        *("difference", "by", "p_value", "sign_flip", "flips", "mcnemar", "independent", "wins"),
        *("detectable", "detectable_at_best", "episodes_needed", "disagreements", "share"),
    }
    assert set(found["difference"]) == {"value", "low", "high", "level", "method", "clusters"}


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_an_impossible_level_is_refused(two, level):
    runs = two(np.ones((2, 6)), np.arange(6))
    with pytest.raises(ResultError, match=r"expected between 0 and 1, such as 0\.95"):
        compare(*runs, level)


def test_one_episode_of_many_alphabets_is_no_certainty(draw_pair, run_of):
    drawn = [
        one.iloc[:12].assign(episode=0, query=np.arange(12)) for one in draw_pair(1, mixed=True)
    ]
    drawn = [one.assign(alphabet=list("ABCDEF") * 2, target=np.arange(12)) for one in drawn]
    found = compare(*(run_of(one, f"{i}") for i, one in enumerate(drawn)))
    assert found.difference.method == "paired t over trials"


@pytest.mark.slow
def test_scorers_that_are_equal_over_new_alphabets_are_told_apart_as_often_as_promised(two):
    generator = np.random.default_rng(4)
    cluster, repeats = np.repeat(np.arange(10), 20), 200
    told = {"t": 0, "flips": 0, "mcnemar": 0}
    for _ in range(repeats):
        accuracy = np.clip(0.6 + 0.15 * generator.standard_normal((2, 10)), 0, 1)[:, cluster]
        found = compare(*two((generator.random(accuracy.shape) < accuracy) * 1.0, cluster))
        told["t"] += found.p_value < 0.05
        told["flips"] += found.sign_flip < 0.05
        told["mcnemar"] += found.mcnemar < 0.05
    assert 0.02 < told["t"] / repeats < 0.08
    assert 0.02 < told["flips"] / repeats < 0.08
    assert told["mcnemar"] / repeats > 0.15


def test_flips_of_hundreds_of_characters_have_a_nearly_normal_sum():
    parts = np.random.default_rng(1).standard_normal(400) + 0.1
    p_value, flips = sign_flip(parts)
    expected = 2 * stats.norm.sf(abs(parts.sum()) / np.sqrt(np.sum(parts**2)))
    assert flips == FLIPS
    assert p_value == pytest.approx(expected, rel=0.1)
