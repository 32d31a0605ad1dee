"""Training by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

TINY = ("--backbone", "example_backbones:tiny")


@pytest.fixture
def recipe(characters, tmp_path) -> Path:
    """The file of a recipe of a few steps."""
    fields = {
        "name": "few-steps",
        "network": {"backbone": "conv-4", "join": "product", "head": "weighted"},
        "data": f"folder:{characters}-all",
        "held_out": [],
        "classes": {"steps": 5, "batch": 16},
        "pairs": {"steps": 3, "batch": 8},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path


def events(folder: Path) -> list[tuple[int, str, float]]:
    """What TensorBoard's own reader finds: step, tag, value."""
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    util = pytest.importorskip("tensorboard.util.tensor_util")
    return [
        (event.step, value.tag, float(util.make_ndarray(value.tensor)))
        for path in sorted(folder.glob("events.out.tfevents.*"))
        for event in loader.EventFileLoader(str(path)).Load()
        for value in event.summary.value
    ]


def test_training_leaves_a_scorer_and_logs_that_tensorboard_reads(
    wayshot, recipe, protocol, tmp_path, monkeypatch
):
    from wayshot.models.training import training

    monkeypatch.setattr(training, "REPORT_SECONDS", 0)
    monkeypatch.setattr(training, "LOSS_STEPS", 1)
    out = tmp_path / "trained"
    status, printed, err = wayshot("train", recipe, *TINY, "--out", out, "--tensorboard", "--json")
    assert status == 0, err
    card = json.loads(printed)
    assert card["name"] == "few-steps" and card["recipe"]["pairs"]["steps"] == 3
    logged = events(out / "tensorboard")
    losses = [(step, tag) for step, tag, _ in logged if tag.endswith("loss")]
    expected = [(step, "classes/loss") for step in range(1, 6)]
    assert losses == expected + [(step, "pairs/loss") for step in range(6, 9)]
    assert all(np.isfinite(value) and value > 0 for *_, value in logged)
    words = ("run", protocol, "-s", out / "few-steps.keras", "--episodes", 5)
    _, printed, _ = wayshot(*words, "--runs", tmp_path / "runs", "--json")
    (result,) = json.loads(printed)["results"]
    assert (result["scorer"], result["n"]) == ("few-steps", 25)


@pytest.mark.slow
def test_a_killed_training_goes_on_with_resume_and_ends_with_the_same_weights(
    wayshot, recipe, tmp_path, monkeypatch
):
    from wayshot.models.training import training
    from wayshot.models.training.classes import ClassStage

    monkeypatch.setattr(training, "REPORT_SECONDS", 0)
    monkeypatch.setattr(training, "LOSS_STEPS", 1)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    steps, train_of = [], ClassStage.train

    def train(stage: ClassStage, first: int, last: int) -> float:
        steps.extend(range(first, last))
        if steps == [0, 1, 2, 3]:
            raise KeyboardInterrupt
        return train_of(stage, first, last)

    monkeypatch.setattr(ClassStage, "train", train)
    words = ("train", recipe, *TINY, "--tensorboard", "--out")
    assert wayshot(*words, tmp_path / "killed")[0] == 130
    status, _, err = wayshot(*words, tmp_path / "killed")
    assert status == 2 and "holds a checkpoint; go on with --resume" in err
    status, _, err = wayshot(*words, tmp_path / "killed", "--resume")
    assert status == 0, err
    assert steps == [0, 1, 2, 3, 3, 4]
    logged = [step for step, tag, _ in events(tmp_path / "killed/tensorboard") if "loss" in tag]
    assert logged == list(range(1, 9))
    assert wayshot(*words, tmp_path / "whole")[0] == 0
    digests = [
        json.loads((tmp_path / root / "few-steps.json").read_text())["digest"]
        for root in ("killed", "whole")
    ]
    assert digests[0] == digests[1]


def test_resuming_without_a_checkpoint_is_refused(wayshot, recipe, tmp_path):
    status, _, err = wayshot("train", recipe, *TINY, "--out", tmp_path / "none", "--resume")
    assert status == 2 and "checkpoint.npz: cannot be read" in err and len(err.splitlines()) == 1


def test_a_training_without_its_images_leaves_no_folder(wayshot, tmp_path):
    words = ("train", "siamese-small", "--on", "folder:gone@train", "--out", tmp_path / "trained")
    status, _, err = wayshot(*words)
    assert status == 2 and "folder:gone: no such folder" in err
    assert not (tmp_path / "trained").exists()
