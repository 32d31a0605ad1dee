"""Runs stored by earlier versions stay readable: a folder for each schema version."""

from pathlib import Path

import pytest
from wayshot.results import FORMATS, estimate_run, find, metrics, table
from wayshot.results.store.run import SCHEMA_VERSION

HISTORIC = Path(__file__).parent / "historic"


def test_there_is_a_run_of_every_schema_version():
    versions = {run.record["schema_version"] for run in find([HISTORIC])}
    assert versions == set(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("folder", sorted(HISTORIC.iterdir()), ids=lambda path: path.name)
def test_old_runs_are_read_whole(folder):
    (run,) = find([folder])
    run.verify()
    assert run.scores is None
    assert len(run.trials) == run.record["n"] == 400
    assert estimate_run(run).value == pytest.approx(0.985)
    assert estimate_run(run, "t").low == pytest.approx(0.9624, abs=5e-5)
    assert metrics(run)["ranks"]["hit@1"] == pytest.approx(0.985)
    for form in FORMATS:
        assert "siamese-small" in table([run]).render(form)
