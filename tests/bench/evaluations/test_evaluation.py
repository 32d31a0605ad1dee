from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from example_scorers import Counting, Nan, Pairs, Pixels, Raises
from threadpoolctl import threadpool_limits
from wayshot import results, tasks
from wayshot.bench.errors import ScorerError
from wayshot.bench.evaluations.dispatch import Dispatch
from wayshot.bench.evaluations.evaluation import Evaluation, evaluate
from wayshot.bench.evaluations.settings import Settings
from wayshot.bench.evaluations.work import Bench
from wayshot.bench.scorers.baselines import Chance, PixelCosine
from wayshot.bench.scorers.scorer import BATCH, traits

NAMES = [
    "within-5w1s",
    "between-7w2s-q3",
    "between-6w1s-rot",
    "within-4w3s-rotapart",
    "within-2to8w1s-q2",
    "between-5w1s-once",
]


class Classifier:
    """Level 3: mean score over the shots of a class."""

    def classify(self, support_images, support_labels, query_images):
        scores = Pairs().score(query_images, support_images)
        ways = range(support_labels.max() + 1)
        return np.stack([scores[:, support_labels == way].mean(axis=1) for way in ways], axis=1)


def slow_trials(scorer, source, episodes):
    """The definition: one query at a time, from the images."""
    images, rows = source.dataset.images, []
    number = 0
    for block in source.blocks(episodes):
        for support, query, target in zip(block.support, block.query, block.target, strict=True):
            for place, (image, truth) in enumerate(zip(query, target, strict=True)):
                if truth < 0:
                    continue
                scores = [
                    scorer.score(images[[image]], images[way]).mean()
                    for way in support
                    if way[0] >= 0
                ]
                best = max(scores)
                tied = [i for i, score in enumerate(scores) if score == best]
                rows.append((number, place, truth, 1 / len(tied) if truth in tied else 0))
            number += 1
    return pd.DataFrame(rows, columns=["episode", "query", "target", "credit"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scorer", [Pixels, Pairs, Classifier])
def test_all_levels_agree_with_the_definition(name, scorer, source, tmp_path):
    episodes = source(name)
    trials = evaluate(scorer(), episodes, episodes=20, root=tmp_path).trials
    expected = slow_trials(Pairs(), episodes, 20)
    got = trials.sort_values(["episode", "query"], ignore_index=True)
    for column in ("episode", "query", "target"):
        assert got[column].tolist() == expected[column].tolist()
    # Sums in another order may part scores that are tied, which ink shares are at times.
    assert (np.abs(got["credit"] - expected["credit"]) > 1e-9).mean() < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_scorer_gets_exactly_chance(name, source, tmp_path):
    trials = evaluate(Chance(), source(name), episodes=30, root=tmp_path).trials
    ways = trials.groupby("episode")["target"].transform("nunique")
    assert np.array_equal(trials["credit"], 1 / ways)
    assert np.array_equal(trials["rank"], (1 + ways) / 2)


def test_trials_name_the_query_image(source, tmp_path):
    episodes = source("between-6w1s-rot")
    run = evaluate(Pixels(), episodes, episodes=10, root=tmp_path)
    block, dataset = episodes.block(0), episodes.dataset
    turns, images = np.divmod(block.query[:10].ravel(), len(dataset))
    trials = run.trials.sort_values(["episode", "query"])
    table = dataset.table.iloc[images]
    assert trials["alphabet"].tolist() == table["alphabet"].tolist()
    assert trials["drawer"].tolist() == table["drawer"].tolist()
    expected = [
        name if turn == 0 else f"{name}@{90 * turn}"
        for name, turn in zip(table["character"], turns, strict=True)
    ]
    assert trials["character"].tolist() == expected


def test_every_image_is_embedded_once_in_batches_of_one_shape(source, tmp_path):
    class Watching(Pixels):
        digest = "watching 1"

        def __init__(self):
            self.batches = []

        def embed(self, images):
            self.batches.append(images.copy())
            return super().embed(images)

    scorer = Watching()
    known = traits(scorer, "watching")
    scorer.batches.clear()
    settings = Settings(cache=False, audit=False)
    Evaluation(scorer, known, source(), episodes=200, root=tmp_path, settings=settings).run()
    assert {batch.shape for batch in scorer.batches} == {(BATCH, 105, 105)}
    seen = [image.tobytes() for batch in scorer.batches for image in batch if image.any()]
    different = {image.tobytes() for image in source().dataset.images[:]}
    assert sorted(seen) == sorted(different)


@pytest.mark.parametrize(
    "name",
    [
        "within-2w1s",
        pytest.param("between-8w2s-q3", marks=pytest.mark.slow),
        pytest.param("between-6w1s-rot", marks=pytest.mark.slow),
    ],
)
def test_every_pair_is_scored_once_with_one_query_a_call(name, source, tmp_path):
    class Watching(Pairs):
        def __init__(self):
            self.pairs = []

        def score(self, query_images, support_images):
            assert len(query_images) == 1, "a scorer must not see other queries"
            self.pairs += [(query_images[0].tobytes(), s.tobytes()) for s in support_images]
            return super().score(query_images, support_images)

    scorer, episodes = Watching(), source(name)
    known = traits(scorer, "watching")
    scorer.pairs.clear()
    settings = Settings(audit=False)
    Evaluation(scorer, known, episodes, episodes=2000, root=tmp_path, settings=settings).run()
    images = episodes.dataset.images
    expected = set()
    for block in episodes.blocks(2000):
        for query, support in zip(block.query, block.support, strict=True):
            expected |= {(q, s) for q in query for s in support.ravel()}
    pixels = {row: images[[row]][0].tobytes() for pair in expected for row in pair}
    assert sorted(scorer.pairs) == sorted((pixels[q], pixels[s]) for q, s in expected)


@pytest.mark.parametrize("scorer", [Pixels, Pairs, Classifier])
def test_an_executor_of_ones_own_gives_the_same_bytes(scorer, source, tmp_path, monkeypatch):
    monkeypatch.setattr("wayshot.bench.evaluations.preparation.PAIR_UNIT", 100)
    monkeypatch.setattr("wayshot.bench.evaluations.preparation.EMBED_UNIT", 100)
    plain = evaluate(scorer(), source("between-6w2s"), episodes=40, root=tmp_path / "plain")
    with ThreadPoolExecutor(4) as executor:
        settings = Settings(executor=executor)
        own = evaluate(
            scorer(), source("between-6w2s"), episodes=40, root=tmp_path / "own", settings=settings
        )
    assert own.record["trials_digest"] == plain.record["trials_digest"]


class Product:
    """Level 1: a product that OpenBLAS computes with as many threads as there are."""

    def __init__(self):
        self.matrix = np.random.default_rng(1).normal(size=(441, 16)).astype(np.float32)

    def embed(self, images):
        return images[:, ::5, ::5].reshape(len(images), -1).astype(np.float32) @ self.matrix

    def compare(self, query, support):
        return -np.linalg.norm(query[..., :, None, :] - support[..., None, :, :], axis=-1)


def test_the_number_of_threads_changes_neither_trials_nor_the_scorer(source, tmp_path):
    images = np.random.default_rng(2).integers(0, 2, (256, 105, 105)).astype(np.uint8)
    made, products = [], []
    for threads in (1, 2):
        with threadpool_limits(threads):
            products.append(Product().embed(images))
            run = evaluate(Product(), source(), episodes=40, root=tmp_path / str(threads))
            made.append((run.record["scorer"]["digest"], run.record["trials_digest"]))
    assert made[0] == made[1]
    if np.array_equal(*products):
        pytest.skip("on this processor, products have the same last digits by any threads")


def test_pairs_do_not_depend_on_how_they_are_cut_into_units(source, tmp_path, monkeypatch):
    digests = set()
    for size in (1, 50, 4096):
        monkeypatch.setattr("wayshot.bench.evaluations.preparation.PAIR_UNIT", size)
        run = evaluate(Pairs(), source("between-8w1s"), episodes=60, root=tmp_path / str(size))
        digests.add(run.record["trials_digest"])
    assert len(digests) == 1


class Late(Pairs):
    """Answers well at first, and then something else."""

    def __init__(self, later):
        self.later, self.calls = later, 0

    def score(self, query_images, support_images):
        self.calls += 1
        if self.calls > 8:
            return self.later(query_images, support_images)
        return super().score(query_images, support_images)


def raising(error):
    def later(query_images, support_images):
        raise error

    return later


@pytest.mark.parametrize(
    ("scorer", "problem"),
    [
        (Nan(), "compare gave NaN or infinity"),
        (Raises(), r"fails on a first batch: .* raised RuntimeError: out of luck"),
        (Late(raising(RuntimeError("out of luck"))), "score raised RuntimeError"),
        (Late(raising(SystemExit(0))), "score raised SystemExit"),
        (Late(lambda query, support: np.zeros(3)), r"score gave shape \(3,\), expected \(1, "),
        (Late(lambda query, support: np.full((1, len(support)), "x")), "score gave <U1"),
        (Late(lambda query, support: None), "score gave a NoneType, expected an array"),
    ],
)
def test_a_scorer_that_fails_ends_the_run_and_stores_nothing(scorer, problem, source, tmp_path):
    with pytest.raises(ScorerError, match=problem):
        evaluate(scorer, source(), episodes=5, root=tmp_path)
    assert not list(tmp_path.rglob("record.json"))


def test_a_scorer_that_looks_at_other_queries_is_refused(source, tmp_path):
    class Assigning(Pixels):
        """Takes from each score what the other queries of the episode get."""

        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores - scores.mean(axis=-2, keepdims=True)

    with pytest.raises(ScorerError, match="must not look at other queries"):
        evaluate(Assigning(), source(), episodes=5, root=tmp_path)


def cosines(query, support):
    query, support = (
        one / np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-9)
        for one in (query, support)
    )
    return query @ np.swapaxes(support, -1, -2)


def squared_distances(query, support):
    """By the lengths of the embeddings, which loses digits where these are long."""
    lengths = [np.square(one).sum(axis=-1) for one in (query, support)]
    return (
        2 * (query @ np.swapaxes(support, -1, -2))
        - lengths[0][..., :, None]
        - lengths[1][..., None, :]
    )


def roots(query, support):
    return -np.sqrt(np.maximum(-squared_distances(query, support), 0))


class Similar(Pixels):
    """Embeddings that differ little beside what they have in common."""

    def __init__(self, common, similarity, drawn=0.0):
        self.common, self.similarity, self.drawn = common, similarity, drawn

    def embed(self, images):
        return (self.common + super().embed(images)[:, ::7]).astype(np.float32)

    def compare(self, query, support):
        scores = self.similarity(query, support)
        return scores + np.float32(self.drawn) * scores.mean(axis=-2, keepdims=True)


@pytest.mark.parametrize("similarity", [cosines, squared_distances, roots])
@pytest.mark.parametrize("common", [1.0, 30.0])
def test_what_is_rounded_is_not_taken_for_a_look_at_other_queries(
    similarity, common, source, tmp_path
):
    scorer = Similar(common, similarity)
    assert evaluate(scorer, source("within-5w1s-q3"), episodes=20, root=tmp_path).record["n"] == 300


@pytest.mark.parametrize(
    ("similarity", "common", "drawn"),
    [
        (cosines, 0.0, 1e-4),
        (cosines, 1.0, 0.05),
        (squared_distances, 0.0, 1e-4),
        (squared_distances, 30.0, 0.02),
        (roots, 1.0, 0.01),
    ],
)
def test_a_look_at_other_queries_is_refused_however_little_it_moves(
    similarity, common, drawn, source, tmp_path
):
    scorer, settings = Similar(common, similarity, drawn), Settings(audit=False)
    with pytest.raises(ScorerError, match="must not look at other queries"):
        evaluate(scorer, source(), episodes=20, root=tmp_path, settings=settings)


def test_a_softmax_that_is_steadied_by_all_scores_is_not_refused(source, tmp_path):
    class Steadied(Pixels):
        """Takes the largest score of all queries away, which changes nothing but rounding."""

        def compare(self, query, support):
            scores = 30 * super().compare(query, support)
            shares = np.exp(scores - scores.max())
            return shares / shares.sum(axis=-1, keepdims=True)

    settings = Settings(audit=False)
    assert evaluate(Steadied(), source(), episodes=20, root=tmp_path, settings=settings)


def test_a_scorer_that_draws_at_random_is_not_told_that_it_looks_at_other_queries(source, tmp_path):
    class Random(Pixels):
        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores + np.random.default_rng().normal(0, 0.1, scores.shape)

    run = evaluate(Random(), source(), episodes=20, root=tmp_path)
    failed = [one["check"] for one in run.record["audit"]["checks"] if one["status"] == "failed"]
    assert failed == ["determinism"]


def test_large_whole_numbers_keep_their_last_digits(source, tmp_path):
    class Whole(Pairs):
        kind = np.int64

        def score(self, query_images, support_images):
            scores = super().score(query_images, support_images) * 1000
            return scores.astype(self.kind) + self.kind(2**26)

    class Short(Whole):
        kind = np.int32

    runs = [evaluate(kind(), source(), episodes=50, root=tmp_path) for kind in (Whole, Short)]
    assert runs[0].trials["credit"].tolist() == runs[1].trials["credit"].tolist()


def test_distances_in_unsigned_bytes_do_not_wrap(source, tmp_path):
    class Bytes:
        smaller_is_closer = True

        def score(self, query_images, support_images):
            difference = query_images[:, None] != support_images[None]
            return np.minimum(difference.sum(axis=(2, 3)) // 8, 255).astype(np.uint8)

    class Floats(Bytes):
        def score(self, query_images, support_images):
            return super().score(query_images, support_images).astype(float)

    runs = [evaluate(kind(), source(), episodes=50, root=tmp_path) for kind in (Bytes, Floats)]
    assert runs[0].trials["credit"].tolist() == runs[1].trials["credit"].tolist()
    assert runs[0].trials["credit"].mean() > 0.25


def test_poolings_are_mean_max_and_prototype(source, tmp_path):
    episodes = source("within-4w3s")
    block, images = episodes.blocks(1).__next__(), episodes.dataset.images
    embedded = {
        row: Pixels().embed(images[[row]])[0]
        for row in np.concatenate([block.support.ravel(), block.query.ravel()])
    }
    for pooling in ("mean", "max", "prototype"):
        scorer = Pixels()
        scorer.pooling = pooling  # pyright: ignore
        trials = evaluate(scorer, episodes, episodes=1, root=tmp_path / pooling).trials
        for trial in trials.itertuples():
            query = embedded[block.query[0, trial.query]]
            shots = np.array([[embedded[row] for row in way] for way in block.support[0]])
            if pooling == "prototype":
                scores = shots.mean(axis=1) @ query
            else:
                scores = getattr(shots @ query, pooling)(axis=1)
            assert trial.predicted == scores.argmax()


def test_stored_runs_are_not_run_again(source, tmp_path):
    class Watched(Pixels):
        calls = 0

        def embed(self, images):
            Watched.calls += 1
            return super().embed(images)

    first = evaluate(Watched(), source(), episodes=10, root=tmp_path)
    Watched.calls = 0
    second = evaluate(Watched(), source(), episodes=10, root=tmp_path)
    assert second.folder == first.folder
    # The fixed images by which it is known.
    assert Watched.calls == 1
    known = traits(Watched(), "scorer")
    longer = Evaluation(Watched(), known, source(), episodes=11, root=tmp_path)
    assert longer.stored() is None


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_a_stored_run_whose_trials_are_damaged_is_run_again(damage, source, tmp_path):
    run = evaluate(Counting(), source(), episodes=10, root=tmp_path)
    path = run.folder / "trials.parquet"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] + b"x" + content[-8:])
    evaluate(Counting(), source(), episodes=10, root=tmp_path)
    assert path.read_bytes() == content


def test_only_characters_in_the_episodes_count_as_leaked(source, tmp_path):
    episodes = source("within-5w1s")
    first = next(episodes.blocks(1))
    table = episodes.dataset.table.iloc[first.support.ravel()]
    alphabet = str(table["alphabet"].iloc[0])

    class Leaky(Pixels):
        trained_on = tuple(
            episodes.dataset.characters["alphabet"] + "/" + episodes.dataset.characters["character"]
        )

    run = evaluate(Leaky(), episodes, episodes=1, root=tmp_path)
    assert alphabet in set(run.trials["alphabet"])
    assert run.record["scorer"]["leaked_characters"] == 5


def test_a_longer_run_begins_with_the_shorter(source, tmp_path):
    short = evaluate(Counting(), source(), episodes=7, root=tmp_path).trials
    long = evaluate(Counting(), source(), episodes=1500, root=tmp_path).trials
    pd.testing.assert_frame_equal(long.iloc[: len(short)], short)


def test_units_that_were_done_are_not_done_again(source, tmp_path, monkeypatch):
    class Stops(Pairs):
        left = 1000

        def score(self, query_images, support_images):
            if Stops.left == 0:
                raise RuntimeError("killed")
            Stops.left -= 1
            return super().score(query_images, support_images)

    monkeypatch.setattr("wayshot.bench.evaluations.preparation.PAIR_UNIT", 20)
    scorer, episodes = Stops(), source()
    known, settings = traits(scorer, "stops"), Settings(audit=False)

    def run(calls, root):
        Stops.left = calls
        where = {"root": tmp_path / root, "settings": settings}
        return Evaluation(scorer, known, episodes, episodes=24, **where).run()

    whole = run(1000, "whole")
    needed = 1000 - Stops.left
    with pytest.raises(ScorerError, match="killed"):
        run(needed // 2, "killed")
    resumed = run(needed - needed // 2 + 20, "killed")
    assert resumed.record["trials_digest"] == whole.record["trials_digest"]
    assert not list((tmp_path / "killed" / ".partial").rglob("*.npz"))


def test_characters_trained_on_are_counted_as_leaked(source, tmp_path):
    episodes = source()
    characters = episodes.dataset.characters
    names = list(characters["alphabet"] + "/" + characters["character"])

    class Leaky(Pixels):
        trained_on = (*names[:3], "Elsewhere/character01")

    assert (
        evaluate(Leaky(), episodes, episodes=5, root=tmp_path).record["scorer"]["leaked_characters"]
        == 3
    )
    unknown = evaluate(Pixels(), episodes, episodes=5, root=tmp_path).record["scorer"]
    assert unknown["leaked_characters"] is None


def test_the_official_runs_are_run_whole(omniglot, tmp_path):
    runs = tasks.open_protocol(tasks.parse("lake-runs"), data=omniglot)
    assert evaluate(Chance(), runs, episodes=5, root=tmp_path).record["n"] == 400


def test_no_episodes_are_refused(source, tmp_path):
    with pytest.raises(ScorerError, match="expected at least 1"):
        evaluate(Pixels(), source(), episodes=0, root=tmp_path)


def test_a_protocol_that_ends_gives_what_it_has(source, tmp_path):
    episodes = source("between-5w1s-once")
    run = evaluate(Pixels(), episodes, episodes=10_000, root=tmp_path)
    # 48 characters of 6 images make 144 portions of two images.
    assert run.record["episodes"] == episodes.episodes == 144 // 5


def test_more_ways_than_classes_are_refused_before_any_work(source):
    with pytest.raises(tasks.TaskError, match="9 ways are impossible"):
        source("within-9w1s")


class OfTheThread(Pixels):
    """Relies on state of the thread that made it, as of `torch.set_grad_enabled(False)`."""

    def __init__(self):
        self.state = threading.local()
        self.state.grad = False

    def embed(self, images):
        if getattr(self.state, "grad", True):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return super().embed(images)


def test_settings_of_the_callers_thread_hold_for_the_scorer(source, tmp_path):
    run = evaluate(OfTheThread(), source(), episodes=20, root=tmp_path)
    assert run.record["n"] == 100


def test_with_a_time_limit_a_scorer_is_asked_in_another_thread(source, tmp_path):
    with pytest.raises(ScorerError, match="requires grad"):
        evaluate(OfTheThread(), source(), root=tmp_path, settings=Settings(limit=60))


def test_without_an_executor_finished_units_are_kept_one_by_one(source, tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(
        "wayshot.bench.evaluations.work.Bench.try_episodes",
        lambda bench, first, *rest: done.append(first) or {"episode": np.zeros(1)},
    )
    bench = Bench(Pixels(), traits(Pixels(), "x"), source())
    with Dispatch(bench, Settings()) as dispatch:
        for call, _ in dispatch.units("try_episodes", [(0, 1, ""), (1, 2, ""), (2, 3, "")]):
            assert done[-1] == call[0]
    assert done == [0, 1, 2]


class Jittering(Pixels):
    """Its answers change in their last digits at every call."""

    digest = "jittering 1"
    factor = 1.0

    def embed(self, images):
        noise = np.random.default_rng().uniform(-1e-6, 1e-6, len(images))
        return super().embed(images) ** self.factor * (1 + noise[:, None])


def test_a_service_with_a_digest_is_found_again_and_leaves_no_folders(source, tmp_path):
    first = evaluate(Jittering(), source(), episodes=10, root=tmp_path)
    assert evaluate(Jittering(), source(), episodes=10, root=tmp_path).folder == first.folder
    assert len(list(tmp_path.rglob("record.json"))) == 1
    assert not list((tmp_path / ".partial").iterdir())
    identity = first.record["scorer"]["identity"]
    assert identity["by"] == "digest" and identity["tolerance"] > 0


def test_a_service_with_a_digest_resumes(source, tmp_path):
    calls = []

    class Stops(Jittering):
        digest = "stops 1"

        def compare(self, query, support):
            calls.append(query.shape)
            return super().compare(query, support)

    stopped = Settings(interrupted=lambda: len(calls) > 4, audit=False)
    with pytest.raises(KeyboardInterrupt):
        evaluate(Stops(), source(), episodes=3000, root=tmp_path, settings=stopped)
    folders = list((tmp_path / ".partial").iterdir())
    done = [one for folder in folders if folder.is_dir() for one in folder.glob("trials-*")]
    assert done
    evaluate(Stops(), source(), episodes=3000, root=tmp_path, settings=Settings(audit=False))
    assert not list((tmp_path / ".partial").iterdir())


def test_a_changed_scorer_with_the_digest_of_a_stored_run_is_refused(source, tmp_path, monkeypatch):
    run = evaluate(Jittering(), source(), episodes=10, root=tmp_path / "runs")
    changed = Jittering()
    changed.factor = 2.0
    # Another machine has the runs, and not what this one remembers of the scorer.
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(ScorerError, match="needs another digest"):
        evaluate(changed, source(), episodes=10, root=tmp_path / "runs")
    assert results.read(run.folder).record == run.record


def test_a_scorer_of_which_little_can_be_told_is_said_to_be_one(source, tmp_path):
    class Blind:
        def score(self, query_images, support_images):
            return np.ones((len(query_images), len(support_images)))

    said = []
    settings = Settings(warn=said.append, audit=False)
    run = evaluate(Blind(), source(), episodes=4, root=tmp_path, settings=settings)
    assert any('digest = "1"' in line for line in said)
    assert run.record["scorer"]["identity"]["advice"] in said[0]


def test_an_altered_baseline_takes_no_embeddings_from_the_genuine_one(
    source, tmp_path, empty_cache
):
    altered = PixelCosine()
    altered.embed = lambda images: np.zeros((len(images), 2), np.uint64)  # pyright: ignore
    runs = [
        evaluate(one, source(), name="pixel-cosine", episodes=20, root=tmp_path / str(i))
        for i, one in enumerate((altered, PixelCosine()))
    ]
    credits = [run.trials["credit"].mean() for run in runs]
    assert credits[0] == pytest.approx(0.2) and credits[1] > 0.3


def test_a_scorer_whose_answers_change_is_asked_for_a_digest(source, tmp_path):
    class Dropout(Pixels):
        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores + np.random.default_rng().random(scores.shape) / 5

    said = []
    run = evaluate(
        Dropout(), source(), episodes=4, root=tmp_path, settings=Settings(warn=said.append)
    )
    assert "change from call to call" in run.record["scorer"]["identity"]["advice"]
    assert any("change from call to call" in line for line in said)


@pytest.mark.parametrize("scorer", ["pixel-cosine", "theirs=chance", PixelCosine(), Pixels()])
def test_the_name_is_what_tables_call_any_scorer(scorer, source, tmp_path):
    run = evaluate(scorer, source(), name="ours", episodes=3, root=tmp_path)
    assert run.scorer == "ours" and "ours" in str(results.table([run]).render("text"))
    for name in ("", 3):
        with pytest.raises(ScorerError, match=f"name is {name!r}, expected a text"):
            evaluate(scorer, source(), name=name, episodes=3, root=tmp_path)


def test_a_failed_audit_is_said_by_default(source, tmp_path, caplog):
    class Distance(PixelCosine):
        smaller_is_closer = True

    evaluate(Distance(), source(), name="turned", episodes=3, root=tmp_path)
    assert "turned: the audit failed" in caplog.text and "wayshot audit tells more" in caplog.text


@pytest.mark.parametrize("scorer", [Raises(), Nan()])
def test_a_scorer_that_answers_nothing_is_told_the_reason_first(scorer, source, tmp_path):
    said = []
    with pytest.raises(ScorerError, match=r"raised|NaN"):
        evaluate(scorer, source(), episodes=3, root=tmp_path, settings=Settings(warn=said.append))
    refuses = isinstance(scorer, Raises)
    assert any("the audit failed" in line for line in said) != refuses


def test_a_scorer_that_refuses_the_audit_alone_is_said_to_have_failed_it(source, tmp_path):
    class Picky(PixelCosine):
        def embed(self, images):
            if asked:
                asked.pop()
                raise ValueError("not yet")
            return super().embed(images)

    asked, said, scorer = [], [], Picky()
    settings = Settings(warn=said.append)
    known = traits(scorer, "picky")
    asked.append(1)
    run = Evaluation(scorer, known, source(), episodes=3, root=tmp_path, settings=settings).run()
    assert run.record["audit"]["verdict"] == "failed"
    assert any("the audit failed" in line for line in said)
