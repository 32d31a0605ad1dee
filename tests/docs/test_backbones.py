"""The published comparison of backbones: stored runs, tables, cards and recipes go together."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot import results, tasks
from wayshot.bench.cli import main
from wayshot.models.training import recipe as recipes

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "docs" / "tables"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("backbones")
    with tarfile.open(TABLES / "backbones.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "runs"


@pytest.mark.parametrize(("form", "ending"), [("github", "md"), ("latex", "tex")])
def test_the_table_is_that_of_the_stored_runs(form, ending, runs, capfd):
    main(["table", str(runs), "--columns", "params,flops", "--format", form])
    assert capfd.readouterr().out == (TABLES / f"backbones.{ending}").read_text(encoding="utf-8")


def test_all_digits_of_the_table_are_those_of_the_stored_runs(runs, capfd):
    main(["table", str(runs), "--columns", "params,flops", "--format", "csv"])
    # The last digits are those of the version of SciPy.
    printed, stored = map(
        pd.read_csv, (io.StringIO(capfd.readouterr().out), TABLES / "backbones.csv")
    )
    pd.testing.assert_frame_equal(printed, stored, rtol=1e-9)


def test_the_records_beside_the_tables_are_those_of_the_runs(runs):
    places = sorted(path.relative_to(runs) for path in runs.rglob("record.json"))
    kept = TABLES / "records" / "backbones"
    assert places == sorted(path.relative_to(kept) for path in kept.rglob("record.json"))
    for place in places:
        assert (kept / place).read_bytes() == (runs / place).read_bytes()


def test_every_training_has_its_card_and_every_recipe_is_bundled(runs):
    for run in results.find([runs]):
        run.verify()
        seed = run.record["scorer"]["training"]["seed"]
        path = ROOT / "docs" / "cards" / f"{run.scorer}-seed{seed}.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        assert card["seed"] == seed and card["parameters"] == run.record["scorer"]["parameters"]
        # The cards are older than some fields.
        assert recipes.read(run.scorer).to_dict() == recipes.complete(card["recipe"])
        assert run.record["scorer"]["training"]["recipe"] == recipes.digest(card["recipe"])


def test_rounded_margins_keep_their_sign(runs):
    for run in results.find([runs]):
        trials = run.trials
        step = run.record["rounded"]["margin"]
        assert (trials["margin"] / step % 1 == 0).all()
        np.testing.assert_array_equal(trials["margin"] > 0, trials["credit"] == 1)


def test_the_stored_episodes_are_those_of_today(runs, omniglot):
    """Their digests differ, because those of an earlier version covered the order of the images."""
    first = {run.protocol: run for run in results.find([runs])}
    assert len(first) == 4
    for name, run in first.items():
        source = tasks.open_protocol(tasks.parse(name), run.record["seed"], omniglot)
        blocks = list(source.blocks(run.record["episodes"]))
        query, target = (
            np.concatenate([getattr(block, what).ravel() for block in blocks])
            for what in ("query", "target")
        )
        np.testing.assert_array_equal(run.trials["target"], target)
        for what in ("alphabet", "character", "drawer"):
            drawn = source.dataset.table[what].astype(str).to_numpy()[query]
            np.testing.assert_array_equal(run.trials[what].astype(str).to_numpy(), drawn)
