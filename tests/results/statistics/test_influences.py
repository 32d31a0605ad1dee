from dataclasses import replace

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot.results import ResultError, judge
from wayshot.results.statistics import influence, on_logit_scale
from wayshot.results.statistics.influences import _excess_kurtosis


def trials_of(scores, classes, alphabet_of_class):
    """Judges scores (episodes, queries, ways), one query of each of the episode's classes."""
    episodes, queries, ways = scores.shape
    target = np.tile(np.arange(ways), (episodes, 1))
    judged = judge(scores.reshape(-1, ways), target.ravel())
    return pd.DataFrame(
        {
            "episode": np.repeat(np.arange(episodes), queries),
            **judged,
            "alphabet": np.array(list("abcdefghijkl"))[alphabet_of_class[classes.ravel()]],
        }
    )


def draw(seed, episodes=12, ways=5, characters=14, alphabets=4, ties=False):
    """Random episodes that mix alphabets, some of them with several errors a trial."""
    generator = np.random.default_rng(seed)
    alphabet_of_class = np.arange(characters) % alphabets
    classes = np.stack([generator.permutation(characters)[:ways] for _ in range(episodes)])
    scores = generator.standard_normal((episodes, ways, ways)) + 0.8 * np.eye(ways)
    return np.round(scores * 2) / 2 if ties else scores, classes, alphabet_of_class


def definition(scores, classes, alphabet_of_class):
    """Each trial's residual at its query's alphabet; minus, at each other alphabet of the
    episode, what the trial would gain without one of its characters, beyond what is usual."""
    episodes, _, ways = scores.shape
    credits = np.array([[judge(scores[e, q], np.array(q))["credit"] for q in range(ways)]
                        for e in range(episodes)])  # fmt: skip
    totals = np.zeros(alphabet_of_class.max() + 1)
    gains, appearances = np.zeros_like(totals), np.zeros_like(totals)
    for e, q in np.ndindex(episodes, ways):
        own = alphabet_of_class[classes[e, q]]
        totals[own] += credits[e, q] - credits.mean()
        for d in range(ways):
            other = alphabet_of_class[classes[e, d]]
            if other != own:
                appearances[other] += 1
                without = np.delete(scores[e, q], d)
                after = judge(without, np.array(q - (d < q)))["credit"]
                gains[other] += after - credits[e, q]
    return (totals + gains.sum() / appearances.sum() * appearances - gains) / credits.size


@hypothesis.given(st.integers(0, 2**32), st.integers(3, 8))
def test_influence_equals_what_comes_of_leaving_each_distractor_out(seed, ways):
    case = draw(seed, ways=ways)
    found = influence(trials_of(*case))
    assert found.mixed
    assert found.totals == pytest.approx(definition(*case), abs=1e-12)
    assert found.totals.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("block", [1, 2, 4, 8, 16])
def test_many_episodes_are_counted_in_blocks_and_batches_as_at_once(monkeypatch, block):
    one = trials_of(*draw(seed=block))
    whole = influence(one)
    monkeypatch.setattr("wayshot.results.statistics.influences.BLOCK", block)
    batch = {1: 16, 2: 8, 4: 4, 8: 2, 16: 1}[block]
    starts = range(0, 12, batch)
    for found in (influence(one), influence(one.sample(frac=1, random_state=0))):
        np.testing.assert_allclose(found.parts, np.add.reduceat(whole.parts, starts), atol=1e-12)
        np.testing.assert_allclose(found.residuals, whole.residuals, atol=1e-12)
        np.testing.assert_allclose(found.totals, whole.totals, atol=1e-12)


def test_where_others_share_the_truths_rank_a_rival_leaves_it_half():
    scores = np.array([[[2.0, 3, 2], [0, 1, 0], [0, 0, 1]]])
    case = scores, np.array([[0, 1, 2]]), np.array([0, 1, 2])
    found = influence(trials_of(*case))
    assert found.totals == pytest.approx(definition(*case), abs=1e-12)
    assert found.totals[1] < found.totals[2]


@hypothesis.given(st.integers(0, 2**32))
def test_episodes_of_one_alphabet_each_have_the_variance_of_leaving_them_out(jackknife, seed):
    generator = np.random.default_rng(seed)
    scores, classes, _ = draw(seed, characters=8)
    of_episode = np.r_[np.arange(4), generator.integers(0, 4, len(scores) - 4)]
    one = trials_of(scores, classes, np.zeros(8, int))
    one["alphabet"] = np.array(list("abcd"))[np.repeat(of_episode, scores.shape[1])]
    found, cluster = influence(one), pd.factorize(one["alphabet"], sort=True)[0]
    assert not found.mixed
    variance, without, freedom = jackknife(one["credit"].to_numpy(), cluster)
    assert found.without == pytest.approx(without, rel=1e-9)
    assert found.population_variance == pytest.approx(variance, rel=1e-9, abs=1e-15)
    assert found.freedom == pytest.approx(freedom, rel=1e-9)


@hypothesis.given(st.integers(0, 2**32), st.booleans())
def test_neither_order_nor_names_nor_the_places_of_classes_matter(seed, mixed):
    scores, classes, alphabets = draw(seed, alphabets=4 if mixed else 1)
    one = trials_of(scores, classes, alphabets)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(scores))
    ways = generator.permutation(scores.shape[2])
    moved = trials_of(scores[order][:, ways][..., ways], classes[order][:, ways], alphabets)
    moved["episode"] = 7 + 3 * moved["episode"]
    moved = moved.sample(frac=1, random_state=1)
    for name in ("value", "n", "population_variance", "sampler_variance", "freedom"):
        first, second = getattr(influence(one), name), getattr(influence(moved), name)
        assert second == pytest.approx(first, rel=1e-9, abs=1e-15, nan_ok=True)
    renamed = one.assign(alphabet=one["alphabet"].map(lambda name: chr(300 - ord(name))))
    assert influence(renamed).totals[::-1] == pytest.approx(influence(one).totals, abs=1e-15)


def test_a_difference_is_that_of_the_influences():
    first, second = draw(1), draw(2)
    second = (second[0], first[1], first[2])
    one, other = influence(trials_of(*first)), influence(trials_of(*second))
    both = one - other
    assert both.value == pytest.approx(one.value - other.value)
    assert both.totals == pytest.approx(one.totals - other.totals)
    assert (one - one).population_variance == (one - one).sampler_variance == 0


@pytest.mark.parametrize("seed", range(4))
def test_where_episodes_mix_alphabets_their_noise_is_taken_out(seed):
    found = influence(trials_of(*draw(seed, episodes=200, characters=30, alphabets=6)))
    squares = noise = 0.0
    kept = found.n - found.sizes
    without = [found.value - found.n * found.totals[one] / kept[one] for one in range(6)]
    for one in range(6):
        squares += (without[one] - np.mean(without)) ** 2
        noise += 200 * found.parts[:, one].var(ddof=1) / kept[one] ** 2
    expected = 5 / 6 * max(squares - noise, 0) + found.sampler_variance
    assert found.population_variance == pytest.approx(expected, rel=1e-9)
    assert found.lasting_variance == pytest.approx(expected - found.sampler_variance)


def test_the_spread_cannot_be_known_of_few_clusters_or_of_one_mixed_episode():
    assert influence(trials_of(*draw(1, alphabets=5))).spreads
    few = influence(trials_of(*draw(1, alphabets=4)))
    assert not few.spreads and not few.counts_trials
    assert few.problem == "4 alphabets are too few, expected at least 5"
    one = influence(trials_of(*draw(1, episodes=1, ways=10, alphabets=7)))
    assert len(one.clusters) >= 5 and not one.spreads and one.counts_trials
    assert one.problem == "1 episode is too few, expected at least 2"
    assert not (one - one).spreads


def test_all_errors_of_one_alphabet_leave_an_interval_between_0_and_1():
    scores, classes, alphabets = draw(2, episodes=80, ways=4, characters=12, alphabets=6)
    scores = np.broadcast_to(np.eye(4), scores.shape).copy()
    hard = np.argwhere(alphabets[classes] == 0)[:5]
    scores[hard[:, 0], hard[:, 1], hard[:, 1]] = -1
    found = influence(trials_of(scores, classes, alphabets))
    assert found.without[0] == pytest.approx(1, abs=0.01)
    one = on_logit_scale(found)
    assert 0.7 < one.low < one.value == 315 / 320 < one.high < 1


def test_means_of_different_trials_have_no_difference():
    with pytest.raises(ResultError, match="different trials"):
        _ = influence(trials_of(*draw(1))) - influence(trials_of(*draw(1, episodes=13)))


def test_the_samplers_variance_is_that_of_the_episodes_means():
    one = trials_of(*draw(5, episodes=40))
    means = one.groupby("episode")["credit"].mean()
    assert influence(one).sampler_variance == pytest.approx(means.var(ddof=1) / 40, rel=1e-12)


def test_no_trials_have_no_influence():
    with pytest.raises(ResultError, match="no trials"):
        influence(trials_of(*draw(1)).iloc[:0])


def populations(count, episodes):
    """Runs over populations with effects of alphabets and of characters, each drawn anew."""
    generator = np.random.default_rng(11)
    alphabet_of_class = np.repeat(np.arange(12), 10)
    for _ in range(count):
        place = generator.standard_normal((12, 6))[alphabet_of_class]
        place += 0.9 * generator.standard_normal(place.shape)
        classes = np.argsort(generator.random((episodes, 120)))[:, :5]
        drawn = place[classes]
        query, support = (drawn + 0.6 * generator.standard_normal(drawn.shape) for _ in range(2))
        apart = ((query[:, :, None] - support[:, None]) ** 2).sum(axis=-1)
        yield influence(trials_of(-apart, classes, alphabet_of_class))


def test_the_population_variance_is_about_that_between_populations():
    found = list(populations(120, episodes=300))
    between = np.var([one.value for one in found], ddof=1)
    assert 0.7 < np.mean([one.population_variance for one in found]) / between < 1.4
    assert np.mean([one.sampler_variance for one in found]) / between < 0.5


@pytest.mark.parametrize("count", [4, 5, 20])
def test_the_excess_kurtosis_is_scipys(count):
    values = np.random.default_rng(count).standard_normal(count) ** 3
    expected = stats.kurtosis(values, bias=False)
    assert _excess_kurtosis(values) == pytest.approx(expected, rel=1e-9)


def test_few_clusters_that_say_most_leave_fewer_degrees_of_freedom():
    one = influence(trials_of(*draw(3, episodes=60, characters=40, alphabets=10)))
    sizes = replace(one, mixed=False).freedom
    tails = max(stats.kurtosis(one.without, bias=False), 0)
    assert 8 < sizes < 9
    assert one.freedom == pytest.approx(2 / (2 / sizes + tails / 10), rel=1e-9)
    hard = replace(one, parts=np.eye(10)[:1] - 0.1)
    assert 2 / (2 / sizes + stats.kurtosis(hard.without, bias=False) / 10) < 3
    assert (hard.freedom, replace(hard, mixed=False).freedom) == (3, sizes)


def test_clusters_of_equal_size_have_one_degree_of_freedom_less_than_they_are():
    one = influence(trials_of(*draw(3, episodes=40, characters=40, alphabets=10)))
    for count in (2, 5, 20, 501):
        assert of_sizes(one, np.full(count, one.n / count)).freedom == pytest.approx(
            count - 1, rel=1e-12
        )
    assert 1 <= of_sizes(one, np.array([1.0, 1, 1, 1, one.n - 4])).freedom < 2


def of_sizes(one, sizes, groups=None):
    """Clusters of other sizes, one or several groups of them, that no episode mixes."""
    count = len(sizes)
    groups = np.zeros(count, int) if groups is None else groups
    parts = np.zeros((1, count))
    return replace(
        one, clusters=("c",) * count, sizes=sizes, parts=parts, groups=groups, mixed=False
    )


@pytest.mark.parametrize("seed", range(4))
def test_groups_have_the_degrees_of_freedom_of_satterthwaites_rule(seed):
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(3), (2, 5, 9))
    sizes = generator.integers(1, 30, 16).astype(float)
    one = influence(trials_of(*draw(3, episodes=40, characters=40, alphabets=10)))
    found = of_sizes(replace(one, n=int(sizes.sum())), sizes, groups)

    def variance(means):
        total = 0.0
        for group in range(3):
            at = np.flatnonzero(groups == group)
            without = [np.average(np.delete(means[at], i), weights=np.delete(sizes[at], i))
                       for i in range(len(at))]  # fmt: skip
            total += (sizes[at].sum() / sizes.sum()) ** 2 * (len(at) - 1) * np.var(without)
        return total

    units = np.eye(16)
    matrix = [[variance(i + j) - variance(i) - variance(j) for j in units] for i in units]
    expected = np.trace(matrix) ** 2 / np.square(matrix).sum()
    assert found.freedom == pytest.approx(expected, rel=1e-9)
