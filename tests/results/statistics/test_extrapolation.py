import numpy as np
import pandas as pd
import pytest
from scipy import special
from wayshot.results import ResultError, judge
from wayshot.results.statistics import extrapolated, influence, thinned
from wayshot.results.statistics.extrapolation import _chosen, _counted, ahead_of_truth


def drawn(seed, ways, spread=1.0, middle=2.0, alphabets=20, each=500):
    """Trials whose true class scores higher than a random other one with probability U."""
    generator = np.random.default_rng(seed)
    alphabet = np.repeat(np.arange(alphabets), each)
    of_alphabet = 0.4 * generator.standard_normal(alphabets)[alphabet]
    z = middle + of_alphabet + spread * generator.standard_normal(len(alphabet))
    ahead = generator.binomial(ways - 1, special.ndtr(-z))
    trials = pd.DataFrame({"credit": (ahead == 0) * 1.0, "rank": ahead + 1.0})
    return trials.assign(alphabet=alphabet, episode=np.arange(len(alphabet))), z


def found(trials):
    return influence(trials[["credit", "episode", "alphabet"]], "alphabet")


@pytest.mark.parametrize("spread", [0.6, 1.0, 1.5])
def test_what_is_predicted_for_many_ways_is_what_comes(spread):
    trials, z = drawn(1, 20, spread)
    ways = {40: 0.015, 100: 0.03}
    one = extrapolated(trials, 20, [*ways], found(trials))
    for number, error in ways.items():
        estimate = one.estimates[number]
        truth = np.mean(special.ndtr(z) ** (number - 1))
        assert estimate.value == pytest.approx(truth, abs=error)
        assert estimate.low < truth < estimate.high
    assert one.held_out.measured == pytest.approx(trials["credit"].mean())
    assert abs(one.held_out.error) < 0.01
    assert (one.held_out.fewer, one.held_out.ways) == (10, 20)


def test_a_scorer_that_knows_nothing_has_one_in_so_many_ways():
    trials = pd.DataFrame(judge(np.zeros((60, 5)), np.zeros(60, int)))
    trials = trials.assign(alphabet=np.arange(60) % 6, episode=np.arange(60))
    one = extrapolated(trials, 5, [10, 100], found(trials))
    assert one.estimates[10].value == pytest.approx(1 / 10, abs=0.01)
    assert one.estimates[100].value == pytest.approx(1 / 100, abs=0.01)
    assert one.estimates[10].low is None and "do not differ" in one.estimates[10].method


def test_the_interval_is_the_jackknife_over_fits_without_each_alphabet():
    trials, _ = drawn(2, 10, alphabets=6, each=200)
    one = extrapolated(trials, 10, [30], found(trials)).estimates[30]
    without = []
    for alphabet in range(6):
        part = trials[trials["alphabet"] != alphabet]
        without.append(extrapolated(part, 10, [30], found(part)).estimates[30].value)
    variance = 5 * np.var(without)
    half = special.stdtrit(5, 0.975) * variance**0.5 / (one.value * (1 - one.value))
    assert special.logit(one.high) - special.logit(one.low) == pytest.approx(2 * half, rel=1e-6)


def test_fewer_classes_are_chosen_as_thinning_does():
    trials, _ = drawn(3, 12, each=10)
    spread = ahead_of_truth(trials, 12)
    counts = _counted(spread, np.zeros(len(trials), int), (1, 12))
    assert counts.sum() == pytest.approx(len(trials))
    for ways in (2, 5, 12):
        chosen = _chosen(counts, ways)
        assert chosen.sum() == pytest.approx(len(trials))
        mean = thinned(trials, 12, ways)["credit"].mean()
        assert chosen[0, 0] / chosen.sum() == pytest.approx(mean, abs=1e-12)


def test_a_rank_beyond_the_ways_is_refused():
    trials, _ = drawn(4, 20, each=10)
    with pytest.raises(ResultError, match="is impossible"):
        extrapolated(trials, 5, [50], found(trials))
