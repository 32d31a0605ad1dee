from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from example_scorers import Counting, Pairs, Pixels
from filelock import FileLock
from wayshot import results, tasks
from wayshot.bench import Evaluation, ScorerError, Settings, evaluate
from wayshot.bench.evaluations.embeddings import EmbeddingCache
from wayshot.bench.evaluations.stopping import until_narrow
from wayshot.bench.evaluations.unfinished import UnfinishedRun
from wayshot.bench.scorers.failures import BrokenScorerError, Failure
from wayshot.bench.scorers.scorer import traits

HERE = Path(__file__).parents[1]


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("problem", ["full", "no folder"])
def test_a_cache_that_cannot_be_written_is_said_once_and_the_run_goes_on(
    problem, source, tmp_path, monkeypatch
):
    monkeypatch.setattr("wayshot.bench.evaluations.preparation.EMBED_UNIT", 100)
    episodes, said = source(), list[str]()
    whole = evaluate(Pixels(), episodes, episodes=20, root=tmp_path / "whole")
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    if problem == "full":
        monkeypatch.setattr(EmbeddingCache, "put", full)
    else:
        (tmp_path / "cache").touch()
    settings = Settings(warn=said.append)
    run = evaluate(Pixels(), episodes, episodes=20, root=tmp_path / "runs", settings=settings)
    assert run.record["trials_digest"] == whole.record["trials_digest"]
    assert len(said) == 1 and "embeddings are not kept" in said[0]


@pytest.mark.parametrize("where", ["partial", "embeddings", "trials"])
def test_a_full_disk_ends_a_run_in_one_line_and_nothing_is_half_written(
    where, source, tmp_path, monkeypatch
):
    settings = Settings(cache=False)
    with monkeypatch.context() as patch:
        if where == "partial":
            patch.setattr(UnfinishedRun, "put", full)
        elif where == "embeddings":
            patch.setattr(EmbeddingCache, "put", full)
        else:
            patch.setattr("wayshot.results.store.trials.pq.ParquetWriter.write_table", full)
        with pytest.raises(results.ResultError, match=r"No space left on device; once that"):
            evaluate(Pixels(), source(), episodes=20, root=tmp_path, settings=settings)
    assert [path.name for path in tmp_path.rglob("*.parquet")] == []
    with pytest.raises(results.ResultError, match="no stored runs"):
        results.find([tmp_path])
    evaluate(Pixels(), source(), episodes=20, root=tmp_path, settings=settings).verify()


def test_a_record_of_another_run_is_not_taken_for_this_one(source, tmp_path):
    run = evaluate(Counting(), source(), episodes=10, root=tmp_path)
    record = run.folder / "record.json"
    record.write_text(record.read_text().replace('"seed": 1,', '"seed": 3,'))
    again = evaluate(Counting(), source(), episodes=10, root=tmp_path)
    assert again.record["seed"] == 1


def test_what_a_killed_process_has_left_is_cleared_away(source, tmp_path):
    known = traits(Pixels(), "x")
    evaluation = Evaluation(Pixels(), known, source(), episodes=10, root=tmp_path)
    run = evaluation.run()
    left = run.folder.with_name(f".new-{run.folder.name}-abc")
    other = run.folder.with_name(".new-another-abc")
    for folder in (left, other, evaluation._unfinished.folder):
        (folder / "run").mkdir(parents=True)
    with FileLock(f"{evaluation._unfinished.folder}.lock"):
        assert evaluation.stored() and left.exists()
    assert evaluation.stored()
    assert not left.exists() and other.exists()
    assert not list((tmp_path / ".partial").iterdir())


def test_who_waits_for_another_process_says_so(source, tmp_path):
    said: list[str] = []
    known, settings = traits(Pixels(), "x"), Settings(warn=said.append)
    evaluation = Evaluation(
        Pixels(), known, source(), episodes=10, root=tmp_path, settings=settings
    )
    evaluation._unfinished.folder.mkdir(parents=True)
    lock = FileLock(f"{evaluation._unfinished.folder}.lock", thread_local=False)
    lock.acquire()
    waiting = threading.Thread(target=evaluation.run)
    waiting.start()
    while not said:
        time.sleep(0.01)
    assert waiting.is_alive() and "waiting for another process" in said[0]
    lock.release()
    waiting.join()
    assert evaluation.stored()


def test_an_interrupt_finishes_what_is_in_flight_and_the_rest_is_done_later(
    source, tmp_path, monkeypatch
):
    monkeypatch.setattr("wayshot.bench.evaluations.preparation.PAIR_UNIT", 20)
    known, asked = traits(Pairs(), "x"), []

    class Scorer(Pairs):
        calls = 0

        def score(self, query_images, support_images):
            Scorer.calls += 1
            return super().score(query_images, support_images)

    def evaluation(**settings):
        settings = Settings(audit=False, **settings)
        return Evaluation(Scorer(), known, source(), episodes=20, root=tmp_path, settings=settings)

    with pytest.raises(KeyboardInterrupt):
        evaluation(interrupted=lambda: asked.append(1) or len(asked) > 4, window=2).run()
    first = Scorer.calls
    assert first > 0 and not list(tmp_path.rglob("record.json"))
    resumed = evaluation().run()
    whole = evaluate(Pairs(), source(), episodes=20, root=tmp_path / "whole")
    assert resumed.record["trials_digest"] == whole.record["trials_digest"]
    pairs = len(np.unique(np.concatenate([b.query.ravel() for b in source().blocks(20)])))
    # Every query image is the one of a single call, and none was scored twice.
    assert Scorer.calls == pairs


def test_pairs_do_not_depend_on_how_often_they_are_merged(source, tmp_path, monkeypatch):
    digests = set()
    for size in (1, 1 << 22):
        monkeypatch.setattr("wayshot.bench.evaluations.preparation.MERGE", size)
        run = evaluate(Pairs(), source("between-6w1s"), episodes=1100, root=tmp_path / str(size))
        digests.add(run.record["trials_digest"])
    assert len(digests) == 1


def test_a_scorer_may_fill_the_same_array_at_every_call(source, tmp_path):
    class Same(Pixels):
        digest = "same 1"
        kept = np.empty((256, 105 * 105), np.float32)

        def embed(self, images):
            self.kept[:] = super().embed(images)
            return self.kept

    settings = Settings(cache=False)
    runs = [
        evaluate(kind(), source(), episodes=50, root=tmp_path, settings=settings)
        for kind in (Pixels, Same)
    ]
    assert runs[0].record["trials_digest"] == runs[1].record["trials_digest"]


def test_embeddings_that_change_their_width_are_refused(source, tmp_path):
    class Wider(Pixels):
        digest, calls = "wider 1", 0

        def embed(self, images):
            self.calls += 1
            return super().embed(images)[:, : 50 + self.calls]

    with pytest.raises(BrokenScorerError, match="embed gave 53 dimensions of float32, and 52"):
        settings = Settings(audit=False)
        evaluate(Wider(), source(), episodes=300, root=tmp_path, settings=settings)


@pytest.mark.parametrize("pooling", ["mean", "max", "prototype"])
@pytest.mark.parametrize("size", [1e300, 1.7e308])
def test_huge_scores_are_trials_or_an_error_and_no_warning(size, pooling, source, tmp_path):
    class Huge(Pixels):
        digest = f"huge {size}"

        def embed(self, images):
            return super().embed(images).astype(np.float64)

        def compare(self, query, support):
            return super().compare(query, support) / 2 * size

    Huge.pooling = pooling  # pyright: ignore
    try:
        run = evaluate(Huge(), source("within-5w3s"), episodes=50, root=tmp_path)
    except BrokenScorerError as error:
        assert size > 1e300 and "infinite" in str(error)
    else:
        assert run.trials["credit"].mean() > 0.25 and np.isfinite(run.trials["margin"]).all()


def test_more_episodes_leave_out_scorers_that_have_failed(source, tmp_path, monkeypatch):
    class Late(Counting):
        calls = 0

        def compare(self, query, support):
            self.calls += 1
            if self.calls > 3:
                raise RuntimeError("out of luck")
            return super().compare(query, support)

    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    scorers = [Late(), Counting()]
    known = [traits(scorer, type(scorer).__name__) for scorer in scorers]

    def evaluations(count):
        return [
            Evaluation(*one, source(), episodes=count, root=tmp_path)
            for one in zip(scorers, known, strict=True)
        ]

    outcome = until_narrow(evaluations, 0.001, 2 * tasks.BLOCK)
    assert [run.scorer for run in outcome.runs] == ["Counting"]
    (failure,) = outcome.failures
    assert failure.scorer == "Late" and "out of luck" in failure.reason
    assert outcome.runs[0].record["episodes"] == 2 * tasks.BLOCK


def test_a_run_that_is_all_there_is_stays_when_more_is_asked_for(source, tmp_path, monkeypatch):
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    monkeypatch.setattr("wayshot.bench.evaluations.stopping.looks", lambda most: (28, 56))
    episodes, known = source("between-5w1s-once"), traits(Pixels(), "x")
    assert episodes.episodes == 28

    def evaluations(count):
        return [Evaluation(Pixels(), known, episodes, episodes=count, root=tmp_path)]

    (run,) = until_narrow(evaluations, 0.001, 56).runs
    run.verify()


def test_a_failure_is_one_line_that_names_the_scorer_once():
    failure = Failure.of("lake-runs", "mine", ScorerError("scorer mine: embed raised\n  X: no"))
    assert str(failure) == "lake-runs, mine: failed: embed raised X: no"


def wayshot_process(*words, **options) -> subprocess.Popen:
    # A shell that starts tests in the background has made them deaf to SIGINT.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from wayshot.bench.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_once_finishes_and_stores_and_twice_stops_at_once(jobs, characters, tmp_path):
    protocol = f"folder:{characters}-between-5w1s"
    words = ("run", protocol, "-s", "example_scorers:Slow", "--episodes", 1500, "--jobs", jobs)
    for times in (1, 2):
        out = tmp_path / str(times)
        process = wayshot_process(*words, "--out", out, start_new_session=True)
        deadline = time.monotonic() + 120
        while len(list(out.glob(".partial/*/pairs-*.npz"))) < 2:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        before = len(list(out.glob(".partial/*/pairs-*.npz")))
        # As from a terminal, to the workers too.
        os.killpg(process.pid, signal.SIGINT)
        if times == 2:
            time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130
        lines = [line for line in err.splitlines() if line.startswith("wayshot:")]
        assert "Ctrl-C again stops at once" in lines[0] and "same command goes on" in lines[-1]
        assert "Traceback" not in err and "done again" not in err
        if times == 1:
            assert len(list(out.glob(".partial/*/pairs-*.npz"))) > before


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A module whose scorers answer the first batch, and then do not."""
    (tmp_path / "broken_late.py").write_text(
        "import os, time\n"
        "from example_scorers import Pixels\n"
        "class Late(Pixels):\n"
        "    calls = 0\n"
        "    digest = property(lambda self: type(self).__name__)\n"
        "    def embed(self, images):\n"
        "        self.calls += 1\n"
        "        return super().embed(images) if self.calls == 1 else self.later()\n"
        "class Raises(Late):\n"
        "    def later(self): raise RuntimeError('out of\\nluck')\n"
        "class Hangs(Late):\n"
        "    def later(self): time.sleep(3600)\n"
        "class Dies(Late):\n"
        "    def later(self): os._exit(3)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{HERE}")
    return "broken_late"


def test_a_scorer_that_fails_is_an_error_row_and_the_others_are_run(
    wayshot, characters, tmp_path, broken
):
    names = [f"folder:{characters}-{rest}" for rest in ("within-5w1s", "between-5w1s")]
    words = ("run", *names, "-s", f"{broken}:Raises", "-s", "chance", "--episodes", 20, "--out")
    status, out, err = wayshot(*words, tmp_path / "runs")
    place = tmp_path / f"{broken}.py"
    given = f"(given uint8 (256, 105, 105)), at {place if len(str(place)) <= 80 else place.name}:10"
    reason = f"{broken}:Raises: failed: embed raised RuntimeError: out of luck {given}"
    assert status == 1
    told = [line for line in err.splitlines() if "failed: " in line]
    assert out.splitlines()[-2:] == told == [f"{name}, {reason}" for name in names]
    assert "chance" in out and len(results.find([tmp_path / "runs"])) == 2
    status, out, _ = wayshot(*words, tmp_path / "runs", "--json")
    shown = json.loads(out)
    assert status == 1 and [one["scorer"] for one in shown["results"]] == ["chance", "chance"]
    assert shown["errors"][0] == {
        "protocol": names[0],
        "scorer": f"{broken}:Raises",
        "reason": f"embed raised RuntimeError: out of luck {given}",
    }


def test_where_all_scorers_fail_there_is_no_table(wayshot, characters, tmp_path, broken):
    words = ("run", f"folder:{characters}-within-5w1s", "-s", f"{broken}:Raises", "--out", tmp_path)
    status, out, err = wayshot(*words)
    assert (status, out) == (1, "") and "failed: embed raised" in err.splitlines()[-1]
    status, out, _ = wayshot(*words, "--json", "--verification")
    assert status == 1 and '"results": []' in out and "out of luck" in out


@pytest.mark.parametrize(
    ("scorer", "jobs", "problem"),
    [
        pytest.param("Hangs", 1, "no answer within 15 seconds", marks=pytest.mark.slow),
        ("Hangs", 2, "no answer within 15 seconds"),
        ("Dies", 2, r"a worker process died \(exit status 3\), as the 2 before it"),
    ],
)
def test_a_scorer_that_hangs_or_dies_is_an_error_row(
    scorer, jobs, problem, wayshot, characters, tmp_path, broken
):
    words = ("-s", f"{broken}:{scorer}", "-s", "chance", "--jobs", jobs, "--episodes", 20)
    status, out, _ = wayshot(
        "run", f"folder:{characters}-within-5w1s", *words, "--unit-seconds", 15, "--out", tmp_path
    )
    assert status == 1 and re.search(problem, out.splitlines()[-1])
    assert [run.scorer for run in results.find([tmp_path])] == ["chance"]


def test_an_answer_that_is_not_finite_names_the_images(source, tmp_path):
    class Nan(Pixels):
        def compare(self, query, support):
            scores = super().compare(query, support)
            if scores.ndim == 3:
                scores[0, 0, 1] = np.nan
            return scores

    made = source("within-5w1s")
    block, files = made.block(0), made.dataset.table["file"]
    expected = [files.iloc[block.query[0, 0]], files.iloc[block.support[0, 1, 0]]]
    with pytest.raises(ScorerError, match="NaN or infinity") as caught:
        evaluate(Nan(), made, episodes=5, root=tmp_path, settings=Settings(audit=False))
    assert str(caught.value).endswith(f"; first for {expected[0]} and {expected[1]}")


def test_a_child_that_a_scorer_forks_does_not_keep_the_lock(source, tmp_path):
    class Forks(Pixels):
        digest = "forks"
        children: ClassVar[list[int]] = []

        def compare(self, query, support):
            if not self.children and query.ndim == 3:
                child = os.fork()
                if not child:
                    time.sleep(60)
                    os._exit(0)
                self.children.append(child)
            return super().compare(query, support)

    settings = Settings(audit=False)
    known = traits(Forks(), "x")
    Forks.children.clear()
    evaluation = Evaluation(Forks(), known, source(), episodes=10, root=tmp_path, settings=settings)
    lock = f"{evaluation._unfinished.folder}.lock"
    evaluation._unfinished.folder.mkdir(parents=True)
    with evaluation._locked():
        evaluation._run()
        held = [Path(f"/proc/{child}/fd") for child in Forks.children]
        kept = [str(one.readlink()) for folder in held for one in folder.iterdir()]
    for child in Forks.children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert held and lock not in kept


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_in_one_line(code, source, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(results.ResultError, match=os.strerror(code)) as caught:
        evaluate(Pixels(), source(), episodes=10, root=tmp_path)
    assert "\n" not in str(caught.value)
