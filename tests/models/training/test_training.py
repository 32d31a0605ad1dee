from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest
from wayshot.models import Bundle, ModelError, Training, finish, load_checkpoint
from wayshot.models.bundled import read_weights
from wayshot.models.networks.network import Network
from wayshot.models.training.recipe import Classes, Distortion, Episodes, Pairs
from wayshot.tasks import Images, TaskError
from wayshot.tasks.data import glyphs

POOLED = Network(backbone="example_backbones:pooled", join="product", head="weighted")


def weights(training: Training) -> dict[str, np.ndarray]:
    return read_weights(training.siamese)


def run(training: Training, folder) -> list:
    folder.mkdir(exist_ok=True)
    return list(training.run(folder))


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(other[name], array, err_msg=name)


@pytest.fixture
def every_step(monkeypatch):
    """Reports and checkpoints after every step."""
    monkeypatch.setattr("wayshot.models.training.training.REPORT_SECONDS", 0)
    monkeypatch.setattr("wayshot.models.training.training.LOSS_STEPS", 1)
    monkeypatch.setattr("wayshot.models.training.training.CHECKPOINT_SECONDS", -1)


def test_reports_come_as_often_as_they_should_and_no_call_goes_past_a_validation(
    recipe, background, tmp_path, monkeypatch
):
    classes = Classes(steps=100, batch=32, warmup_steps=2, small_steps=7, small_size=12)
    plan = recipe(network=POOLED, classes=classes, pairs=None, held_out=(), validate_every=45)
    ends = []
    for seconds in (0, 1e9):
        monkeypatch.setattr("wayshot.models.training.training.REPORT_SECONDS", seconds)
        training = Training(plan, background, seed=1)
        monkeypatch.setattr(training._stages["classes"], "train", lambda first, last: 1.0)
        ends.append([report.step for report in run(training, tmp_path)])
    # Twenty steps before a validation are one call, whose loss is noted.
    every = [*range(1, 26), 45, *range(46, 71), 90, 100]
    assert ends == [every, [1, 3, 7, 15, 25, 45, 70, 90, 100]]


def test_training_by_classes_lowers_the_loss(recipe, background, tmp_path):
    classes = Classes(steps=60, batch=64, learning_rate=5e-3, warmup_steps=5)
    plan = recipe(classes=classes, pairs=None, held_out=(), validate_every=60)
    losses = [report.loss for report in run(Training(plan, background, seed=1), tmp_path)]
    assert len(losses) > 2 and losses[-1] < losses[0] - 1


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "alphabet", "learning_rate": 3e-3},
        {"sampling": "uniform", "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 1e-4},
        {"sampling": "fixed", "learning_rate": 3e-3, "label_smoothing": 0.01, "flip": 0.5},
    ],
)
def test_training_by_pairs_lowers_the_loss(changes, recipe, background, tmp_path):
    network = Network(backbone="example_backbones:tiny", join="difference", head="dense")
    pairs = Pairs(**{"steps": 80, "batch": 64, **changes})
    plan = recipe(network=network, classes=None, pairs=pairs, held_out=(), validate_every=80)
    losses = [report.loss for report in run(Training(plan, background, seed=1), tmp_path)]
    assert len(losses) > 2 and losses[-1] < losses[0] - 0.03


@pytest.mark.parametrize(
    ("backbone", "join", "head", "loss"),
    [
        ("tiny", "squared", "similarity", "cross-entropy"),
        ("tiny", "cosine", "attention", "cross-entropy"),
        pytest.param(
            *("mapped", "concatenation", "relation", "squared-error"), marks=pytest.mark.slow
        ),
    ],
)
def test_training_by_episodes_lowers_the_loss(
    backbone, join, head, loss, recipe, background, tmp_path
):
    network = Network(backbone=f"example_backbones:{backbone}", join=join, head=head)
    episodes = Episodes(steps=60, ways=8, queries=4, loss=loss, learning_rate=3e-3)
    plan = recipe(
        network=network,
        classes=None,
        pairs=None,
        episodes=episodes,
        held_out=(),
        distortion=Distortion(probability=0, elastic=0),
    )
    losses = [report.loss for report in run(Training(plan, background, seed=1), tmp_path)]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_a_killed_training_by_episodes_ends_with_the_same_weights(
    recipe, background, tmp_path, every_step
):
    """The averages of a head's normalisations are part of its weights."""
    network = Network(backbone="example_backbones:mapped", join="concatenation", head="relation")
    plan = recipe(
        network=network,
        classes=Classes(steps=2, batch=8, warmup_steps=1),
        pairs=None,
        episodes=Episodes(steps=4, ways=3, shots=2, queries=2),
        held_out=(),
    )
    whole = Training(plan, background, seed=1)
    run(whole, tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    for report in Training(plan, background, seed=1).run(tmp_path / "killed"):
        if (report.stage, report.step) == ("episodes", 2):
            break
    resumed = Training(plan, background, seed=1)
    resumed.resume(tmp_path / "killed")
    reports = run(resumed, tmp_path / "killed")
    assert (reports[0].stage, reports[0].step) == ("episodes", 2)
    assert_same(weights(whole), weights(resumed))
    untrained = weights(Training(plan, background, seed=1))
    moved = {name for name, one in weights(whole).items() if (one != untrained[name]).any()}
    assert {name for name in untrained if name.startswith("head")} <= moved


@pytest.mark.parametrize("backbone", ["pooled", "forgetful"])
@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(
    recipe, background, tmp_path, every_step, backbone
):
    """Whichever stage it is killed in; the step after the last checkpoint is made anew."""
    plan = recipe(
        network=msgspec.structs.replace(POOLED, backbone=f"example_backbones:{backbone}"),
        classes=Classes(steps=6, batch=32, warmup_steps=2, small_steps=4, small_size=16),
        pairs=Pairs(steps=4, batch=16, optimizer="sgd", learning_rate=0.01, decay=0.9),
    )
    whole = Training(plan, background, seed=1)
    run(whole, tmp_path / "whole")
    for killed in (("classes", 3), ("pairs", 1), ("pairs", 3)):
        folder = tmp_path / "{}-{}".format(*killed)
        folder.mkdir()
        for report in Training(plan, background, seed=1).run(folder):
            if (report.stage, report.step) == killed:
                break
        resumed = Training(plan, background, seed=1)
        resumed.resume(folder)
        reports = run(resumed, folder)
        assert (reports[0].stage, reports[0].step) == killed
        assert_same(weights(whole), weights(resumed))
        assert resumed.history == whole.history
        assert resumed.seconds > 0


def test_a_finished_training_resumed_has_nothing_to_do(recipe, background, tmp_path):
    whole = Training(recipe(), background, seed=1)
    run(whole, tmp_path)
    resumed = Training(recipe(), background, seed=1)
    resumed.resume(tmp_path)
    assert run(resumed, tmp_path) == []
    assert_same(weights(whole), weights(resumed))


def test_other_seeds_give_other_weights(recipe, background, tmp_path):
    trained = []
    plan = recipe(classes=Classes(steps=2, batch=8), pairs=None, held_out=())
    for seed in (1, 2, 1):
        trained.append(Training(plan, background, seed=seed))
        run(trained[-1], tmp_path)
    first, second, again = (weights(training) for training in trained)
    assert not np.array_equal(first["tower.00.kernel"], second["tower.00.kernel"])
    assert_same(first, again)


def test_held_out_alphabets_are_not_trained_on(recipe, background):
    training = Training(recipe(), background, seed=1)
    (held_out,) = recipe().held_out
    assert training.characters
    assert not [name for name in training.characters if name.startswith(f"{held_out}/")]
    alphabets = background.characters["alphabet"]
    assert len(training.characters) == (alphabets != held_out).sum() < len(background.characters)
    assert set(training.validate()) == {"within", "between"}


def test_without_held_out_alphabets_there_is_no_validation(recipe, background):
    training = Training(recipe(held_out=()), background, seed=1)
    assert training.validate() == {}
    assert len(training.characters) == len(background.characters)


def test_validation_by_classes_is_by_cosine_and_by_pairs_by_the_head(recipe, background):
    training = Training(recipe(), background, seed=1)
    for weight in training.siamese.head.weights:
        weight.assign(np.zeros(weight.shape))
    by_head, by_cosine = (training.validate(stage=stage) for stage in ("pairs", "classes"))
    # Of equal scores the first is taken, which is as good as chance.
    assert max(by_head.values()) < 0.15 < min(by_cosine.values())


def test_a_recipe_with_an_unknown_alphabet_is_refused(recipe, background):
    with pytest.raises(ModelError, match="does not have: Klingon"):
        Training(recipe(held_out=("Klingon",)), background, seed=1)


def test_a_held_out_alphabet_that_is_too_small_is_refused_before_any_step(recipe, background):
    keep = ~background.table["character"].isin([f"character{i:02}" for i in range(5, 60)])
    small = background.select(keep.to_numpy(), "small")
    with pytest.raises(TaskError, match="20 ways are impossible"):
        Training(recipe(), small, seed=1)


@pytest.mark.parametrize("stage", ["classes", "pairs"])
def test_a_loss_that_is_not_finite_stops_with_the_last_checkpoint(
    stage, recipe, background, tmp_path, monkeypatch
):
    changes = {"classes": None} if stage == "pairs" else {}
    training = Training(recipe(**changes), background, seed=1)
    training.save(tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(training._stages[stage], "train", lambda first, last: float("nan"))
    with pytest.raises(ModelError, match=rf"steps 1 to \d+ of {stage}: the loss is nan"):
        run(training, tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_checkpoint_of_another_training_or_damaged_is_refused(recipe, background, tmp_path):
    Training(recipe(), background, seed=1).save(tmp_path)
    with pytest.raises(ModelError, match="of another seed;"):
        Training(recipe(), background, seed=2).resume(tmp_path)
    with pytest.raises(ModelError, match="of another recipe;"):
        Training(recipe(drawers=19), background, seed=1).resume(tmp_path)
    with pytest.raises(ModelError, match="of another precision;"):
        Training(recipe(), background, seed=1, precision="mixed").resume(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read") as caught:
        Training(recipe(), background, seed=1).resume(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot be read"):
        Training(recipe(), background, seed=1).resume(tmp_path / "nowhere")


def test_a_checkpoint_of_a_recipe_from_before_there_were_some_fields_is_resumed(
    recipe, background, tmp_path
):
    Training(recipe(), background, seed=1).save(tmp_path)
    path = tmp_path / "checkpoint.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    state = json.loads(str(arrays.pop("state")))
    assert state["recipe"].pop("episodes") is None
    assert [state["recipe"].pop(name) for name in ("glyphs", "composed", "redrawn")] == [0, 0, 0]
    assert state["recipe"]["classes"].pop("averaged") == 0
    np.savez(path, state=np.array(json.dumps(state)), **arrays)
    Training(recipe(), background, seed=1).resume(tmp_path)


MORE = {"glyphs": 1, "composed": 2, "redrawn": 1}


def test_made_characters_are_trained_on_and_named_apart(recipe, background, tmp_path):
    plan = recipe(**MORE, pairs=None)
    training, plain = Training(plan, background, 1), Training(recipe(pairs=None), background, 1)
    assert training.characters == plain.characters and plain.made_characters == []
    composed = [name for name in training.made_characters if "made up" not in name]
    assert len(composed) == 2 * 2 and len(training.made_characters) > len(composed) + 13
    (held_out,) = plan.held_out
    assert not [name for name in training.made_characters if name.startswith(f"{held_out}/")]
    np.testing.assert_array_equal(
        training._validation._held_out.images.bits, plain._validation._held_out.images.bits
    )
    count = len(training.characters) + len(training.made_characters)
    assert training._stages["classes"].model.last.classes == 4 * count
    run(training, tmp_path)
    card = finish(training, tmp_path)
    assert card["characters"] == plain.characters
    assert card["made_characters"] == training.made_characters
    assert card["data"]["characters_seen"] == len(plain.characters)
    said = f"{len(plain.characters)} characters seen; {len(card['made_characters'])} characters "
    assert said + "composed or made up; 1 redrawings" in (tmp_path / "tiny.md").read_text()


@pytest.mark.slow
def test_a_killed_training_with_more_characters_and_averages_ends_the_same(
    recipe, background, tmp_path, every_step
):
    """Also where the averages are validated and kept between two steps."""
    classes = Classes(steps=6, batch=32, warmup_steps=1, averaged=0.8)
    plan = recipe(**MORE, classes=classes, pairs=Pairs(steps=2, batch=16), validate_every=2)
    whole = Training(plan, background, seed=1)
    run(whole, tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    for report in Training(plan, background, seed=1).run(tmp_path / "killed"):
        if report.step == 3:
            break
    resumed = Training(plan, background, seed=1)
    resumed.resume(tmp_path / "killed")
    run(resumed, tmp_path / "killed")
    assert_same(weights(whole), weights(resumed))
    assert resumed.history == whole.history


def test_the_averages_of_the_weights_are_validated_and_kept(
    recipe, background, tmp_path, monkeypatch
):
    """Against averages that are computed here, after every step."""
    momentum, name = 0.7, "tower.00.kernel"
    classes = Classes(steps=5, batch=32, warmup_steps=1, learning_rate=0.01, averaged=momentum)
    plan = recipe(classes=classes, pairs=None, validate_every=3)
    training, seen, average = Training(plan, background, seed=1), [], None
    train, stage = training._stages["classes"].train, training._stages["classes"]
    validate = training.validate

    def watched(first, last):
        nonlocal average
        losses = []
        for step in range(first, last):
            losses.append(train(step, step + 1))
            now = weights(training)[name].copy()
            average = now if average is None else momentum * average + (1 - momentum) * now
        return losses[-1]

    def watching(*given, **named):
        seen.append((weights(training)[name].copy(), average))
        return validate(*given, **named)

    monkeypatch.setattr(stage, "train", watched)
    monkeypatch.setattr(training, "validate", watching)
    for report in training.run(tmp_path):
        if report.step == 3:
            # What a training that is ended early keeps.
            kept = read_weights(training.finished())[name]
            np.testing.assert_allclose(kept, average, atol=1e-6)
            assert not np.allclose(weights(training)[name], average, atol=1e-6)
    assert len(seen) == 2
    for found, expected in seen:
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(weights(training)[name], average, atol=1e-6)


def test_an_unknown_precision_is_refused(recipe, background):
    with pytest.raises(ModelError, match="'double', expected one of auto, float32, mixed"):
        Training(recipe(), background, seed=1, precision="double")


@pytest.mark.parametrize(
    ("accuracies", "stopped", "best"),
    [([0.2, 0.6, 0.5, 0.4, 0.9, 0.9], 4, 2), ([0.2, 0.3, 0.2, 0.4, 0.6, 0.5], 6, 5)],
)
def test_patience_ends_a_stage_and_goes_back_to_the_best_weights(
    accuracies, stopped, best, recipe, background, tmp_path, monkeypatch
):
    classes = Classes(steps=6, batch=32, warmup_steps=2)
    plan = recipe(classes=classes, pairs=None, validate_every=1, patience=2)
    training = Training(plan, background, seed=1)
    kept = []

    def validate(*_, **__):
        kept.append(weights(training))
        return {"within": accuracies[len(kept) - 1], "between": 0.5}

    monkeypatch.setattr(training, "validate", validate)
    run(training, tmp_path)
    assert len(training.history) == stopped
    assert_same(weights(training), kept[best - 1])
    resumed = Training(plan, background, seed=1)
    resumed.resume(tmp_path)
    assert_same(weights(resumed), kept[best - 1])
    assert run(resumed, tmp_path) == []


def test_a_stage_that_ends_between_validations_has_its_last_one_count(
    recipe, background, tmp_path, monkeypatch
):
    classes = Classes(steps=5, batch=32, warmup_steps=2)
    plan = recipe(classes=classes, pairs=None, validate_every=2, patience=3)
    training = Training(plan, background, seed=1)
    kept = []

    def validate(*_, **__):
        kept.append(weights(training))
        return {"within": len(kept) / 10}

    monkeypatch.setattr(training, "validate", validate)
    run(training, tmp_path)
    assert [entry["step"] for entry in training.history] == [2, 4, 5]
    assert_same(weights(training), kept[2])


def test_a_killed_training_remembers_its_best_weights(
    recipe, background, tmp_path, monkeypatch, every_step
):
    classes = Classes(steps=6, batch=32, warmup_steps=2)
    plan = recipe(classes=classes, pairs=None, validate_every=1, patience=3)
    accuracies = [0.2, 0.6, 0.5, 0.4, 0.3, 0.2]
    kept = {}

    def watched() -> Training:
        training = Training(plan, background, seed=1)

        def validate(*_, **__):
            kept[step := len(training.history) + 1] = weights(training)
            return {"within": accuracies[step - 1]}

        monkeypatch.setattr(training, "validate", validate)
        return training

    for report in watched().run(tmp_path):
        if report.step == 4:
            break
    resumed = watched()
    resumed.resume(tmp_path)
    assert [report.step for report in run(resumed, tmp_path)] == [4, 5]
    assert_same(weights(resumed), kept[2])


@pytest.mark.parametrize("tower", ["pooled", "sequential"])
def test_small_images_train_the_weights_that_large_ones_go_on_with(tower, recipe, background):
    network = Network(backbone=f"example_backbones:{tower}")
    small = Classes(steps=4, batch=32, warmup_steps=1, small_steps=2, small_size=12)
    training = Training(recipe(network=network, classes=small, held_out=()), background, seed=1)
    stage, taken = training._stages["classes"], []
    assert (stage.small.images.size, stage.model.images.size) == (12, 20)
    # The first step of the schedule has no learning rate.
    for first, last in ((0, 2), (2, 3)):
        taken.append(weights(training))
        stage.train(first, last)
    before, small, large = *taken, weights(training)
    for name in before:
        assert not np.array_equal(before[name], small[name]), name
        assert not np.array_equal(small[name], large[name]), name
    assert int(stage.model.optimizer.iterations) == 3


def test_small_images_for_a_tower_that_cannot_take_them_are_refused(recipe, background):
    classes = Classes(steps=4, batch=32, small_steps=2, small_size=12)
    with pytest.raises(ModelError, match="small_s") as caught:
        Training(recipe(classes=classes), background, seed=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sampling", ["fixed", "uniform", "alphabet"])
def test_characters_drawn_but_once_have_no_pairs(sampling, recipe, background):
    once = background.select((background.table["drawer"] == "01").to_numpy(), "once")
    plan = recipe(held_out=(), pairs=Pairs(steps=2, batch=8, sampling=sampling))
    with pytest.raises(ModelError) as caught:
        Training(plan, once, seed=1)
    assert "\n" not in str(caught.value)


def test_classes_may_be_mirrored(recipe, background, tmp_path):
    plan = recipe(classes=Classes(steps=3, batch=32, mirrors=True), pairs=None, held_out=())
    training = Training(plan, background, seed=1)
    (last,) = run(training, tmp_path)
    assert np.isfinite(last.loss)
    classes = training._stages["classes"].model.last.kernel.shape[-1]
    assert classes == 8 * len(training.characters)


@pytest.mark.parametrize("sampling", ["fixed", "alphabet"])
def test_a_head_trained_alone_leaves_the_tower_as_it_is(sampling, recipe, background, tmp_path):
    pairs = Pairs(steps=3, batch=16, tower=False, sampling=sampling)
    plan = recipe(classes=None, pairs=pairs, held_out=())
    training = Training(plan, background, seed=1)
    before = weights(training)
    run(training, tmp_path)
    for name, array in weights(training).items():
        assert np.array_equal(array, before[name]) == name.startswith("tower"), name


def test_the_tower_learns_in_both_stages_and_the_head_in_the_second(recipe, background, tmp_path):
    training = Training(recipe(held_out=()), background, seed=1)
    taken = [weights(training)]
    for _ in training.run(tmp_path):
        taken.append(weights(training))
    first, classes, pairs = taken[0], taken[2], taken[-1]
    for name in first:
        assert np.array_equal(first[name], classes[name]) == name.startswith("head"), name
        assert not np.array_equal(classes[name], pairs[name]), name


def test_a_finished_training_leaves_network_weights_and_card(recipe, background, tmp_path):
    network = msgspec.structs.replace(recipe().network, quarter_turns=True)
    training = Training(recipe(network=network), background, seed=4)
    run(training, tmp_path)
    card = finish(training, tmp_path)
    assert card == json.loads((tmp_path / "tiny.json").read_text())
    assert card["seed"] == 4 and card["parameters"] == training.siamese.count_params()
    assert card["embedding"] == 128 and card["characters"] == training.characters
    assert card["validation"] == training.history[-1]["accuracy"]
    assert card["digest"] in (tmp_path / "tiny.md").read_text()
    images = background.images[:8]
    embedded = training.siamese.embed(images)
    loaded = load_checkpoint(tmp_path / "tiny.keras")
    np.testing.assert_allclose(loaded.embed(images), embedded, atol=1e-6)
    with np.load(tmp_path / "tiny.npz") as stored:
        for name, array in weights(training).items():
            np.testing.assert_array_equal(stored[name], array.astype(np.float16))
    bundled = Bundle("tiny", card, tmp_path / "tiny.npz").build()
    np.testing.assert_allclose(bundled.embed(images), embedded, rtol=0.02, atol=0.02)


def test_a_training_without_validation_leaves_a_card_too(recipe, background, tmp_path):
    plan = recipe(held_out=(), classes=None)
    training = Training(plan, background, seed=4)
    run(training, tmp_path)
    assert finish(training, tmp_path)["validation"] == {}
    assert "| held-out alphabets | none |" in (tmp_path / "tiny.md").read_text()


BACKEND = """
import sys, keras, numpy as np
from pathlib import Path
from wayshot.models import Training, load_checkpoint
from wayshot.models.training.recipe import Classes, Network, Pairs, Recipe
from wayshot.tasks import Dataset, Images
from wayshot.tasks.data import glyphs
folder, precision = Path(sys.argv[1]), sys.argv[2]
bits, rows = glyphs.generate(seed=3, alphabets=1)
data = Dataset.build("one", Images(bits), [(*row, "/".join(row)) for row in rows])
recipe = Recipe(
    name="tiny",
    network=Network(
        backbone="example_backbones:pooled", quarter_turns=True, join="difference", head="dense"
    ),
    data="lake-background",
    held_out=(),
    classes=Classes(steps=40, batch=32, learning_rate=5e-3, warmup_steps=3, small_steps=10),
    pairs=Pairs(steps=40, batch=32, learning_rate=1e-3),
)
(folder / "out").mkdir()
training = Training(recipe, data, 1, precision)
reports = list(training.run(folder / "out"))
for stage in ("classes", "pairs"):
    losses = [report.loss for report in reports if report.stage == stage]
    assert losses[-1] < losses[0], (stage, losses)
assert training.policy == {"mixed": "mixed_bfloat16"}.get(precision, precision)
assert training.siamese.tower.layers[-1].compute_dtype == training.policy.split("_")[-1]
for one in (training.siamese, training.finished()):
    assert {str(keras.backend.standardize_dtype(w.dtype)) for w in one.weights} == {"float32"}
assert keras.config.dtype_policy().name == "float32"
assert training.finished().tower.layers[-1].compute_dtype == "float32"
embedded = training.siamese.embed(data.images[:16])
again = training.finished().embed(data.images[:16])
assert again.dtype == np.float32
np.testing.assert_allclose(again, embedded, atol=1e-5 if precision == "float32" else 0.1)
resumed = Training(recipe, data, 1, precision)
resumed.resume(folder / "out")
assert np.array_equal(resumed.finished().embed(data.images[:16]), again)
np.save(folder / "embedded.npy", load_checkpoint(folder / "given.keras").embed(data.images[:16]))
"""


@pytest.mark.parametrize(
    ("backend", "precision"), [("torch", "float32"), ("torch", "mixed"), ("jax", "float32")]
)
def test_other_backends_and_precisions_train_and_embed_alike(
    backend, precision, recipe, background, tmp_path
):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    network = Network(backbone="example_backbones:tiny", quarter_turns=backend == "torch")
    training = Training(recipe(network=network, pairs=None), background, seed=1)
    run(training, tmp_path / "here")
    training.siamese.save(tmp_path / "given.keras")
    done = subprocess.run(
        [sys.executable, "-c", BACKEND, str(tmp_path), precision],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=Path(__file__).parents[2] / "bench",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    images = Images(glyphs.generate(seed=3, alphabets=1)[0])[:16]
    embedded = np.load(tmp_path / "embedded.npy")
    np.testing.assert_allclose(embedded, training.siamese.embed(images), atol=1e-4)


def test_training_leaves_keras_precision_as_it_was(recipe, background):
    before = keras.config.dtype_policy().name
    Training(recipe(), background, seed=1, precision="mixed")
    assert keras.config.dtype_policy().name == before
