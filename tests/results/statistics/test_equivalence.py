from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from wayshot.results import ResultError
from wayshot.results.statistics.comparison import compare
from wayshot.results.statistics.equivalence import within_margin
from wayshot.results.statistics.matching import outcome


@pytest.fixture
def pair(draw_pair, run_of):
    """Outcomes of two scorers on the same episodes."""

    def pair(seed, mixed=False, **options):
        drawn = draw_pair(seed, mixed, **options)
        return [outcome(run_of(one, f"scorer{place}")) for place, one in enumerate(drawn)]

    return pair


def balanced(seed, run_of, plain_trials, gap=0.0):
    """Two scorers on twelve alphabets of ten trials, and the differences of each alphabet."""
    rng = np.random.default_rng(seed)
    ease = 0.6 + 0.2 * rng.uniform(-1, 1, 12)
    credit = (rng.random((2, 12, 10)) < np.stack([ease + gap, ease])[..., None]).astype(float)
    names = np.repeat([f"alphabet{one:02}" for one in range(12)], 10)
    runs = [
        run_of(plain_trials(credit[side].ravel(), names), name)
        for side, name in enumerate(("one", "other"))
    ]
    return runs, (credit[0] - credit[1]).mean(axis=1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("margin", [0.02, 0.1, 0.3])
def test_two_one_sided_t_tests_over_alphabets_of_equal_size(seed, margin, run_of, plain_trials):
    runs, gains = balanced(seed, run_of, plain_trials)
    found = within_margin(*map(outcome, runs), margin)
    above = stats.ttest_1samp(gains, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(gains, margin, alternative="less").pvalue
    assert found.p_value == pytest.approx(max(above, below), rel=1e-9)
    assert found.shown == (max(above, below) < 0.05)
    interval = stats.ttest_1samp(gains, 0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("mixed", [True, False])
def test_the_test_and_its_interval_agree(mixed, pair):
    shown = set()
    for seed in range(30):
        two = pair(seed, mixed, episodes=60)
        for margin in (0.05, 0.15, 0.4):
            found = within_margin(*two, margin)
            assert found.shown == (found.p_value < 0.05)
            assert within_margin(*two[::-1], margin).p_value == pytest.approx(found.p_value)
            shown.add(found.shown)
    assert shown == {True, False}


@pytest.mark.parametrize("mixed", [True, False])
def test_above_the_smallest_margin_they_are_equivalent_and_below_it_they_are_not(mixed, pair):
    for seed in range(10):
        two = pair(seed, mixed, episodes=60)
        smallest = within_margin(*two, 0.5).smallest
        assert within_margin(*two, 0.1).smallest == smallest
        assert within_margin(*two, smallest + 1e-6).shown
        assert not within_margin(*two, smallest - 1e-6).shown


@pytest.mark.slow
def test_what_differs_by_the_margin_is_seldom_called_equivalent(run_of, plain_trials):
    margin = 0.12
    shown = 0
    for seed in range(300):
        runs, _ = balanced(seed, run_of, plain_trials, gap=margin)
        shown += within_margin(*map(outcome, runs), margin).shown
    # With a true rate of 5 %, more than 9.5 % come once in two thousand.
    assert shown / 300 <= 0.095


def test_scorers_may_differ_and_still_be_equivalent(run_of, plain_trials):
    runs, _ = balanced(1, run_of, plain_trials, gap=0.3)
    assert compare(*runs).p_value < 0.05
    assert within_margin(*map(outcome, runs), 0.5).shown


def test_scorers_of_the_same_credits_are_as_sure_as_their_number_allows(run_of, plain_trials):
    runs, _ = balanced(1, run_of, plain_trials)
    same = [outcome(runs[0]), outcome(run_of(runs[0].trials, "twin"))]
    found = within_margin(*same, 0.1)
    assert found.p_value is None and found.shown
    assert not within_margin(*same, 0.01).shown


def test_without_an_interval_nothing_is_shown(pair):
    two = pair(1, mixed=True, alphabets=1, ways=3, episodes=10)
    found = within_margin(*two, 0.9)
    assert (found.p_value, found.low, found.shown) == (None, None, False)
    assert found.as_json()["shown"] is False and found.as_json()["smallest"] is None


@pytest.mark.parametrize("margin", [0, -0.1, 1, float("nan")])
def test_impossible_margins_are_refused(margin, pair):
    with pytest.raises(ResultError, match=r"margin .* is impossible, expected between 0 and 1"):
        within_margin(*pair(1), margin)
    with pytest.raises(ResultError, match=r"level 0\.5 is impossible"):
        within_margin(*pair(1), 0.1, level=0.5)
