import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import special, stats
from wayshot.results import ResultError
from wayshot.results.statistics.verification import Curve, pairs, roc, verify

fast = hypothesis.settings(max_examples=80, deadline=None, database=None, derandomize=True)

METRICS = ["auc", "eer", "tar@far=1%", "tar@far=0.1%", "accuracy"]


def near(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def rates_definition(score, same, weight):
    """Shares of accepted pairs at every threshold, each counted anew."""
    far, tar = [0.0], [0.0]
    for threshold in sorted(set(score.tolist()), reverse=True):
        accepted = score >= threshold
        far.append(weight[accepted & ~same].sum() / weight[~same].sum())
        tar.append(weight[accepted & same].sum() / weight[same].sum())
    return far, tar


def auc_definition(score, same, weight):
    """How often a same pair scores above a different one (Mann and Whitney 1947)."""
    total = 0.0
    for i in np.flatnonzero(same):
        for j in np.flatnonzero(~same):
            wins = float(score[i] > score[j]) + 0.5 * float(score[i] == score[j])
            total += weight[i] * weight[j] * wins
    return total / weight[same].sum() / weight[~same].sum()


def eer_definition(far, tar):
    """Where the line between two points meets far = 1 - tar, tried for all of them."""
    found = []
    for x0, y0, x1, y1 in zip(far, tar, far[1:], tar[1:], strict=False):
        across, up = x1 - x0, y1 - y0
        if across + up > 0 and -1e-12 <= (part := (1 - x0 - y0) / (across + up)) <= 1 + 1e-12:
            found.append(x0 + part * across)
    assert max(found) - min(found) < 1e-9
    return found[0]


def metrics_definition(score, same, weight=None):
    weight = np.ones(len(score)) if weight is None else weight
    far, tar = rates_definition(score, same, weight)
    points = list(zip(far, tar, strict=True))
    return {
        "auc": auc_definition(score, same, weight),
        "eer": eer_definition(far, tar),
        "tar@far=1%": max(y for x, y in points if x <= 0.01),
        "tar@far=0.1%": max(y for x, y in points if x <= 0.001),
        "accuracy": max((y + 1 - x) / 2 for x, y in points),
    }


def metrics_of(curve):
    figures = curve.auc, curve.eer, curve.tar_at(0.01), curve.tar_at(0.001), curve.best_accuracy
    return dict(zip(METRICS, figures, strict=True))


def verify_definition(scores, target, cluster, level, classes=None):
    """Every metric anew without each alphabet; its value, low and high."""

    def measured(left_out=None):
        score, same = [], []
        for trial, truth in enumerate(target):
            for way, one in enumerate(scores[trial]):
                other = cluster[trial] if classes is None else classes[trial, way]
                if one > -np.inf and left_out not in (cluster[trial], other):
                    score.append(one)
                    same.append(way == truth)
        return metrics_definition(np.array(score), np.array(same))

    values, groups = measured(), len(set(cluster.tolist()))
    without = [measured(one) for one in set(cluster.tolist())]
    found = {}
    for name, value in values.items():
        squares = sum((one[name] - value) ** 2 for one in without)
        half = stats.t(groups - 1).isf((1 - level) / 2) * (squares * (groups - 1) / groups) ** 0.5
        found[name] = value, value, value
        if 0 < value < 1:
            odds, half = special.logit(value), half / value / (1 - value)
            found[name] = value, special.expit(odds - half), special.expit(odds + half)
    return found


@st.composite
def samples(draw, most=60):
    """Scored pairs of both kinds, many of them tied; of either type of floats."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(2, most))
    same = generator.permutation(np.r_[True, False, generator.random(count - 2) < 0.3])
    score = generator.normal(size=count) + draw(st.sampled_from([-1, 0, 1, 5])) * same
    score = np.round(score, draw(st.sampled_from([0, 1, 9])))
    return score.astype(draw(st.sampled_from([np.float32, np.float64]))), same


@st.composite
def trials(draw):
    """Scores, targets and alphabets of unequal size; some episodes lack a class."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups, ways = draw(st.integers(2, 5)), draw(st.integers(3, 6))
    more = generator.integers(0, groups, draw(st.integers(0, 12)))
    cluster = generator.permutation(np.r_[np.arange(groups), more])
    target = generator.integers(0, ways, len(cluster))
    scores = generator.normal(size=(len(cluster), ways)) + generator.normal(size=groups)[
        cluster
    ].reshape(-1, 1)
    scores[np.arange(len(cluster)), target] += draw(st.sampled_from([0, 1, 3]))
    scores = np.round(scores, draw(st.sampled_from([0, 1, 9])))
    absent = np.flatnonzero(generator.random(len(cluster)) < 0.3)
    scores[absent, (target[absent] + 1) % ways] = -np.inf
    return scores, target, cluster


def numbers(found):
    return np.array([(one.value, one.low, one.high) for one in found.values()])


def same_numbers(found):
    # Where nearly no alphabet moves a metric, the square root makes 1e-8 of 1e-16.
    return pytest.approx(numbers(found), rel=1e-9, abs=1e-7)


def test_a_trial_gives_a_same_pair_and_a_different_pair_for_each_other_class_it_has():
    scores = np.array([[0.5, 2.0, -np.inf], [3.0, 1.0, 4.0]], np.float32)
    score, same, trial = pairs(scores, np.array([1, 0]))
    assert score.tolist() == [0.5, 2.0, 3.0, 1.0, 4.0]
    assert same.tolist() == [False, True, True, False, False]
    assert trial.tolist() == [0, 0, 1, 1, 1]
    assert (score.dtype, same.dtype, trial.dtype) == (np.float32, bool, np.int64)


@fast
@hypothesis.given(trials())
def test_pairs_of_joined_trials_are_the_joined_pairs(sample):
    scores, target, _ = sample
    score, same, trial = pairs(scores, target)
    first, second = pairs(scores[:1], target[:1]), pairs(scores[1:], target[1:])
    assert score.tolist() == [*first[0], *second[0]]
    assert same.tolist() == [*first[1], *second[1]]
    assert trial.tolist() == [*first[2], *(second[2] + 1)]


@fast
@hypothesis.given(trials())
def test_pairs_do_not_touch_the_scores(sample):
    scores, target, _ = sample
    before = scores.copy()
    pairs(scores, target)[0][:] = 7
    assert np.array_equal(scores, before)


def test_scores_that_are_whole_numbers_are_taken():
    score, same, _ = pairs(np.array([[3, 1], [2, 2]]), np.array([0, 1]))
    assert roc(score, same).auc == 0.875


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ResultError, match=r"^a score is NaN or infinite, expected finite numbers$"):
        pairs(np.array([[1.0, wrong]]), np.array([0]))


def test_a_true_class_that_an_episode_does_not_have_is_refused():
    with pytest.raises(
        ResultError, match=r"^the score of a true class is minus infinity, expected"
    ):
        pairs(np.array([[-np.inf, 1.0]]), np.array([0]))


@pytest.mark.parametrize("wrong", [-1, 2])
def test_a_target_that_is_no_way_is_refused(wrong):
    with pytest.raises(ResultError, match=r"^a target is not a way of its trial, expected 0 to 1$"):
        pairs(np.zeros((2, 2)), np.array([0, wrong]))


def test_targets_of_other_trials_are_refused_with_both_shapes():
    with pytest.raises(ResultError, match=r"\(3, 2\) and targets of shape \(2,\), .*; give a row"):
        pairs(np.zeros((3, 2)), np.array([0, 1]))


def test_the_curve_goes_from_nothing_to_everything_a_step_a_score():
    curve = roc(np.array([1.0, 3.0, 2.0, 2.0, 1.0]), np.array([False, True, True, False, False]))
    assert curve.thresholds.tolist() == [np.inf, 3, 2, 1]
    assert curve.far.tolist() == [0, 0, 1 / 3, 1]
    assert curve.tar.tolist() == [0, 0.5, 1, 1]


@fast
@hypothesis.given(samples())
def test_rates_equal_the_counts_at_every_threshold(sample):
    score, same = sample
    curve = roc(score, same)
    assert (curve.far.tolist(), curve.tar.tolist()) == rates_definition(
        score, same, np.ones(len(score))
    )
    assert curve.thresholds[1:].tolist() == sorted(set(score.tolist()), reverse=True)


@fast
@hypothesis.given(samples())
def test_metrics_equal_their_definitions(sample):
    assert metrics_of(roc(*sample)) == near(metrics_definition(*sample))


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_weighted_metrics_equal_their_definitions(sample, seed):
    weight = np.random.default_rng(seed).uniform(0.1, 3, len(sample[0]))
    assert metrics_of(roc(*sample, weight)) == near(metrics_definition(*sample, weight))


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_a_weight_counts_a_pair_so_many_times(sample, seed):
    score, same = sample
    weight = np.random.default_rng(seed).integers(0, 4, len(score))
    hypothesis.assume(weight[same].any() and weight[~same].any())
    repeated = roc(np.repeat(score, weight), np.repeat(same, weight))
    assert metrics_of(roc(score, same, weight)) == near(metrics_of(repeated))


@fast
@hypothesis.given(samples())
def test_metrics_equal_those_of_scikit_learn(sample):
    metrics = pytest.importorskip("sklearn.metrics")
    score, same = sample
    curve = roc(score, same)
    far, tar, thresholds = metrics.roc_curve(same, score, drop_intermediate=False)
    assert (curve.far, curve.tar) == (near(far), near(tar))
    assert curve.thresholds[1:].tolist() == thresholds[1:].tolist()
    assert curve.auc == near(metrics.roc_auc_score(same, score))


@fast
@hypothesis.given(samples())
def test_the_area_equals_scipys_mann_whitney_statistic(sample):
    score, same = sample
    statistic = stats.mannwhitneyu(score[same], score[~same]).statistic
    assert roc(score, same).auc == near(statistic / same.sum() / (~same).sum())


@fast
@hypothesis.given(samples(), st.integers(0, 2**32))
def test_a_curve_depends_neither_on_the_order_of_pairs_nor_on_the_scale_of_scores(sample, seed):
    score, same = sample
    order = np.random.default_rng(seed).permutation(len(score))
    curve, other = roc(score, same), roc(np.cbrt(score[order].astype(np.float64)), same[order])
    assert other.far.tolist() == curve.far.tolist()
    assert other.tar.tolist() == curve.tar.tolist()


@fast
@hypothesis.given(samples())
def test_scores_turned_around_mirror_the_curve(sample):
    score, same = sample
    curve, other = roc(score, same), roc(-score, same)
    assert other.auc == near(1 - curve.auc)
    assert other.eer == near(1 - curve.eer)


@fast
@hypothesis.given(samples())
def test_metrics_are_shares(sample):
    found = metrics_of(roc(*sample))
    assert all(0 <= one <= 1 for one in found.values())
    assert found["tar@far=0.1%"] <= found["tar@far=1%"]
    assert found["accuracy"] >= 0.5
    assert found["accuracy"] >= 1 - found["eer"] - 1e-12


def test_a_perfect_scorer_makes_no_errors():
    found = metrics_of(roc(np.array([3.0, 2.0, 1.0, 0.0]), np.array([1, 1, 0, 0])))
    assert found == {"auc": 1, "eer": 0, "tar@far=1%": 1, "tar@far=0.1%": 1, "accuracy": 1}


def test_a_constant_scorer_is_at_chance():
    found = metrics_of(roc(np.ones(5), np.array([True, False, False, True, False])))
    assert found == {"auc": 0.5, "eer": 0.5, "tar@far=1%": 0, "tar@far=0.1%": 0, "accuracy": 0.5}


def test_the_equal_error_rate_is_interpolated_along_the_curve():
    curve = Curve(np.array([np.inf, 2, 1]), np.array([0, 0.2, 1]), np.array([0, 0.6, 1]))
    # From (0.2, 0.6) on the way to (1, 1), a sixth of it ahead.
    assert curve.eer == pytest.approx(0.2 + 0.8 / 6, rel=1e-14)


def test_the_true_accept_rate_at_a_false_one_is_not_interpolated():
    curve = Curve(np.array([np.inf, 2, 1]), np.array([0, 0.2, 1]), np.array([0.0, 0.6, 1]))
    assert [curve.tar_at(far) for far in (0, 0.19, 0.2, 0.99, 1)] == [0, 0, 0.6, 0.6, 1]


def test_one_false_accept_of_a_hundred_is_one_percent_whatever_the_weights():
    score, same = np.r_[2.0, 1.0, np.zeros(99)], np.r_[False, True, np.zeros(99, bool)]
    for weight in (None, np.full(101, 0.1), np.full(101, 1 / 3), np.full(101, 1e-9)):
        assert roc(score, same, weight).tar_at(0.01) == 1
        assert roc(score, same, weight).tar_at(0.0099) == 0


def test_weights_that_balance_the_kinds_change_no_rate():
    generator = np.random.default_rng(0)
    score, same = generator.normal(size=500), generator.random(500) < 0.05
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    assert metrics_of(roc(score, same, weight)) == near(metrics_of(roc(score, same)))


def test_light_weights_are_summed_in_double_precision():
    same = np.arange(200_000) % 2 == 0
    score, weight = np.arange(200_000) % 1000, np.full(200_000, 0.1, np.float32)
    assert roc(score, same, weight).auc == pytest.approx(roc(score, same).auc, rel=1e-12)


@pytest.mark.parametrize("far", [-0.01, 1.01, np.nan])
def test_an_impossible_rate_is_refused(far):
    curve = roc(np.array([1.0, 0.0]), np.array([True, False]))
    with pytest.raises(ResultError, match="is impossible, expected from 0 to 1"):
        curve.tar_at(far)


@pytest.mark.parametrize(
    ("same", "missing"), [([True] * 3, "different"), ([False] * 3, "same"), ([], "different")]
)
def test_pairs_of_one_kind_alone_are_refused(same, missing):
    with pytest.raises(ResultError, match=f"^no {missing} pairs, expected same and different"):
        roc(np.arange(float(len(same))), np.array(same, bool))


def test_pairs_without_weight_are_none():
    with pytest.raises(ResultError, match=r"^no same pairs"):
        roc(np.array([1.0, 2.0]), np.array([True, False]), np.array([0, 1]))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_pairs_with_scores_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ResultError, match=r"^a score is NaN or infinite, expected finite numbers$"):
        roc(np.array([1.0, wrong]), np.array([True, False]))


@pytest.mark.parametrize(
    ("weight", "problem"),
    [
        ([1.0], r"^weights of shape \(1,\), expected \(2,\), one for each pair$"),
        ([1.0, -1.0], "^a weight is negative or not finite, expected 0 or more$"),
        ([1.0, np.nan], "^a weight is negative or not finite"),
        ([1.0, np.inf], "^a weight is negative or not finite"),
    ],
)
def test_impossible_weights_are_refused(weight, problem):
    with pytest.raises(ResultError, match=problem):
        roc(np.array([1.0, 0.0]), np.array([True, False]), np.array(weight))


@fast
@hypothesis.given(trials(), st.sampled_from([0.8, 0.95]))
def test_verification_equals_the_jackknife_that_measures_all_anew(sample, level):
    found = verify(*sample, level)
    expected = verify_definition(*sample, level)
    assert list(found) == list(expected) == METRICS
    for name, one in found.items():
        assert one.value == near(expected[name][0])
        assert (one.low, one.high) == pytest.approx(expected[name][1:], rel=1e-9, abs=1e-7)


@fast
@hypothesis.given(trials(), st.integers(0, 2**32))
def test_between_alphabets_one_is_left_out_as_query_and_as_class(sample, seed):
    scores, target, cluster = sample
    classes = np.random.default_rng(seed).integers(-1, cluster.max() + 1, scores.shape)
    np.put_along_axis(classes, target[:, None], cluster[:, None], axis=1)
    different = (scores > -np.inf) & (np.arange(scores.shape[1]) != target[:, None])
    for one in range(cluster.max() + 1):
        left = (cluster != one)[:, None] & (classes != one) & different
        hypothesis.assume(left.any())
    expected = verify_definition(scores, target, cluster, 0.95, classes)
    for name, one in verify(scores, target, cluster, classes=classes).items():
        assert (one.low, one.high) == pytest.approx(expected[name][1:], rel=1e-9, abs=1e-7)


def test_without_pairs_beside_those_of_one_alphabet_others_cannot_be_told_of():
    scores, target, cluster = np.eye(2), np.arange(2), np.arange(2)
    with pytest.raises(ResultError, match=r"^no different pairs"):
        verify(scores, target, cluster, classes=np.array([[0, 1], [0, 1]]))


def test_alphabets_of_as_many_classes_as_there_are_scores_are_asked_for():
    with pytest.raises(ResultError, match=r"^alphabets of classes of shape \(2, 3\), expected \("):
        verify(np.zeros((2, 2)), np.zeros(2, int), np.arange(2), classes=np.zeros((2, 3), int))


@fast
@hypothesis.given(trials())
def test_estimates_hold_their_value_and_stay_between_0_and_1(sample):
    scores, target, cluster = sample
    for one in verify(scores, target, cluster).values():
        assert 0 <= one.low <= one.value <= one.high <= 1
        assert (one.n, one.clusters, one.level) == (len(target), len(set(cluster.tolist())), 0.95)
        flat = one.low == one.high
        assert one.method.startswith("no spread" if flat else "jackknife by alphabet")


@fast
@hypothesis.given(trials(), st.integers(0, 2**32))
def test_estimates_depend_neither_on_the_order_of_trials_nor_on_alphabets_names(sample, seed):
    scores, target, cluster = sample
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(target))
    labels = generator.permutation(cluster.max() + 1)
    other = verify(scores[order], target[order], labels[cluster][order])
    assert numbers(other) == same_numbers(verify(*sample))


@fast
@hypothesis.given(trials(), st.integers(0, 2**32))
def test_estimates_do_not_depend_on_the_order_of_classes(sample, seed):
    scores, target, cluster = sample
    generator = np.random.default_rng(seed)
    order = np.array([generator.permutation(scores.shape[1]) for _ in target])
    moved = np.take_along_axis(scores, order, axis=1)
    found = verify(moved, (order == target[:, None]).argmax(axis=1), cluster)
    assert numbers(found).tolist() == numbers(verify(*sample)).tolist()


@fast
@hypothesis.given(trials())
def test_estimates_do_not_depend_on_the_scale_of_scores(sample):
    scores, target, cluster = sample
    found = verify(np.cbrt(scores) * 7 - 1, target, cluster)
    assert numbers(found).tolist() == numbers(verify(*sample)).tolist()


@fast
@hypothesis.given(trials())
def test_classes_that_no_episode_has_change_nothing(sample):
    scores, target, cluster = sample
    wider = np.pad(scores, ((0, 0), (0, 2)), constant_values=-np.inf)
    assert verify(wider, target, cluster) == verify(*sample)


def test_alphabets_that_do_not_occur_are_no_clusters():
    generator = np.random.default_rng(0)
    scores, target = generator.normal(size=(20, 4)), generator.integers(0, 4, 20)
    cluster = np.arange(20) % 4
    assert verify(scores, target, 3 * cluster) == verify(scores, target, cluster)


def test_alphabets_that_are_all_alike_leave_no_width():
    one = np.random.default_rng(1).normal(size=(10, 5))
    found = verify(np.tile(one, (6, 1)), np.zeros(60, int), np.repeat(np.arange(6), 10))
    for estimate in found.values():
        assert (estimate.low, estimate.high) == pytest.approx((estimate.value,) * 2, abs=1e-12)


@pytest.mark.slow
def test_intervals_cover_new_alphabets_where_those_over_trials_do_not():
    generator = np.random.default_rng(0)
    repeats, alphabets, each, ways = 300, 10, 12, 5
    cluster = np.repeat(np.arange(alphabets), each)
    # A same pair's lead over a different one has the variance of both scores and of the alphabet.
    truth = stats.norm.cdf(1 / (2 + 0.8**2) ** 0.5)
    covered = {"alphabets": 0, "trials": 0}
    for _ in range(repeats):
        scores = generator.normal(size=(len(cluster), ways))
        scores[:, 0] += 1 + 0.8 * generator.normal(size=alphabets)[cluster]
        target = np.zeros(len(cluster), int)
        by_alphabet = verify(scores, target, cluster)["auc"]
        by_trial = verify(scores, target, np.arange(len(cluster)))["auc"]
        covered["alphabets"] += by_alphabet.low <= truth <= by_alphabet.high
        covered["trials"] += by_trial.low <= truth <= by_trial.high
    assert 0.92 < covered["alphabets"] / repeats < 0.98
    assert covered["trials"] / repeats < 0.75


@pytest.mark.parametrize("trials", [0, 4])
def test_fewer_than_two_alphabets_are_refused(trials):
    with pytest.raises(ResultError, match=r"^trials of [01] alphabets, expected two .*; verify on"):
        verify(np.zeros((trials, 3)), np.zeros(trials, int), np.zeros(trials, int))


@pytest.mark.parametrize("level", [0, 1, 95])
def test_an_impossible_level_is_refused(level):
    with pytest.raises(ResultError, match=r"^level .* is impossible, expected between 0 and 1"):
        verify(np.zeros((2, 2)), np.array([0, 1]), np.array([0, 1]), level)


def test_alphabets_of_other_trials_are_refused():
    with pytest.raises(ResultError, match=r"^alphabets of shape \(3,\), expected \(2,\)"):
        verify(np.zeros((2, 2)), np.array([0, 1]), np.array([0, 1, 1]))


def test_an_alphabet_that_alone_has_different_pairs_is_refused():
    scores = np.array([[1.0, 0.0], [1.0, -np.inf]])
    with pytest.raises(ResultError, match=r"^no different pairs, expected .*; add trials$"):
        verify(scores, np.array([0, 0]), np.array([0, 1]))
