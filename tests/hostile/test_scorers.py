"""Odd scorers: none stops the others, and none leaves what cannot be read again."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from odd_scorers import AMONG_WORKERS, ENDING, FAILING, SAMPLE, SOUND, count
from wayshot.bench import evaluate
from wayshot.bench.scorers import BrokenScorerError, NotFiniteError, traits
from wayshot.results import ResultError, annotate, find

HERE = Path(__file__).parent
EPISODES = "600"
PLAIN = "odd_pixels:Pixels", "chance"


def outcomes(folder, names, jobs):
    """Runs scorers beside two plain ones; gives status, stdout, stderr, and the runs by scorer."""
    for path in HERE.glob("odd_*.py"):
        (folder / path.name).write_text(path.read_text())
    words = [word for name in (*names, *PLAIN) for word in ("-s", name)]
    rest = ["--episodes", EPISODES, "--runs", "runs", "--jobs", str(jobs), "--json"]
    command = [sys.executable, "-m", "wayshot", "run", "glyphs-within-5w1s", *words, *rest]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    runs = {run.record["scorer"].get("spec", run.scorer): run for run in find([folder / "runs"])}
    return done, runs


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The trials of the plain scorers where no other runs beside them."""
    done, runs = outcomes(tmp_path_factory.mktemp("plain"), (), 1)
    assert done.returncode == 0, done.stderr
    return {name: (run.folder / "trials.parquet").read_bytes() for name, run in runs.items()}


def check(folder, plain, failing, sound, jobs):
    """Checks that each scorer is what it should be, and that nothing is lost beside it."""
    done, runs = outcomes(folder, (*failing, *sound), jobs)
    assert done.returncode == (1 if failing else 0) and "Traceback" not in done.stderr, done.stderr
    shown = json.loads(done.stdout)
    assert sorted(one["scorer"] for one in shown["errors"]) == sorted(failing)
    for one in shown["errors"]:
        assert one["reason"] and len(one["reason"]) < 400 and one["reason"].isprintable()
    assert runs.keys() == {*sound, *PLAIN}
    assert {name: (runs[name].folder / "trials.parquet").read_bytes() for name in PLAIN} == plain
    credit = runs["odd_pixels:Pixels"].outcome()["credit"]
    for name in sound:
        assert runs[name].outcome()["credit"].tolist() == credit.tolist(), name


@pytest.mark.slow
@pytest.mark.parametrize("module", FAILING)
def test_every_odd_scorer_is_a_row_or_an_error_row(tmp_path, plain, module):
    check(tmp_path, plain, FAILING[module], SOUND[module], 1)


@pytest.mark.slow
def test_a_scorer_that_ends_its_worker_process_is_an_error_row(tmp_path, plain):
    check(tmp_path, plain, ENDING, (), 2)


@pytest.mark.parametrize(("sample", "jobs"), [(SAMPLE, 1), (AMONG_WORKERS, 2)], ids=["1", "2"])
def test_odd_scorers_of_every_kind(tmp_path, plain, sample, jobs):
    failing, sound = (
        [name for kinds in of.values() for name in kinds if name in sample]
        for of in (FAILING, SOUND)
    )
    assert len(failing) + len(sound) == len(sample)
    check(tmp_path, plain, failing, sound, jobs)


def test_there_are_a_hundred_odd_scorers():
    assert sum(map(count, FAILING)) >= 100


def test_a_record_that_could_not_be_read_again_is_not_stored(source_of_records, tmp_path):
    run = source_of_records
    before = (run.folder / "record.json").read_bytes()
    for fields in (
        {"seed": -1},
        {"environment": {"host": "\ud800"}},
        {"later": "x" * 2**22},
        {"scorer": {**run.record["scorer"], "parameters": -1}},
        {"timings": {"total_seconds": -1.0}},
    ):
        with pytest.raises(ResultError, match="cannot be read again is not stored"):
            annotate(run, **fields)
        assert (run.folder / "record.json").read_bytes() == before
    assert [path.name for path in run.folder.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def source_of_records(store, record, trials_of, tmp_path):
    store(tmp_path / "runs" / "one", record(), trials_of(1.0))
    return find([tmp_path])[0]


def test_an_error_about_numbers_goes_from_process_to_process():
    sent = pickle.loads(pickle.dumps(NotFiniteError("NaN", (1, 2))))
    assert isinstance(sent, NotFiniteError) and (str(sent), sent.place) == ("NaN", (1, 2))


def test_ctrl_c_in_the_caller_s_own_thread_ends_an_evaluation(tmp_path):
    class Interrupted:
        digest = "interrupted"
        calls = 0

        def embed(self, images):
            self.calls += 1
            if self.calls > 1:
                raise KeyboardInterrupt
            return images.reshape(len(images), -1).astype(np.float32)

        def compare(self, query, support):
            return query @ np.swapaxes(support, -1, -2)

    with pytest.raises(KeyboardInterrupt):
        evaluate(Interrupted(), "glyphs-within-5w1s", episodes=20, root=tmp_path)


@pytest.mark.parametrize("name", FAILING["odd_attributes"])
def test_an_attribute_that_a_record_cannot_hold_is_refused(name):
    with pytest.raises(BrokenScorerError) as caught:
        traits(FAILING["odd_attributes"][name](), "odd")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
