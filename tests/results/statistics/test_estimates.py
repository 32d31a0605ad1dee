import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from scipy import special, stats
from wayshot.results import INTERVALS, LEVEL, Estimate, ResultError
from wayshot.results.statistics import (
    bootstrap,
    clopper_pearson,
    clustered,
    estimate,
    influence,
    on_logit_scale,
    sampler,
    wilson,
)
from wayshot.results.statistics.estimates import log_odds_ends

fast = hypothesis.settings(max_examples=80, deadline=None, database=None, derandomize=True)

# The modified Hausdorff distance on Lake's 20 official runs, 20 trials a run, two runs an alphabet.
HAUSDORFF_ERRORS = (
    *(45, 35, 40, 25, 30, 15, 60, 35, 40, 55),
    *(15, 70, 65, 35, 15, 25, 30, 40, 70, 30),
)


def points(one):
    """Half the width of an interval in percentage points."""
    return 50 * (one.high - one.low)


def ends(one):
    return pytest.approx((one.value, one.low, one.high), rel=1e-12, abs=1e-13)


def pairwise_definition(credit, cluster, level):
    """Miller 2024, section 2.2, over all pairs of trials of a cluster, with G / (G - 1)."""
    n, mean = len(credit), sum(credit) / len(credit)
    total = 0.0
    for i in range(n):
        for j in range(n):
            if cluster[i] == cluster[j]:
                total += (credit[i] - mean) * (credit[j] - mean)
    groups = len(set(cluster.tolist()))
    error = (total * groups / (groups - 1)) ** 0.5 / n
    half = stats.t(groups - 1).isf((1 - level) / 2) * error
    return mean, max(0.0, mean - half), min(1.0, mean + half)


@st.composite
def samples(draw, fewest=2):
    """Credits, some of them shared, in clusters of unequal size."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = draw(st.integers(fewest, 9))
    more = generator.integers(0, groups, draw(st.integers(0, 40)))
    cluster = generator.permutation(np.r_[np.arange(groups), more])
    credit = generator.choice([0.0, 1.0, 0.5, 1 / 3], len(cluster), p=[0.4, 0.4, 0.1, 0.1])
    return credit, cluster


@pytest.fixture
def hausdorff():
    credit = np.concatenate(
        [np.r_[np.ones(20 - wrong // 5), np.zeros(wrong // 5)] for wrong in HAUSDORFF_ERRORS]
    )
    return credit, np.repeat(np.arange(20), 20)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 400, 100_000])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_wilson_equals_scipy_for_whole_counts(n, level):
    for right in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        one = wilson(np.r_[np.ones(right), np.zeros(n - right)], level)
        expected = stats.binomtest(right, n).proportion_ci(level, method="wilson")
        assert (one.low, one.high) == pytest.approx(tuple(expected), rel=0, abs=1e-12)
        assert one.value == pytest.approx(right / n, rel=1e-15)
        assert (one.level, one.method, one.n, one.clusters) == (level, "wilson", n, None)


@fast
@hypothesis.given(
    st.lists(st.sampled_from([0.0, 1.0, 0.5, 1 / 3, 0.05]), min_size=1, max_size=60),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_wilson_holds_the_value_and_stays_between_0_and_1(credit, level):
    one = wilson(np.array(credit), level)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.low < one.high


def test_wilson_of_a_perfect_score_still_doubts():
    one = wilson(np.ones(20))
    assert (one.value, one.high) == (1, 1)
    assert one.low == pytest.approx(20 / (20 + stats.norm.ppf(0.975) ** 2))


@fast
@hypothesis.given(samples(), st.sampled_from([0.8, 0.95]))
def test_clustering_equals_the_definition_over_pairs(sample, level):
    credit, cluster = sample
    one = clustered(credit, cluster, level)
    assert (one.value, one.low, one.high) == pytest.approx(
        pairwise_definition(credit, cluster, level), rel=1e-9, abs=1e-7
    )
    assert (one.n, one.clusters, one.level) == (len(credit), len(set(cluster)), level)


@fast
@hypothesis.given(samples())
def test_clustered_intervals_hold_the_value_and_stay_between_0_and_1(sample):
    one = clustered(*sample)
    assert 0 <= one.low <= one.value <= one.high <= 1


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_clustering_depends_neither_on_the_order_of_trials_nor_on_labels(sample, seed):
    credit, cluster = sample
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(credit))
    labels = generator.permutation(cluster.max() + 1)
    one, other = clustered(credit, cluster), clustered(credit[order], labels[cluster][order])
    # Near a spread of zero the square root makes 1e-8 of 1e-16.
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-9, abs=1e-7)
    assert other.value == pytest.approx(one.value, rel=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_clusters_of_equal_size_reduce_to_the_t_interval_of_their_means(seed):
    means = np.random.default_rng(seed).uniform(0.3, 0.7, 8)
    means = np.round(means * 50) / 50
    credit = np.concatenate(
        [np.r_[np.ones(round(50 * m)), np.zeros(50 - round(50 * m))] for m in means]
    )
    one = clustered(credit, np.repeat(np.arange(8), 50))
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx(tuple(expected), rel=1e-12)


def test_one_cluster_alone_is_refused():
    with pytest.raises(ResultError, match="--interval population"):
        clustered(np.array([0.0, 1.0]), np.array([0, 0]))


def test_the_intervals_of_the_hausdorff_distance_on_lakes_runs_are_the_known_ones(hausdorff):
    credit, run = hausdorff
    assert (len(credit), 400 - credit.sum()) == (400, 155)
    by_alphabet, by_run = clustered(credit, run // 2), clustered(credit, run)
    assert (by_alphabet.clusters, round(points(by_alphabet), 1)) == (10, 7.9)
    assert (by_run.clusters, round(points(by_run), 1)) == (20, 8.1)
    binomial = wilson(credit)
    wald = 100 * stats.norm.ppf(0.975) * np.sqrt(0.6125 * 0.3875 / 400)
    assert points(binomial) == pytest.approx(4.75, abs=0.005)
    assert wald == pytest.approx(points(binomial), abs=0.03)
    assert round(points(by_alphabet) / points(binomial), 1) in (1.6, 1.7)


def test_clustering_covers_new_alphabets_where_wilson_does_not():
    generator = np.random.default_rng(0)
    repeats, alphabet = 400, np.repeat(np.arange(10), 40)
    covered = {"t by alphabet": 0, "wilson": 0}
    for _ in range(repeats):
        accuracy = generator.beta(6, 4, 10)
        credit = (generator.random(400) < accuracy[alphabet]).astype(float)
        for one in (clustered(credit, alphabet), wilson(credit)):
            covered[one.method] += one.low <= 0.6 <= one.high
    assert 0.92 < covered["t by alphabet"] / repeats < 0.98
    assert covered["wilson"] / repeats < 0.75


def trials_of(alphabets, credit=None, each=10):
    """Trials of one query an episode."""
    n = alphabets * each
    if credit is None:
        credit = np.random.default_rng(alphabets).integers(0, 2, n)
    names = np.repeat([f"alphabet{number}" for number in range(alphabets)], each)
    return pd.DataFrame(
        {
            "episode": np.arange(n),
            "target": 0,
            "predicted": 0,
            "credit": np.asarray(credit, float),
            "rank": 1.0,
            "alphabet": pd.Categorical(names),
        }
    )


@pytest.mark.parametrize("alphabets", [5, 6, 20])
def test_five_alphabets_and_more_are_clustered_by_default(alphabets):
    trials = trials_of(alphabets)
    one = estimate(trials)
    assert one.method == "jackknife by alphabet, log-odds"
    assert one.clusters == alphabets
    assert one == on_logit_scale(influence(trials))


@fast
@hypothesis.given(samples(fewest=5), st.sampled_from([0.8, 0.95]))
def test_the_default_equals_its_definition(jackknife, sample, level):
    credit, cluster = sample
    trials = trials_of(len(credit), credit, each=1)
    trials["alphabet"] = [f"alphabet{one}" for one in cluster]
    one = estimate(trials, level=level)
    hypothesis.assume(one.method != "wilson" and 0.1 < one.low < one.high < 0.9)
    (variance, _, freedom), mean = jackknife(credit, cluster), credit.mean()
    half = stats.t(freedom).isf((1 - level) / 2) * variance**0.5 / (mean * (1 - mean))
    ends = special.expit(special.logit(mean) + half * np.array([-1, 1]))
    assert (one.low, one.high) == pytest.approx(ends, rel=1e-9)


def test_an_interval_as_wide_as_can_be_is_from_0_to_1():
    assert log_odds_ends(0.9999, 1.0, 1.0, 0.95) == (0, 1)
    assert log_odds_ends(1e-4, 1.0, 1.0, 0.95) == (0, 1)


def test_one_alphabet_says_nothing_of_others():
    one = on_logit_scale(influence(trials_of(1)))
    assert (one.low, one.high) == (0, 1)


def test_the_plain_t_interval_can_be_asked_for():
    trials = trials_of(6)
    one = estimate(trials, "t")
    assert one == clustered(trials["credit"].to_numpy(), np.repeat(np.arange(6), 10))
    assert one.method == "t by alphabet"


def test_an_alphabet_with_all_errors_leaves_an_interval_within_0_and_1():
    credit = np.ones(400)
    credit[:7] = 0
    one = estimate(trials_of(10, credit, each=40))
    assert one.method == "jackknife by alphabet, log-odds"
    assert 0 < one.low < one.value < one.high < 1


def test_near_the_end_of_the_scale_the_default_reaches_further_down_than_up():
    credit = np.ones(400)
    credit[[0, 1, 2, 3, 40, 80]] = 0
    one = estimate(trials_of(10, credit, each=40))
    assert one.value - one.low > 2 * (one.high - one.value) > 0
    assert one.high < 1


@pytest.mark.parametrize("seed", range(3))
def test_the_samplers_interval_is_that_over_the_accuracies_of_episodes(seed):
    generator = np.random.default_rng(seed)
    credit = generator.integers(0, 2, (30, 5)).astype(float)
    trials = trials_of(10, credit.ravel(), each=15)
    trials["episode"] = np.repeat(np.arange(30), 5)
    expected = stats.ttest_1samp(credit.mean(axis=1), 0).confidence_interval(0.9)
    one = sampler(trials, 0.9)
    assert (one.low, one.high) == pytest.approx(tuple(expected), rel=1e-12)
    assert (one.method, one.clusters) == ("t by episode", 30)
    assert one == estimate(trials, "sampler", 0.9)
    printed = estimate(trials, "sampler-z")
    half = 1.96 * credit.mean(axis=1).std(ddof=1) / 30**0.5
    assert points(printed) == pytest.approx(100 * half, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 400])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_clopper_pearson_equals_scipy_for_whole_counts(n, level):
    for right in sorted({0, 1, n // 3, n - 1, n}):
        one = clopper_pearson(np.r_[np.ones(right), np.zeros(n - right)], level)
        expected = stats.binomtest(right, n).proportion_ci(level, method="exact")
        assert (one.low, one.high) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)
        assert one.value == pytest.approx(right / n)


def test_the_bootstrap_resamples_whole_alphabets():
    credit, cluster = np.random.default_rng(3).integers(0, 2, 90), np.repeat(np.arange(9), 10)
    trials = trials_of(9, credit)
    one = bootstrap(influence(trials))
    sums = np.bincount(cluster, weights=credit)
    expected = stats.bootstrap(
        (sums / 10,), np.mean, n_resamples=9_999, method="BCa", random_state=1
    ).confidence_interval
    assert (one.low, one.high) == pytest.approx(tuple(expected), abs=0.015)
    assert one == bootstrap(influence(trials)) == estimate(trials, "bootstrap")
    assert (one.clusters, one.n) == (9, 90)


@pytest.mark.parametrize("interval", ["population", "bootstrap"])
@pytest.mark.parametrize("alphabets", [1, 2, 4])
def test_fewer_alphabets_without_characters_have_no_interval(alphabets, interval):
    trials = trials_of(alphabets)
    one = estimate(trials, interval)
    assert (one.value, one.low, one.high) == (trials["credit"].mean(), None, None)
    assert (one.reach, one.halfwidth, one.clusters) == (None, None, None)
    assert one.method.startswith("none (") and f"{alphabets} alphabet" in one.method
    assert one.as_json()["low"] is None


@pytest.mark.parametrize("interval", ["population", "bootstrap"])
@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_without_any_spread_gets_wilsons_interval(score, interval):
    one = estimate(trials_of(10, np.full(100, score)), interval)
    assert one.method == "wilson"
    assert one.high - one.low > 0.03


def test_wilsons_interval_can_be_asked_for():
    trials = trials_of(10)
    assert estimate(trials, "wilson") == wilson(trials["credit"].to_numpy())
    assert estimate(trials, "wilson", 0.9).level == 0.9


def test_alphabets_that_do_not_occur_are_no_clusters():
    trials = trials_of(6)
    kept = trials[trials["alphabet"] != "alphabet3"]
    assert len(kept["alphabet"].cat.categories) == 6
    assert estimate(kept).clusters == 5


def test_estimates_depend_neither_on_the_order_of_trials_nor_on_alphabets_names():
    trials = trials_of(7)
    moved = trials.sample(frac=1, random_state=1)
    moved["alphabet"] = moved["alphabet"].astype(str).map(lambda name: name[::-1])
    one, other = estimate(trials), estimate(moved)
    assert (other.value, other.low, other.high) == ends(one)


def test_a_constant_scorers_accuracy_is_chance():
    one = estimate(trials_of(10, np.full(400, 1 / 20), each=40))
    assert one.low == one.value == one.high == pytest.approx(0.05, rel=1e-14)
    assert one.method == "constant"


def test_an_unknown_interval_is_refused_with_those_that_are_known():
    with pytest.raises(ResultError, match="'sampling'") as caught:
        estimate(trials_of(5), "sampling")
    assert all(name in str(caught.value) for name in INTERVALS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_trials_are_refused(interval):
    with pytest.raises(ResultError, match="no trials"):
        estimate(trials_of(5).iloc[:0], interval)


def test_json_holds_everything_but_n():
    one = Estimate(0.5, 0.4, 0.6, LEVEL, "wilson", 10, None)
    assert one.as_json() == {
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "level": 0.95,
        "method": "wilson",
        "clusters": None,
    }
