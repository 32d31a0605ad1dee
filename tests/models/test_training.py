from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from wayshot.models import ModelError, Training, finish, load_checkpoint
from wayshot.models.bundle import read_weights
from wayshot.tasks import TaskError


def weights(training: Training) -> dict[str, np.ndarray]:
    return read_weights(training.siamese)


def run(training: Training, folder) -> list:
    folder.mkdir(exist_ok=True)
    return list(training.run(folder))


def test_training_lowers_the_loss(recipe, background, tmp_path):
    changes = {"steps": 60, "warmup_steps": 5, "validate_every": 60, "head_steps": 1}
    reports = run(Training(recipe(**changes), background, seed=1), tmp_path)
    tower = [report.loss for report in reports if report.stage == "tower"]
    assert len(tower) == 3 and tower[-1] < tower[0] - 1


def test_a_resumed_training_ends_with_the_same_weights(recipe, background, tmp_path, monkeypatch):
    whole = Training(recipe(), background, seed=1)
    run(whole, tmp_path / "whole")
    part = Training(recipe(), background, seed=1)
    (tmp_path / "part").mkdir()
    done = []

    def stop(step):
        if step == 4:
            raise KeyboardInterrupt
        done.append(step)
        return step_of_part(step)

    step_of_part = part._tower_step
    monkeypatch.setattr(part, "_tower_step", stop)
    with pytest.raises(KeyboardInterrupt):
        run(part, tmp_path / "part")
    part.save(tmp_path / "part")
    resumed = Training(recipe(), background, seed=1)
    resumed.resume(tmp_path / "part")
    run(resumed, tmp_path / "part")
    assert done == [0, 1, 2, 3]
    for name, array in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[name], array, err_msg=name)
    assert [entry["step"] for entry in resumed.history] == [6, 2]


def test_other_seeds_give_other_weights(recipe, background, tmp_path):
    trained = []
    for seed in (1, 2):
        trained.append(Training(recipe(steps=2, head_steps=1), background, seed=seed))
        run(trained[-1], tmp_path)
    first, second = (weights(training)["tower.00.kernel"] for training in trained)
    assert not np.array_equal(first, second)


def test_held_out_alphabets_are_not_trained_on(recipe, background):
    training = Training(recipe(), background, seed=1)
    (held_out,) = recipe().held_out
    assert training.characters
    assert not [name for name in training.characters if name.startswith(f"{held_out}/")]
    assert len(training.characters) < len(background.characters)
    assert set(training.validate()) == {"within", "between"}


def test_a_recipe_with_an_unknown_alphabet_is_refused(recipe, background):
    with pytest.raises(ModelError, match="no alphabet Klingon"):
        Training(recipe(held_out=("Klingon",)), background, seed=1)


def test_a_loss_that_is_not_finite_stops_with_the_last_checkpoint(
    recipe, background, tmp_path, monkeypatch
):
    training = Training(recipe(), background, seed=1)
    training.save(tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(training, "_tower_step", lambda step: float("nan"))
    with pytest.raises(ModelError, match="the loss is nan"):
        run(training, tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_checkpoint_of_another_seed_or_damaged_is_refused(recipe, background, tmp_path):
    Training(recipe(), background, seed=1).save(tmp_path)
    with pytest.raises(ModelError, match="of another seed"):
        Training(recipe(), background, seed=2).resume(tmp_path)
    with pytest.raises(ModelError, match="of another recipe"):
        Training(recipe(steps=7), background, seed=1).resume(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read"):
        Training(recipe(), background, seed=1).resume(tmp_path)


def test_a_finished_training_leaves_network_weights_and_card(recipe, background, tmp_path):
    training = Training(recipe(), background, seed=4)
    run(training, tmp_path)
    card = finish(training, tmp_path)
    assert card == json.loads((tmp_path / "tiny.json").read_text())
    assert card["seed"] == 4 and card["parameters"] == training.siamese.count_params()
    assert card["validation"] == training.history[-1]["accuracy"]
    assert card["digest"] in (tmp_path / "tiny.md").read_text()
    images = background.images[:8]
    loaded = load_checkpoint(tmp_path / "tiny.keras")
    np.testing.assert_allclose(loaded.embed(images), training.siamese.embed(images), atol=1e-6)
    with np.load(tmp_path / "tiny.npz") as stored:
        for name, array in weights(training).items():
            np.testing.assert_array_equal(stored[name], array.astype(np.float16))


BACKEND = """
import sys, numpy as np
from wayshot.models import load_keras
load_keras()
from wayshot.models import Training, load_checkpoint
from wayshot.models.recipe import Recipe
from wayshot.tasks import Dataset, Images, glyphs
from pathlib import Path
folder = Path(sys.argv[1])
bits, rows = glyphs.generate(seed=3, alphabets=1)
data = Dataset.build("one", Images(bits), [(*row, "/".join(row)) for row in rows])
recipe = Recipe("tiny", "strided", "lake-background", (), 25, 2, 32, warmup_steps=3)
(folder / "out").mkdir()
losses = [r.loss for r in Training(recipe, data, 1).run(folder / "out") if r.stage == "tower"]
assert losses[-1] < losses[0], losses
np.save(folder / "embedded.npy", load_checkpoint(folder / "given.keras").embed(data.images[:16]))
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_train_and_embed_alike(backend, recipe, background, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    run(training := Training(recipe(), background, seed=1), tmp_path / "tf")
    training.siamese.save(tmp_path / "given.keras")
    subprocess.run(
        [sys.executable, "-c", BACKEND, str(tmp_path)],
        check=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    from wayshot.tasks import Images, glyphs

    images = Images(glyphs.generate(seed=3, alphabets=1)[0])[:16]
    embedded = np.load(tmp_path / "embedded.npy")
    np.testing.assert_allclose(embedded, training.siamese.embed(images), atol=1e-4)
    shutil.rmtree(tmp_path / "tf")


def test_a_held_out_alphabet_that_is_too_small_is_refused_before_any_step(recipe, background):
    keep = ~background.table["character"].isin([f"character{i:02}" for i in range(5, 60)])
    small = background.select(keep.to_numpy(), "small")
    with pytest.raises(TaskError, match="20 ways are impossible"):
        Training(recipe(), small, seed=1)
