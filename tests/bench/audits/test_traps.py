from __future__ import annotations

import dataclasses

import methods
import numpy as np
import pytest
import traps
from traps import Pairs, Pixels
from wayshot import results, tasks
from wayshot.bench.audits import audit, audit_episodes
from wayshot.bench.audits.checks import CHECKS
from wayshot.bench.audits.fairness import DRAWING, PROMISES
from wayshot.bench.audits.subject import Subject
from wayshot.bench.errors import ScorerError
from wayshot.bench.evaluations.embeddings import EmbeddingCache, image_keys
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.latencies.questions import Questions
from wayshot.bench.latencies.scenarios import stream
from wayshot.bench.scorers import Asking, traits
from wayshot.results.statistics.latency_percentiles import percentiles
from wayshot.results.tables.marks import LEAKAGE, TRANSDUCTIVE, marks
from wayshot.tasks import SUFFIXES

# For every check a scorer that this check catches, and no other.
SCORERS = {
    "finite": traps.NotFinite,
    "determinism": traps.Dropout,
    "fresh instance": traps.Untrained,
    "company": traps.BatchPolarity,
    "batch size": traps.SmallBatches,
    "batch order": traps.FixedAugmentation,
    "other queries": traps.Assigning,
    "query order": traps.Fading,
    "other support": traps.Softmax,
    "support order": traps.FirstSupport,
    "class positions": traps.FirstClass,
    "other episodes": traps.OverEpisodes,
    "orientation": traps.Distance,
    "identity": traps.ByAddress,
    "input": traps.InPlace,
    "bytes": traps.Wrapping,
    "global state": traps.SeedReader,
    "memory": traps.Learner,
}

# What is allowed, and said.
NOTED = {
    "spread": traps.Constant,
    "symmetry": traps.Containment,
    "read-only input": traps.Writable,
    "pixels": methods.ForDarkInk,
    "training data": Pixels,
}

# For every check a sampler, and the protocol on which it shows.
SAMPLERS = {
    "shapes": (traps.FewerWays, "within-5w1s"),
    "classes": (traps.WithReplacement, "within-5w1s"),
    "images": (traps.OwnSupport, "within-5w1s"),
    "pictures": (traps.Copies, "within-5w1s"),
    "targets": (traps.WrongLabels, "within-5w1s"),
    "positions": (traps.OrderedQueries, "within-5w1s"),
    "alphabets": (traps.AllAlphabets, "within-5w1s"),
    "rotations": (traps.TurnedCopies, "within-5w1s"),
    "drawers": (traps.AnyDrawers, "within-5w1s-distinctdrawers"),
    "images used once": (traps.PutBack, "within-5w1s-once"),
    "small classes": (traps.LeavesOutMore, "within-5w1s-fitting"),
    "repeats": (traps.SameWorkers, "within-5w1s"),
    "seeds": (traps.IgnoresSeed, "within-5w1s"),
    "global state": (traps.ShuffledAtLoad, "between-5w1s"),
    "beginning": (traps.OneStream, "within-5w1s"),
}


def failed(found):
    return {one.check for one in found.checks if one.status == "failed"}


def noted(found):
    return {one.check for one in found.checks if one.status == "noted"}


def audited(make, short=False, elsewhere=None):
    """An audit of a new scorer, which can be made again."""
    scorer = make()
    known = traits(scorer, "x")
    return audit(scorer, known, short=short, remake=make, elsewhere=elsewhere)


def audited_second(monkeypatch):
    """An audit of a model, after that of another one with which it shares a memory."""
    monkeypatch.setattr(traps.SharedMemory, "known", {})
    audited(lambda: traps.SharedMemory(1))

    def elsewhere():
        with pytest.MonkeyPatch.context() as fresh:
            fresh.setattr(traps.SharedMemory, "known", {})
            return Subject(second := traps.SharedMemory(3), traits(second, "x")).reference

    return audited(lambda: traps.SharedMemory(3), elsewhere=elsewhere)


def drawn(source, kind, rest):
    base = source(rest)

    def make(seed):
        return kind(base.protocol, base.dataset, seed)

    return audit_episodes(make)


@pytest.fixture
def without(monkeypatch):
    """Takes a check away."""

    def take(checks, name):
        where = "wayshot.bench.audits.auditing." + ("CHECKS" if checks is CHECKS else "DRAWING")
        monkeypatch.setattr(where, {key: one for key, one in checks.items() if key != name})

    return take


def test_every_check_has_its_trap():
    assert {*SCORERS, *NOTED, "another process"} == set(CHECKS)
    assert {*SAMPLERS, "judging", "promises"} == set(DRAWING)


def test_every_suffix_has_a_check_of_what_it_promises():
    assert {suffix.field for suffix in SUFFIXES.values()} <= set(PROMISES)


def test_a_suffix_that_nothing_checks_is_told_of(source, without, monkeypatch):
    fewer = {field: check for field, check in PROMISES.items() if field != "drawers"}
    monkeypatch.setattr("wayshot.bench.audits.fairness.PROMISES", fewer)

    def drawn():
        return audit_episodes(lambda seed: source("within-5w1s-samedrawer", seed), episodes=64)

    (found,) = (one for one in drawn().checks if one.status == "failed")
    assert (found.check, "-samedrawer" in found.found) == ("promises", True)
    without(DRAWING, "promises")
    assert drawn().verdict == "passed"


@pytest.mark.parametrize("check", SCORERS)
def test_a_trap_is_caught_and_gets_through_without_its_check(check, without):
    found = audited(SCORERS[check])
    assert failed(found) == {check}
    assert found.verdict == "failed"
    (finding,) = (one for one in found.checks if one.check == check)
    assert finding.done and finding.found and finding.cause
    without(CHECKS, check)
    assert audited(SCORERS[check]).verdict == "passed"


def test_a_memory_that_models_share_gets_through_without_another_process(without, monkeypatch):
    assert failed(audited_second(monkeypatch)) == {"another process"}
    without(CHECKS, "another process")
    assert audited_second(monkeypatch).verdict == "passed"


@pytest.mark.parametrize("check", NOTED)
def test_what_is_allowed_is_noted_and_not_without_its_check(check, without):
    found = audited(NOTED[check])
    assert found.verdict == "passed" and check in noted(found)
    without(CHECKS, check)
    assert check not in noted(audited(NOTED[check]))


@pytest.mark.parametrize("check", SAMPLERS)
def test_a_sampler_is_caught_and_gets_through_without_its_check(check, source, without):
    found = drawn(source, *SAMPLERS[check])
    assert failed(found) == {check}
    without(DRAWING, check)
    assert drawn(source, *SAMPLERS[check]).verdict == "passed"


@pytest.mark.parametrize(
    "rest",
    [
        "within-2w1s",
        "between-7w2s-q3",
        "between-6w1s-rot",
        "within-4w2s-rotapart",
        "within-2to8w1s-q2",
        "between-5w1s-once",
        "within-5w1s-samedrawer",
        "within-5w2s-distinctdrawers",
        "within-8w1s-fitting",
        "between-5w2s-q4-fitting",
    ],
)
def test_the_samplers_of_this_project_pass(rest, source):
    assert failed(drawn(source, tasks.Sampler, rest)) == set()


@pytest.mark.parametrize("make", [Pixels, Pairs, traps.Classifier])
def test_scorers_without_a_bug_pass(make):
    assert failed(audited(make)) == set()
    assert failed(audited(make, short=True)) == set()


# The thirteen traps that were found in published code, by their numbers


def first_wins(scores, target):
    """Trap 1: `argmax` gives the first of the classes that are tied, here all of them."""
    return {"credit": (scores.argmax(axis=-1) == target).astype(float)}


def queries_for_classes(scores, target):
    """Trap 3: the best query of each class, in place of the best class of each query."""
    ways = scores.shape[-1]
    each = scores.reshape(-1, ways, ways)
    best = np.take_along_axis(each.argmax(axis=1), target.reshape(-1, ways).astype(int), axis=1)
    return {"credit": (best == np.arange(ways)).ravel().astype(float)}


@pytest.mark.parametrize("judge", [first_wins, queries_for_classes])
def test_a_judge_that_is_wrong_is_caught(judge, source, monkeypatch, without):
    monkeypatch.setattr("wayshot.bench.audits.fairness.judge", judge)
    assert failed(drawn(source, tasks.Sampler, "within-5w1s")) == {"judging"}
    without(DRAWING, "judging")
    assert drawn(source, tasks.Sampler, "within-5w1s").verdict == "passed"


def test_1_the_true_class_at_a_fixed_place_is_caught(source):
    assert failed(drawn(source, traps.TrueClassFirst, "within-5w1s")) == {"positions"}
    assert {"class positions"} <= failed(audited(traps.AlwaysFirst))


def test_1_a_scorer_without_numbers_is_refused(source, tmp_path):
    with pytest.raises(ScorerError, match="NaN or infinity"):
        evaluate(traps.NotFinite(), source(), episodes=5, root=tmp_path)


@pytest.mark.parametrize("kind", [traps.OwnSupport, traps.WithReplacement])
def test_2_queries_among_the_support_and_classes_that_repeat_are_caught(kind, source):
    assert drawn(source, kind, "within-5w1s").verdict == "failed"


def test_3_queries_taken_for_classes_are_caught():
    with pytest.raises(ScorerError, match=r"score gave shape \(16, 1\), expected \(1, 16\)"):
        audited(traps.Transposed)
    assert audited(traps.QueriesForClasses).transductive


def test_4_characters_that_it_was_trained_on_are_marked(source, tmp_path):
    episodes = source()
    names = episodes.dataset.characters["alphabet"] + "/" + episodes.dataset.characters["character"]

    class Leaking(Pixels):
        trained_on = tuple(names[:5])

    assert marks(evaluate(Leaking(), episodes, episodes=20, root=tmp_path)) == (LEAKAGE,)


def test_5_classes_shuffled_by_a_global_generator_are_caught(source):
    assert failed(drawn(source, traps.ShuffledAtLoad, "between-5w1s")) == {"global state"}


@pytest.mark.parametrize(
    "make",
    [traps.Wrapping, traps.WrappingEmbeddings, traps.ByteCount, traps.ScaledBytes],
)
def test_6_bytes_that_wrap_are_caught(make):
    assert "bytes" in failed(audited(make))


def test_7_one_library_seeded_and_another_drawn_from_is_caught():
    assert {"determinism", "global state"} <= failed(audited(traps.OtherSeed))


def test_8_batch_normalisation_in_training_mode_is_caught():
    for short in (False, True):
        found = audited(traps.BatchNormalised, short)
        (finding,) = (one for one in found.checks if one.check == "company")
        assert finding.status == "failed" and finding.amount > 0.01
        assert "queries get another answer" in finding.found
        assert "batch normalisation in training mode" in finding.cause
    assert "batch size" in failed(audited(traps.BatchNormalised))


def test_9_the_order_of_queries_taken_for_that_of_classes_is_caught(source):
    assert failed(drawn(source, traps.OrderedQueries, "within-5w1s")) == {"positions"}
    assert "query order" in failed(audited(traps.SameOrder))


def mixes_models_up(kind, source, root):
    """Whether a cache gives one scorer what another has embedded."""
    images = source().dataset.images
    keys = image_keys(images, np.arange(20))
    known = [traits(make(), "x") for make in (Pixels, traps.Untrained)]
    kind(known[0], root).put(keys, np.zeros((20, 3), np.float32))
    found, _ = kind(known[1], root).get(keys)
    again, _ = kind(known[0], root).get(keys)
    assert again.all()
    return bool(found.any())


class ForgetsModel(EmbeddingCache):
    """Is keyed by the images alone."""

    def __init__(self, known, root=None):
        super().__init__(traits(Pixels(), "x"), root)


def test_10_a_cache_that_mixes_models_up_is_caught(source, tmp_path, monkeypatch):
    assert mixes_models_up(ForgetsModel, source, tmp_path / "bug")
    assert not mixes_models_up(EmbeddingCache, source, tmp_path / "here")
    assert failed(audited_second(monkeypatch)) == {"another process"}


def test_11_a_seed_that_is_ignored_is_caught(source):
    assert failed(drawn(source, traps.IgnoresSeed, "within-5w1s")) == {"seeds"}


def tells_slow_queries(timed, questions, monkeypatch):
    """Whether the percentiles of a scorer that is slow at every tenth query tell so."""
    now = [0]
    for module in ("questions", "scenarios"):
        monkeypatch.setattr(f"wayshot.bench.latencies.{module}.clock", lambda: now[0])

    def ask(row):
        now[0] += 100_000_000 if row % 10 == 9 else 1_000_000
        return np.zeros(questions.ways), 0, 0

    found = timed(ask, Asking(Pixels(), traits(Pixels(), "x")), questions, 1000, 1e-9)
    shares = percentiles(found.latency, found.total / 1e9)
    return shares["p50"]["ms"] == 1 and shares["p99"]["ms"] == 100


def averaged(*arguments):
    """The total by the number of queries, for each of them."""
    found = stream(*arguments)
    each = found.total // len(found.latency)
    return dataclasses.replace(found, latency=np.full_like(found.latency, each))


def test_12_percentiles_of_a_mean_are_caught(source, monkeypatch):
    questions = Questions.of(source(), 30)
    assert not tells_slow_queries(averaged, questions, monkeypatch)
    assert tells_slow_queries(stream, questions, monkeypatch)


def test_13_workers_that_draw_the_same_episodes_are_caught(source):
    found = drawn(source, traps.SameWorkers, "within-5w1s")
    (finding,) = (one for one in found.checks if one.check == "repeats")
    assert finding.status == "failed" and finding.amount >= 2048


def test_labels_taken_to_be_sorted_are_caught():
    assert "support order" in failed(audited(traps.SortedLabels))


def test_memory_read_without_strides_is_caught():
    assert failed(audited(traps.MemoryOrder)) == {"identity"}


def test_a_global_generator_that_is_seeded_is_noted():
    found = audited(traps.Reseeding)
    assert found.verdict == "passed" and "global state" in noted(found)


def test_a_constant_scorer_passes_and_gets_exactly_chance(source, tmp_path):
    assert audited(traps.Constant).verdict == "passed"
    trials = evaluate(traps.Constant(), source(), episodes=20, root=tmp_path).trials
    assert set(trials["credit"]) == {1 / 5}


def test_a_transductive_classifier_passes_and_is_marked(source, tmp_path):
    found = audited(traps.QueriesForClasses, short=True)
    assert (found.verdict, found.transductive) == ("passed", True)
    run = evaluate(traps.QueriesForClasses(), source(), episodes=5, root=tmp_path)
    assert marks(results.annotate(run, audit=found.as_json())) == (TRANSDUCTIVE,)
    assert not audited(traps.Classifier, short=True).transductive
