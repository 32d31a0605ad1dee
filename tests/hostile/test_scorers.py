"""Odd scorers: none stops the others, and none leaves what cannot be read again."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from odd_scorers import FAILING, SOUND
from wayshot.bench import evaluate
from wayshot.bench.scorers import BrokenScorerError, NotFiniteError, traits
from wayshot.results import ResultError, annotate, find

HERE = Path(__file__).parent
EPISODES = "600"


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_every_odd_scorer_is_a_row_or_an_error_row(tmp_path, jobs):
    kinds = [*FAILING, *SOUND]
    if jobs == 2:
        # A process that dies is tried again, which takes long.
        kinds = [kind for kind in kinds if "Raises" in kind.__name__ or kind in SOUND]
    words = [word for kind in kinds for word in ("-s", f"odd_scorers:{kind.__name__}")]
    rest = ["-s", "chance", "--episodes", EPISODES, "--runs", "runs", "--jobs", str(jobs), "--json"]
    command = [sys.executable, "-m", "wayshot", "run", "glyphs-within-5w1s", *words, *rest]
    (tmp_path / "odd_scorers.py").write_text((HERE / "odd_scorers.py").read_text())
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    shown = json.loads(done.stdout)
    failing = [kind for kind in kinds if kind in FAILING]
    failed = [one["scorer"].partition(":")[2] for one in shown["errors"]]
    assert sorted(failed) == sorted(kind.__name__ for kind in failing)
    assert all(one["reason"] and len(one["reason"]) < 400 for one in shown["errors"])
    stored = {run.scorer.partition(":")[2] or run.scorer for run in find([tmp_path / "runs"])}
    sound = {kind.__name__ for kind in kinds if kind in SOUND}
    assert stored == sound - {"OddText"} | {"odd text", "chance"}
    accuracies = {
        run.outcome()["credit"].mean() for run in find([tmp_path]) if run.scorer != "chance"
    }
    assert len(accuracies) == 1


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


@pytest.mark.parametrize("kind", FAILING[-14:], ids=lambda kind: kind.__name__)
def test_an_attribute_that_a_record_cannot_hold_is_refused(kind):
    with pytest.raises(BrokenScorerError) as caught:
        traits(kind(), "odd")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
