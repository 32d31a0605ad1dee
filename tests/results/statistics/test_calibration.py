import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import special
from wayshot.results import ResultError
from wayshot.results.statistics.calibration import calibration

fast = hypothesis.settings(max_examples=80, deadline=None, database=None, derandomize=True)


def near(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def ece_definition(probability, same, bins, weight):
    """Naeini et al. 2015, bin by bin, with their weights; [low, high), the last one closed."""
    total = 0.0
    for one in range(bins):
        low, high = one / bins, (one + 1) / bins
        inside = [
            (w, p, s)
            for w, p, s in zip(weight, probability, same, strict=True)
            if w and low <= p and (p < high or one == bins - 1)
        ]
        if inside:
            size = sum(w for w, _, _ in inside)
            mean = sum(w * p for w, p, _ in inside) / size
            share = sum(w * s for w, _, s in inside) / size
            total += size / sum(weight) * abs(mean - share)
    return total


def brier_definition(probability, same, weight):
    squares = [w * (p - s) ** 2 for w, p, s in zip(weight, probability, same, strict=True)]
    return sum(squares) / sum(weight)


@st.composite
def samples(draw):
    """Probabilities, some of them on the edges of bins, and what came of them."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, bins = draw(st.integers(1, 60)), draw(st.sampled_from([1, 2, 10, 15, 49]))
    probability = generator.random(count)
    edge = generator.random(count) < 0.4
    probability[edge] = generator.integers(0, bins + 1, edge.sum()) / bins
    return probability, generator.random(count) < probability, bins


def weights_of(seed, count):
    return np.random.default_rng(seed).choice([0.0, 0.3, 1.0, 2.5], count) + 1e-3


def figures(found):
    return found.ece, found.brier


@fast
@hypothesis.given(samples())
def test_calibration_equals_its_definition(sample):
    probability, same, bins = sample
    ones = np.ones(len(same))
    found = calibration(probability, same, bins)
    assert found.ece == near(ece_definition(probability, same, bins, ones))
    assert found.brier == near(brier_definition(probability, same, ones))


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_weighted_calibration_equals_its_definition(sample, seed):
    probability, same, bins = sample
    weight = weights_of(seed, len(same))
    found = calibration(probability, same, bins, weight)
    assert found.ece == near(ece_definition(probability, same, bins, weight))
    assert found.brier == near(brier_definition(probability, same, weight))


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_a_weight_counts_a_pair_so_many_times(sample, seed):
    probability, same, bins = sample
    weight = np.random.default_rng(seed).integers(0, 4, len(same))
    hypothesis.assume(weight.any())
    found = calibration(probability, same, bins, weight)
    other = calibration(np.repeat(probability, weight), np.repeat(same, weight), bins)
    assert figures(found) == near(figures(other))
    for one, two in zip(found.bins, other.bins, strict=True):
        assert (one.low, one.probability, one.share) == near((two.low, two.probability, two.share))


@fast
@hypothesis.given(samples())
def test_the_score_equals_that_of_scikit_learn(sample):
    metrics = pytest.importorskip("sklearn.metrics")
    probability, same, bins = sample
    expected = metrics.brier_score_loss(same, probability, labels=[False, True])
    assert calibration(probability, same, bins).brier == near(expected)


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_calibration_does_not_depend_on_the_order_of_pairs(sample, seed):
    probability, same, bins = sample
    weight = weights_of(seed, len(same))
    order = np.random.default_rng(seed).permutation(len(same))
    found = calibration(probability[order], same[order], bins, weight[order])
    assert figures(found) == near(figures(calibration(probability, same, bins, weight)))


@fast
@hypothesis.given(samples(), samples())
def test_the_score_of_joined_pairs_is_the_mean_by_their_number(first, second):
    joined = (np.concatenate([one, two]) for one, two in zip(first[:2], second[:2], strict=True))
    sizes = len(first[1]), len(second[1])
    parts = calibration(*first).brier, calibration(*second).brier
    assert calibration(*joined).brier == near(np.average(parts, weights=sizes))


@fast
@hypothesis.given(samples())
def test_bins_hold_every_pair_once_between_their_edges(sample):
    probability, same, bins = sample
    found = calibration(probability, same, bins)
    assert sum(one.count for one in found.bins) == len(same)
    assert sum(one.count * one.probability for one in found.bins) == near(probability.sum())
    assert sum(one.count * one.share for one in found.bins) == near(same.sum())
    for one in found.bins:
        # A mean of equal numbers is that number but for rounding.
        assert one.low - 1e-12 <= one.probability <= one.high + 1e-12
    assert list(found.bins) == sorted(found.bins, key=lambda one: one.low)


@fast
@hypothesis.given(samples())
def test_errors_are_shares_and_the_mean_error_is_at_least_that_of_one_bin(sample):
    probability, same, bins = sample
    found = calibration(probability, same, bins)
    assert 0 <= found.ece <= 1
    assert 0 <= found.brier <= 1
    assert found.ece >= calibration(probability, same, 1).ece - 1e-12


def test_a_probability_on_an_edge_belongs_to_the_bin_above_and_one_to_the_last():
    found = calibration(np.array([0.0, 0.5, 1.0]), np.array([False, True, True]), bins=2)
    assert [(one.low, one.high, one.count) for one in found.bins] == [(0, 0.5, 1), (0.5, 1, 2)]


def test_bins_without_pairs_or_without_weight_are_left_out():
    probability, same = np.array([0.05, 0.5, 0.95]), np.array([False, True, True])
    found = calibration(probability, same, 10, np.array([1, 0, 1]))
    assert [one.low for one in found.bins] == [0, 0.9]


def test_calibrated_probabilities_have_no_error_but_those_of_pairs():
    found = calibration(np.full(10, 0.3), np.arange(10) < 3)
    assert found.ece == pytest.approx(0, abs=1e-15)
    assert found.brier == pytest.approx(0.3 * 0.7)


def test_certainty_that_is_right_has_no_error_and_that_is_wrong_has_all():
    same = np.array([True, False, True])
    assert figures(calibration(same.astype(float), same)) == (0, 0)
    assert figures(calibration((~same).astype(float), same)) == (1, 1)


def test_weights_balance_same_and_different_pairs():
    generator = np.random.default_rng(0)
    same = np.arange(20_000) % 20 == 0
    # Calibrated where both kinds are as many: the log-odds of two normal distributions.
    x = generator.normal(size=20_000) + 2 * same
    probability = special.expit(2 * (x - 1))
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    assert calibration(probability, same, weight=weight).ece < 0.02
    assert calibration(probability, same).ece > 0.1


def test_single_precision_is_summed_in_double():
    probability = np.full(3_000_000, 0.1, np.float32)
    found = calibration(probability, np.zeros(3_000_000, bool))
    assert found.ece == pytest.approx(float(np.float32(0.1)), rel=1e-9)


@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.nan, np.inf])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(
        ResultError, match=r"^a probability is NaN or not from 0 to 1; turn log-odds"
    ):
        calibration(np.array([0.5, wrong]), np.array([True, False]))


def test_impossible_bins_are_refused():
    with pytest.raises(ResultError, match=r"^0 bins are impossible, expected 1 or more"):
        calibration(np.array([0.5]), np.array([True]), 0)


@pytest.mark.parametrize("count", [0, 2])
def test_no_pairs_are_refused(count):
    with pytest.raises(ResultError, match=r"^no pairs with a weight above 0, expected one or more"):
        calibration(np.zeros(count), np.zeros(count, bool), weight=np.zeros(count))


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0], [1.0, np.nan]])
def test_impossible_weights_are_refused(weight):
    with pytest.raises(ResultError, match=r"^(weights of shape|a weight is negative)"):
        calibration(np.array([0.5, 0.5]), np.array([True, False]), weight=np.array(weight))
