from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pixels
from wayshot import tasks
from wayshot.bench import ScorerError, Settings
from wayshot.bench.evaluations import campaign
from wayshot.tasks import TaskError

QUIET = Settings(audit=False)


@pytest.fixture
def data():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)
    return tasks.from_arrays(pixels, np.arange(40) % 8)


def test_every_scorer_runs_on_every_protocol_and_the_table_has_all(data, tmp_path):
    found = campaign.run(
        ["chance", Pixels()],
        ["arrays-within-5w1s", tasks.parse("arrays-within-3w1s")],
        episodes=20,
        seed=3,
        data=data,
        root=tmp_path,
        settings=QUIET,
    )
    told = [(run.record["protocol"]["name"], run.scorer) for run in found.runs]
    assert told == [
        ("arrays-within-5w1s", "chance"),
        ("arrays-within-5w1s", "Pixels"),
        ("arrays-within-3w1s", "chance"),
        ("arrays-within-3w1s", "Pixels"),
    ]
    assert {(run.record["seed"], run.record["episodes"]) for run in found.runs} == {(3, 20)}
    assert "chance" in str(found) and "arrays-within-3w1s" in str(found)


def test_one_name_is_a_list_of_one_and_a_stored_run_is_not_run_again(data, tmp_path, monkeypatch):
    words = {"episodes": 10, "data": data, "root": tmp_path, "settings": QUIET}
    (first,) = campaign.run("pixel-cosine", "arrays-within-5w1s", **words).runs
    monkeypatch.setattr(
        "wayshot.bench.evaluations.evaluation.Evaluation.run",
        lambda self: pytest.fail("run again"),
    )
    (again,) = campaign.run("pixel-cosine", "arrays-within-5w1s", **words).runs
    assert again.record == first.record


def test_all_names_are_read_before_any_data(monkeypatch, tmp_path):
    monkeypatch.setattr(campaign, "open_protocol", lambda *a: pytest.fail("opened"))
    with pytest.raises(TaskError, match="unknown protocol 'nonsense'"):
        campaign.run("chance", ["glyphs-within-5w1s", "nonsense"], root=tmp_path)


def test_runs_that_were_finished_before_an_error_are_stored(data, tmp_path):
    with pytest.raises(ScorerError):
        campaign.run(
            ["chance", "no-such-scorer"],
            "arrays-within-5w1s",
            episodes=10,
            data=data,
            root=tmp_path,
            settings=QUIET,
        )
    assert len(list(tmp_path.rglob("record.json"))) == 1
