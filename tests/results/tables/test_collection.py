import json

import numpy as np
import pandas as pd
import pytest
from wayshot.results import ResultError
from wayshot.results.statistics import estimate
from wayshot.results.tables import labels
from wayshot.results.tables.collection import load

COLUMNS = [
    *("protocol", "scorer", "value", "low", "high", "level", "method", "n", "clusters", "seed"),
    *("episodes", "protocol_digest", "episodes_digest", "scorer_digest", "trials_digest"),
    *("parameters", "leaked_characters", "folder"),
]


@pytest.fixture
def stored(store, tmp_path):
    """Runs of two scorers on three protocols."""
    for protocol in ("lake-within-20w1s", "lake-within-5w1s", "lake-runs"):
        for scorer in ("b", "a"):
            store(
                scorer={"name": scorer, "digest": scorer, "parameters": None},
                protocol={"name": protocol},
                episodes_digest=protocol.ljust(64, "0"),
            )
    return tmp_path


def test_runs_come_by_protocol_with_fewer_ways_first(stored):
    runs = load(stored).runs
    names = list(dict.fromkeys(run.protocol for run in runs))
    assert names == ["lake-runs", "lake-within-5w1s", "lake-within-20w1s"]
    assert [run.scorer for run in runs] == ["b", "a"] * 3


def test_runs_is_the_folder_that_is_read_by_default(stored, tmp_path_factory, monkeypatch):
    # Where make run was run, there is a folder of that name.
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(ResultError, match="runs: no such folder"):
        load()
    monkeypatch.chdir(stored)
    stored.joinpath("run1").rename(stored / "runs")
    assert len(load().runs) == 1


def test_the_data_frame_has_a_row_a_run(stored):
    loaded = load(stored)
    frame = loaded.table()
    assert list(frame) == COLUMNS
    assert len(frame) == len(loaded.runs) == 6
    for row, run in zip(frame.itertuples(), loaded.runs, strict=True):
        one = estimate(run.trials)
        assert (row.protocol, row.scorer) == (run.protocol, run.scorer)
        assert (row.value, row.low, row.high, row.n) == (one.value, one.low, one.high, one.n)
        assert (row.method, row.clusters) == (one.method, one.clusters)
        assert row.folder == str(run.folder)
    assert frame["parameters"].isna().all()
    assert str(frame["leaked_characters"].dtype) == "Int64"


def test_the_data_frame_has_the_interval_asked_for(stored):
    frame = load(stored).table("wilson", level=0.5)
    assert set(frame["method"]) == {"wilson"}
    assert set(frame["level"]) == {0.5}
    assert frame["clusters"].isna().all()


def test_runs_can_be_chosen_in_an_order(stored):
    loaded = load(stored)
    chosen = loaded.select(["a"], ["lake-within-20w1s", "lake-runs"]).runs
    assert [(run.protocol, run.scorer) for run in chosen] == [
        ("lake-within-20w1s", "a"),
        ("lake-runs", "a"),
    ]
    assert [run.scorer for run in loaded.select(["a", "b"], ["lake-runs"]).runs] == ["a", "b"]
    assert loaded.select() == loaded


def test_a_name_without_a_run_is_refused_with_those_that_have_some(stored):
    with pytest.raises(ResultError, match="no run of scorer 'c'; there are b, a"):
        load(stored).select(["c"])
    with pytest.raises(ResultError, match="no run of protocol 'lake'; there are lake-runs"):
        load(stored).select(protocols=["lake"])


def test_names_that_never_meet_are_refused(store, tmp_path):
    for name in ("a", "b"):
        store(scorer={"name": name}, protocol={"name": name}, episodes_digest=name.ljust(64, "0"))
    with pytest.raises(ResultError, match="no run of these scorers on these protocols"):
        load(tmp_path).select(["a"], ["b"])


def test_the_data_frame_keeps_protocols_apart_by_digest(store, tmp_path):
    store(np.ones(60))
    store(np.zeros(60), protocol={"digest": "q" * 64}, episodes_digest="0" * 64)
    frame = load(tmp_path).table()
    assert frame.groupby("protocol_digest")["value"].first().tolist() == [1, 0]
    assert json.loads(frame.to_json())
    assert isinstance(frame, pd.DataFrame)


def test_what_a_table_prints_names_a_run(store, tmp_path):
    for digest in ("ab12cd" * 10, "ff00ff" * 10):
        store(scorer={"name": "ours\u202e", "digest": digest})
    loaded = load(tmp_path)
    for label in labels.rows(loaded.runs).values():
        (run,) = loaded.select([label]).runs
        assert run.record["scorer"]["digest"][:6] in label
    assert len(loaded.select(["ours\u202e"]).runs) == len(loaded.select(["ours\ufffd"]).runs) == 2
    (run,) = loaded.select(["ours\ufffd (ff00ffff)"]).runs
    assert run.record["scorer"]["digest"].startswith("ff00ff")
    for column in labels.columns(loaded.runs).values():
        assert loaded.select(protocols=[column]).runs
    with pytest.raises(ResultError, match=r"no run of scorer 'ours'; there are ours. \(ab12cd\), "):
        loaded.select(["ours"])


def test_chosen_scorers_keep_their_order_on_every_chosen_protocol(stored):
    chosen = load(stored).select(["b", "a"], ["lake-runs"]).runs
    assert [run.scorer for run in chosen] == ["b", "a"]
