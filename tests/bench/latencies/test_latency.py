from __future__ import annotations

import json

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info
from wayshot.bench import ScorerError, evaluate, traits
from wayshot.bench.latencies.latency import measure
from wayshot.bench.latencies.questions import Questions, cold, embedded_support, ready
from wayshot.bench.latencies.scenarios import LONGEST, stream
from wayshot.bench.machine import describe_machine, limited
from wayshot.bench.scorers import Asking


class Prototypes:
    """Level 1: squared distances to the means of embeddings."""

    pooling = "prototype"
    smaller_is_closer = True

    def embed(self, images):
        return images[:, :104, :104].reshape(-1, 8, 13, 8, 13).sum(axis=(2, 4)).reshape(-1, 64) / 9

    def compare(self, query, support):
        apart = query[..., :, None, :] - support[..., None, :, :]
        return np.square(apart).sum(axis=-1)


class Nearest(Prototypes):
    """Level 1, whose best shot counts."""

    pooling = "max"


class Pairs:
    """Level 2: the same distances."""

    smaller_is_closer = True

    def score(self, query_images, support_images):
        inner = Prototypes()
        return inner.compare(inner.embed(query_images), inner.embed(support_images))


class Classifier:
    """Level 3: the same prototypes."""

    def classify(self, support_images, support_labels, query_images):
        inner = Prototypes()
        support = inner.embed(support_images)
        means = [support[support_labels == way].mean(axis=0) for way in np.unique(support_labels)]
        return -inner.compare(inner.embed(query_images), np.stack(means))


class Clock:
    """A clock that scorers turn."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in ("questions", "scenarios"):
        monkeypatch.setattr(f"wayshot.bench.latencies.{module}.clock", made)
    return made


class Timed(Prototypes):
    """Takes as long as it is told, in turn, in nanoseconds."""

    def __init__(self, clock, embedding, comparison):
        self.clock, self.embedding, self.comparison = clock, embedding, comparison
        self.asked = 0

    def embed(self, images):
        self.clock.now += self.embedding[self.asked % len(self.embedding)]
        return super().embed(images)

    def compare(self, query, support):
        self.clock.now += self.comparison[self.asked % len(self.comparison)]
        self.asked += 1
        return super().compare(query, support)


def asking(scorer, questions, mode="ready"):
    """A scorer to be asked, and how it is."""
    known = Asking(scorer, traits(scorer, "scorer"))
    if mode == "cold":
        return known, cold(known, questions)
    support = embedded_support(known, questions)
    return known, ready(known, questions, support)


@pytest.mark.parametrize("rest", ["within-5w1s", "within-4w3s-q2"])
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        (Prototypes, "ready"),
        (Prototypes, "cold"),
        (Nearest, "ready"),
        (Nearest, "cold"),
        (Pairs, "cold"),
        (Classifier, "cold"),
    ],
)
def test_the_answers_are_those_of_an_evaluation(source, tmp_path, rest, kind, mode):
    episodes = source(rest)
    scorer = kind()
    trials = evaluate(scorer, episodes, episodes=20, root=tmp_path).trials
    questions = Questions.of(episodes, len(trials))
    _, ask = asking(scorer, questions, mode)
    scores = np.stack([ask(row)[0] for row in range(len(questions))])
    assert scores.argmax(axis=1).tolist() == trials["predicted"].tolist()
    ordered = np.sort(scores, axis=1)
    right = (trials["predicted"] == trials["target"]).to_numpy()
    margin = ordered[right, -1] - ordered[right, -2]
    np.testing.assert_allclose(margin, trials["margin"][right], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("mode", ["ready", "cold"])
def test_no_image_is_asked_about_twice_and_all_are_put_back(source, mode):
    questions = Questions.of(source(), 30)
    before = questions.query.copy(), questions.images[:, 1:].copy()
    seen = []

    class Watching(Prototypes):
        def embed(self, images):
            seen.extend(image.tobytes() for image in images)
            return super().embed(images)

    known, ask = asking(Watching(), questions, mode)
    seen.clear()
    stream(ask, known, questions, 200, 1e-9)
    assert len(set(seen)) == len(seen) == 200 * (6 if mode == "cold" else 1)
    np.testing.assert_array_equal(questions.query, before[0])
    np.testing.assert_array_equal(questions.images[:, 1:], before[1])


def test_a_varying_number_of_ways_is_refused(source):
    with pytest.raises(ScorerError, match="choose a protocol with a fixed number of ways"):
        Questions.of(source("within-3to5w1s"))


def test_every_query_is_timed_by_itself(source, clock):
    """What each took, and not their mean."""
    scorer = Timed(clock, embedding=(5_000, 90_000, 1_000), comparison=(10, 20, 30))
    known, ask = asking(scorer, questions := Questions.of(source(), 30))
    scorer.asked = 0
    found = stream(ask, known, questions, 7, 1e-9)
    assert found.embedding.tolist() == [5_000, 90_000, 1_000] * 2 + [5_000]
    assert found.comparison.tolist() == [10, 20, 30] * 2 + [10]
    assert found.latency.tolist() == (found.embedding + found.comparison).tolist()
    assert found.total == found.latency.sum()


@pytest.mark.parametrize(
    ("queries", "seconds", "asked"),
    [(10, 2.0, 10), (10, 20.0, 20), (1000, 2.0, LONGEST), (1000, 2 * LONGEST, 2 * LONGEST)],
)
def test_a_stream_ends_with_enough_queries_in_enough_time_or_when_it_is_too_long(
    source, clock, queries, seconds, asked
):
    scorer = Timed(clock, embedding=(999_999_000,), comparison=(1_000,))
    known, ask = asking(scorer, questions := Questions.of(source(), 30))
    ticks = []
    found = stream(ask, known, questions, queries, seconds, ticks.append)
    assert len(found.latency) == asked
    assert sum(ticks) == 100 and len(ticks) <= 100


@pytest.mark.parametrize(("kind", "images"), [(Prototypes, 6), (Pairs, None), (Classifier, None)])
def test_a_record_says_what_there_is(source, kind, images):
    scorer = kind()
    known = traits(scorer, "scorer")
    ticks = {}

    def progress(total, title):
        ticks[title] = -total
        return lambda done: ticks.update({title: ticks[title] + done})

    record = measure(scorer, known, source(), queries=40, seconds=0.02, progress=progress)
    json.dumps(record, allow_nan=False)
    streams = record["single_stream"]
    assert record["mode"] == ("ready" if known.level == 1 else "cold")
    assert record["p50_ms"] == streams[record["mode"]]["percentiles"]["p50"]["ms"]
    assert streams["cold"]["queries"] >= 40 and not streams["cold"]["valid"]
    mean = streams["cold"]["mean_ms"]
    spent = streams["cold"]["queries"] * sum(one or 0 for one in mean.values()) / 1e3
    assert spent == pytest.approx(streams["cold"]["seconds"])
    assert (mean["embedding"] is None) == (images is None)
    assert (record["offline"]["images_per_second"] is None) == (images is None)
    assert record["offline"]["queries_per_second"] > 0
    assert record["threads"] >= 1 and record["harness_us"] > 0
    if known.level > 1:
        assert "no embeddings" in streams["ready"]["reason"]
    assert set(ticks.values()) == {0}


class Nan(Prototypes):
    def compare(self, query, support):
        return super().compare(query, support) * np.nan


class TooFew(Prototypes):
    def compare(self, query, support):
        return super().compare(query, support)[..., 1:]


class Raising(Pairs):
    def score(self, query_images, support_images):
        if len(support_images) == 5:
            raise RuntimeError("out of\nluck")
        return super().score(query_images, support_images)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Nan, "gave NaN or infinity, expected finite numbers"),
        (TooFew, r"gave shape \(16, 255\), expected \(16, 256\)"),
        (Raising, "raised RuntimeError: out of luck"),
    ],
)
def test_a_wrong_answer_is_told_in_one_line(source, kind, problem):
    scorer = kind()
    with pytest.raises(ScorerError, match=problem) as raised:
        measure(scorer, traits(scorer, "wrong"), source(), queries=5, seconds=0.01)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not hasattr(psutil.Process, "cpu_affinity"), reason="threads have no limit")
def test_threads_are_limited_and_given_back():
    before = psutil.Process().cpu_affinity()
    pools = [pool["num_threads"] for pool in threadpool_info()]
    with limited(1):
        assert describe_machine()["threads"] == 1
        assert psutil.Process().cpu_affinity() == before[-1:]
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert psutil.Process().cpu_affinity() == before
    assert [pool["num_threads"] for pool in threadpool_info()] == pools
    with pytest.raises(ScorerError, match="expected at most the"), limited(len(before) + 1):
        pass


@pytest.fixture
def short(wayshot, characters, tmp_path):
    """Measures for a moment."""
    protocol = f"folder:{characters}-within-5w1s"

    def call(*words: object):
        brief = ("--queries", 20, "--seconds", "0.02", "--out", tmp_path / "runs")
        return wayshot("latency", protocol, *brief, *words)

    return call, protocol, tmp_path / "runs"


def test_the_command_prints_what_is_stored(short):
    call, _, folder = short
    status, out, _ = call("-s", "pixel-cosine", "-s", "hausdorff")
    assert status == 0
    for wanted in ("p99 ms", "INVALID: pixel-cosine, support ready, p50", "queries/s", "harness"):
        assert wanted in out
    assert "hausdorff, support ready: it compares images" in out
    status, out, _ = call("-s", "pixel-cosine", "--json")
    (record,) = json.loads(out)["results"]
    stored = [json.loads(path.read_text()) for path in folder.glob("latency/*/*/*.json")]
    assert len(stored) == 2 and record in stored
    assert record["footprint"]["load_ms"] > 0


def test_the_table_shows_latency_beside_accuracy(short, wayshot, tmp_path):
    call, protocol, folder = short
    words = ("run", protocol, "--episodes", 40, "--out", folder)
    assert wayshot(*words, "-s", "pixel-cosine")[0] == 0
    assert call("-s", "pixel-cosine", "-s", "chance")[0] == 0
    assert wayshot(*words, "-s", "chance")[0] == 0
    columns = ("--columns", "latency,flops,params")
    picture = tmp_path / "pareto.svg"
    status, out, _ = wayshot("table", folder, *columns, "--picture", picture)
    assert status == 0
    assert out.count(" ms (INVALID)") == 2
    assert "p50 latency of one query: 5-way 1-shot, support ready" in out
    assert "pixel-cosine (INVALID)" in picture.read_text()
    status, _, err = wayshot("table", folder, "--by", "drawer", "--picture", picture)
    assert status == 2 and "--by does not go with --picture" in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("-s", "nobody"), "unknown scorer 'nobody'"),
        ((), "Missing option '-s'"),
        (("-s", "chance", "--threads", 4096), "expected at most the"),
        (("-s", "chance", "--seconds", 0), "'--seconds'"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(short, words, problem):
    status, out, err = short[0](*words)
    assert (status, out) == (2, "")
    assert problem in err and err.count("\n") == 1


class ZerosAlone(Prototypes):
    """Does nothing where one query is asked at a time."""

    def embed(self, images):
        return super().embed(images) if len(images) > 1 else np.zeros((1, 64))


class ZerosOfPairs(Pairs):
    """Does nothing where there are no more images than in an episode."""

    def score(self, query_images, support_images):
        if len(support_images) == 5:
            return np.zeros((len(query_images), 5))
        return super().score(query_images, support_images)


class ZerosOfEpisodes(Classifier):
    def classify(self, support_images, support_labels, query_images):
        scores = super().classify(support_images, support_labels, query_images)
        return scores if len(query_images) > 1 else 0 * scores


class Reusing(Prototypes):
    """Gives the same array again and again."""

    def __init__(self):
        self.places = {}

    def embed(self, images):
        embedded = super().embed(images)
        place = self.places.setdefault(embedded.shape, embedded.copy())
        place[...] = embedded
        return place


@pytest.mark.parametrize("kind", [ZerosAlone, ZerosOfPairs, ZerosOfEpisodes])
def test_timed_answers_that_an_evaluation_would_not_get_are_marked(source, kind):
    scorer = kind()
    known = traits(scorer, "quick")
    record = measure(scorer, known, source(), queries=40, seconds=0.01)
    mode = record["single_stream"][record["mode"]]
    assert not record["valid"] and "differ by up to" in mode["answers"]["reason"]
    assert all(one["reason"] == mode["answers"]["reason"] for one in mode["percentiles"].values())


@pytest.mark.parametrize("kind", [Prototypes, Pairs, Classifier, Reusing])
@pytest.mark.parametrize("name", ["within-5w1s", "within-3w2s"])
def test_timed_answers_of_a_sound_scorer_are_those_of_an_evaluation(source, kind, name):
    scorer = kind()
    record = measure(scorer, traits(scorer, "sound"), source(name), queries=40, seconds=0.01)
    for mode in record["single_stream"].values():
        if "answers" in mode:
            assert mode["answers"]["difference"] < 1e-5 and mode["answers"]["queries"] > 16
