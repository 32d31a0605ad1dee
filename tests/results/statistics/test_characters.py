from itertools import combinations

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from wayshot.results import ResultError, judge
from wayshot.results.statistics import (
    by_character,
    characters,
    estimate,
    influence,
    influence_of,
    population_influence,
    wilson,
)
from wayshot.results.statistics.comparison import compare
from wayshot.results.statistics.matching import outcome

fast = hypothesis.settings(max_examples=20)


def trials_of(scores, classes, alphabet_of_class, turns=None):
    """Judges scores (episodes, ways, ways), one query of each of the episode's classes."""
    episodes, ways, _ = scores.shape
    target, flat = np.tile(np.arange(ways), episodes), classes.ravel()
    turned = ["", "@90", "@180", "@270"]
    turns = np.zeros_like(classes) if turns is None else turns
    names = [f"character{flat[i]:03}{turned[turns.ravel()[i]]}" for i in range(len(flat))]
    return pd.DataFrame(
        {
            "episode": np.repeat(np.arange(episodes), ways),
            "query": target.astype(np.int32),
            **judge(scores.reshape(-1, ways), target),
            "alphabet": pd.Categorical(np.array(list("abcdefghijkl"))[alphabet_of_class[flat]]),
            "character": pd.Categorical(names),
            "drawer": pd.Categorical(["01"] * len(flat)),
        }
    )


def draw(seed, alphabets=1, mixed=True, episodes=30, ways=4, each=8, rotated=False):
    """Random episodes of few alphabets, some of them with several errors a trial."""
    generator = np.random.default_rng(seed)
    alphabet_of_class = np.repeat(np.arange(alphabets), each + np.arange(alphabets))
    count = len(alphabet_of_class)
    classes, turns = np.zeros((2, episodes, ways), int)
    for episode in range(episodes):
        there = np.arange(count)
        if not mixed:
            there = np.flatnonzero(alphabet_of_class == episode % alphabets)
        if rotated:
            picked = generator.permutation(len(there) * 4)[:ways]
            classes[episode], turns[episode] = there[picked // 4], picked % 4
        else:
            classes[episode] = generator.permutation(there)[:ways]
    skill = 0.7 + generator.standard_normal(count)[classes][:, :, None] * np.eye(ways)
    scores = generator.standard_normal((episodes, ways, ways)) + skill * np.eye(ways)
    return scores, classes, alphabet_of_class, turns


def definition(scores, classes, alphabet_of_class, turns):
    """Each trial's residual from its alphabet's mean at its query's character; minus, at each
    other character of the episode, what the trial would gain without one of its classes, beyond
    what is usual for distractors of that alphabet."""
    episodes, ways = classes.shape
    credits = np.array([[judge(scores[e, q], np.array(q))["credit"] for q in range(ways)]
                        for e in range(episodes)])  # fmt: skip
    totals = np.zeros(len(alphabet_of_class))
    gains, appearances = np.zeros_like(totals), np.zeros_like(totals)
    alphabets = alphabet_of_class[classes]
    for e, q in np.ndindex(episodes, ways):
        own = classes[e, q]
        totals[own] += credits[e, q] - credits[alphabets == alphabets[e, q]].mean()
        for d in range(ways):
            if classes[e, d] != own:
                appearances[classes[e, d]] += 1
                after = judge(np.delete(scores[e, q], d), np.array(q - (d < q)))["credit"]
                gains[classes[e, d]] += after - credits[e, q]
    mixes = any(len(set(row)) > 1 for row in alphabets)
    there = np.unique(classes)
    for one in there:
        group = there[alphabet_of_class[there] == alphabet_of_class[one]]
        count = len(there) if mixes else len(group)
        if appearances[group].sum():
            usual = gains[group].sum() / appearances[group].sum()
            totals[one] += usual * appearances[one] - gains[one]
        totals[one] *= (count - 1) / max(count - 2, 1)
    return totals[there] / credits.size


@fast
@hypothesis.given(st.integers(0, 2**32), st.integers(1, 4), st.booleans(), st.booleans())
def test_the_influence_equals_what_comes_of_leaving_each_distractor_out(
    seed, alphabets, mixed, rotated
):
    case = draw(seed, alphabets, mixed, rotated=rotated)
    found = by_character(trials_of(*case))
    assert found.totals == pytest.approx(definition(*case), abs=1e-12)
    assert np.bincount(found.groups, found.totals) == pytest.approx(0, abs=1e-12)
    assert found.n == found.sizes.sum() == case[1].size
    assert len(found.clusters) == len(np.unique(case[1]))


@fast
@hypothesis.given(st.integers(0, 2**32), st.integers(2, 4), st.integers(6, 8))
def test_the_mean_without_a_character_is_that_of_all_episodes_without_it(seed, ways, count):
    # Each error has one distractor to blame: a character is taken for at most one other.
    generator = np.random.default_rng(seed)
    taken = np.where(generator.random(count) < 0.5, generator.permutation(count), -1)
    classes = np.array(list(combinations(range(count), ways)))
    scores = np.zeros((len(classes), ways, ways)) + np.eye(ways)
    scores[taken[classes][:, :, None] == classes[:, None]] = 2
    scores[:, np.arange(ways), np.arange(ways)] = 1
    trials = trials_of(scores, classes, np.zeros(count, int))
    without = [
        trials["credit"].to_numpy().reshape(-1, ways)[(classes != one).all(axis=1)].mean()
        for one in range(count)
    ]
    assert by_character(trials).without == pytest.approx(without, abs=1e-12)


@pytest.mark.parametrize("alphabets", [1, 3])
def test_the_variance_is_that_of_leaving_characters_out_of_their_alphabets(alphabets):
    case = draw(5, alphabets, mixed=False, episodes=120)
    found = by_character(trials_of(*case))
    jackknife = noise = 0.0
    for group in range(alphabets):
        at = np.flatnonzero(found.groups == group)
        share = found.sizes[at] / found.sizes[at].sum()
        without = found.value - found.totals[at] / (1 - share)
        noises = 120 * found.parts[:, at].var(axis=0, ddof=1) / found.n**2 / (1 - share) ** 2
        jackknife += (len(at) - 1) / len(at) * np.sum((without - without.mean()) ** 2)
        noise += (len(at) - 1) / len(at) * noises.sum()
    expected = max(jackknife - noise, 0) + found.sampler_variance
    assert found.population_variance == pytest.approx(expected, rel=1e-9)


def test_batches_of_episodes_say_the_same_of_all_but_their_noise(monkeypatch):
    trials = trials_of(*draw(1, episodes=3000))
    whole = by_character(trials)
    monkeypatch.setattr(characters, "_CELLS", 8 * 200)
    batched = by_character(trials)
    assert (len(whole.parts), len(batched.parts)) == (3000, 200)
    assert batched.totals == pytest.approx(whole.totals, abs=1e-12)
    assert batched.sampler_variance == whole.sampler_variance
    assert batched.population_variance == pytest.approx(whole.population_variance, rel=0.05)


@fast
@hypothesis.given(st.integers(0, 2**32), st.integers(1, 3), st.booleans())
def test_neither_order_nor_names_nor_the_places_of_classes_matter(seed, alphabets, mixed):
    scores, classes, alphabet_of_class, _ = draw(seed, alphabets, mixed)
    one = by_character(trials_of(scores, classes, alphabet_of_class))
    generator = np.random.default_rng(seed)
    order, ways = generator.permutation(len(scores)), generator.permutation(4)
    names = generator.permutation(len(alphabet_of_class))
    renamed = np.zeros_like(alphabet_of_class)
    renamed[names] = 5 - alphabet_of_class
    moved = trials_of(scores[order][:, ways][..., ways], names[classes][order][:, ways], renamed)
    moved["episode"] = 7 + 3 * moved["episode"]
    other = by_character(moved.sample(frac=1, random_state=1))
    for name in ("value", "n", "population_variance", "sampler_variance", "freedom"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("alphabets", [1, 4, 5])
def test_below_five_alphabets_new_ones_are_characters(alphabets):
    trials = trials_of(*draw(1, alphabets))
    found = population_influence(trials)
    expected = by_character(trials) if alphabets < 5 else influence(trials)
    assert (found.what == "character") == (alphabets < 5)
    assert (found.totals == expected.totals).all()


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ({"each": 5}, "5 characters are too few, expected at least 6"),
        ({"each": 6, "episodes": 1}, "characters are too few"),
        ({"each": 1, "alphabets": 4}, "an alphabet has a single character"),
    ],
)
def test_where_characters_are_too_few_nothing_is_estimated(run_of, case, problem):
    drawn = [trials_of(*draw(1, **case)) for _ in range(2)]
    drawn[1]["credit"] = 1 - drawn[1]["credit"]
    one = estimate(drawn[0])
    assert (one.low, one.high, one.clusters) == (None, None, None)
    assert problem in one.method
    found = compare(*(run_of(trials, f"{i}") for i, trials in enumerate(drawn)))
    assert found.p_value is found.sign_flip is found.difference.low is found.detectable is None
    assert problem in found.difference.method


def test_one_episode_of_one_alphabet_has_no_interval():
    one = estimate(trials_of(*draw(1, ways=7, episodes=1)))
    assert (one.low, one.method) == (None, "none (1 episode is too few, expected at least 2)")


def test_images_that_are_used_once_tell_of_new_images_where_characters_are_too_few(run_of):
    trials = trials_of(*draw(1, each=4))
    run = run_of(trials, fields={"reuse": "once"})
    found = influence_of(run, run.trials)
    means = trials.groupby("episode")["credit"].mean()
    assert (found.what, found.mixed) == ("episode", False)
    assert found.population_variance == pytest.approx(means.var(ddof=1) / 30, rel=1e-9)
    assert influence_of(run_of(trials), trials).what == "character"
    enough = run_of(trials_of(*draw(1)), fields={"reuse": "once"})
    assert influence_of(enough, enough.trials).what == "character"


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_perfect_score_is_doubted_as_if_each_character_were_one_trial(score):
    trials = trials_of(*draw(1)).assign(credit=score, rank=3 - 2 * score)
    one, expected = estimate(trials), wilson(np.full(8, score))
    assert (one.low, one.high) == (expected.low, expected.high)
    assert (one.n, one.clusters, one.method) == (120, 8, "wilson by character of one alphabet")
    more = pd.concat([trials, trials.assign(episode=trials["episode"] + 30)])
    assert estimate(more).low == one.low


def test_scorers_of_one_alphabet_that_never_disagree_leave_the_doubt_of_its_characters(run_of):
    trials = trials_of(*draw(1))
    found = compare(run_of(trials, "one"), run_of(trials, "other"))
    assert found.difference.high == pytest.approx(1 - 0.025 ** (1 / 8))
    assert (found.difference.clusters, found.p_value) == (8, 1)


def test_more_episodes_of_the_same_characters_leave_the_interval(run_of):
    _, classes, alphabets, _ = draw(3, episodes=4000)
    of_image = np.random.default_rng(1).standard_normal((8, 8)) + 1.5 * np.eye(8)
    fixed = of_image[classes[:, :, None], classes[:, None]]
    trials = trials_of(fixed, classes, alphabets)
    few, many = (estimate(trials[trials["episode"] < count]) for count in (500, 4000))
    assert many.halfwidth == pytest.approx(few.halfwidth, rel=0.2)
    assert wilson(trials["credit"].to_numpy()).halfwidth < many.halfwidth / 10


def worlds(count, episodes, characters, ways=5, images=6):
    """Trials of two scorers that are equally good, over worlds of one alphabet each."""
    generator = np.random.default_rng(7)
    for _ in range(count):
        centre = generator.standard_normal((characters, 1, 8))
        place = centre + 0.5 * generator.standard_normal((characters, images, 8))
        classes = np.argsort(generator.random((episodes, characters)))[:, :ways]
        support = generator.integers(0, images, classes.shape)
        query = (support + generator.integers(1, images, classes.shape)) % images
        pair = []
        for seen in (slice(0, 6), slice(2, 8)):
            one, other = place[classes, query][..., seen], place[classes, support][..., seen]
            apart = ((one[:, :, None] - other[:, None]) ** 2).sum(axis=-1)
            pair.append(trials_of(-apart, classes, np.zeros(characters, int)))
        yield pair


@pytest.mark.slow
def test_over_new_characters_equal_scorers_are_told_apart_as_seldom_as_promised(run_of):
    told, naive, covered, values = [], [], [], []
    for pair in worlds(120, 300, 16):
        runs = [run_of(trials, f"{i}") for i, trials in enumerate(pair)]
        found = compare(*runs)
        told.append(found.p_value < 0.05)
        naive.append(found.mcnemar < 0.05)
        one = estimate(pair[0], find=lambda _, run=runs[0]: outcome(run).influence)
        covered.append((one.low, one.high))
        values.append(one.value)
    low, high = np.array(covered).T
    truth = np.mean(values)
    assert np.mean(told) <= 0.09
    assert np.mean(naive) > 0.2
    assert 0.88 < np.mean((low <= truth) & (truth <= high)) <= 1


def test_no_trials_have_no_influence():
    with pytest.raises(ResultError, match="no trials"):
        population_influence(trials_of(*draw(1)).iloc[:0])
