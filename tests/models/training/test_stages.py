from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from wayshot.models import ModelError
from wayshot.models.networks.comparison import joined, pooling, unit
from wayshot.models.networks.network import Network
from wayshot.models.networks.siamese import assemble
from wayshot.models.training.classes import ClassStage, CosineClassifier
from wayshot.models.training.episodes import EpisodeModel, EpisodeStage
from wayshot.models.training.optimizers import WarmCosine
from wayshot.models.training.pairs import PairStage
from wayshot.models.training.recipe import Classes, Episodes, Pairs
from wayshot.models.training.training_images import Given, TrainingImages

NETWORK = Network(backbone="example_backbones:pooled", join="product", head="weighted")


class Asked:
    """Training images of six characters of two alphabets, that keep what they are asked for."""

    characters = originals = tuple(f"{alphabet}/{i}" for alphabet in "AB" for i in range(3))
    labels = np.repeat(np.arange(6), 10)
    alphabets = labels // 3

    def __init__(self):
        self.calls = []

    def __len__(self):
        return len(self.labels)

    def drawn(self, rng, rows, turns=0, mirrored=False, size=None, pairs=False):
        self.calls.append((rows, turns, mirrored, size, pairs))
        return {"images": np.zeros((len(rows), size or 20, size or 20, 1), np.float32)}

    def layer(self, size=None):
        return Given(1)


def stage(kind, plan, images=None, seed=1):
    """A stage, and the images that it asks for."""
    images = Asked() if images is None else images
    return kind(plan, assemble(NETWORK, "tiny"), images, seed), images


def pairs_of(plan, steps, seed=1):
    """Of each step: rows of the first and second images of each pair, labels, weights, mirrored."""
    made, images = stage(PairStage, plan, seed=seed)
    found = []
    for step in range(steps):
        batch, truth = made.prepare(step)
        (rows, _, mirrored, _, together), places = images.calls[-1], batch["places"]
        assert together
        found.append((rows[places[:, 0]], rows[places[:, 1]], *truth.T, mirrored))
    return found


@pytest.mark.parametrize(("batch", "left_out"), [(24, 0), (50, 40)])
def test_an_epoch_of_classes_has_every_image_in_every_orientation_once(batch, left_out):
    made, images = stage(ClassStage, Classes(steps=20, batch=batch))
    steps = 240 // batch
    epochs = []
    for epoch in range(2):
        truths = [made.prepare(epoch * steps + step) for step in range(steps)]
        calls = images.calls[-steps:]
        seen = [(row, turn) for call in calls for row, turn in zip(*call[:2], strict=True)]
        assert len(seen) == len(set(seen)) == 240 - left_out
        assert {turn for _, turn in seen} == {0, 1, 2, 3}
        for (rows, turns, mirrored, *_), (_, labels) in zip(calls, truths, strict=True):
            np.testing.assert_array_equal(labels, images.labels[rows] * 4 + turns)
            assert not mirrored.any()
        epochs.append(seen)
    assert epochs[0] != epochs[1]


def test_a_batch_larger_than_an_epoch_is_an_epoch():
    made, images = stage(ClassStage, Classes(steps=2, batch=1000))
    made.prepare(1)
    assert len(images.calls[0][0]) == 240


def test_mirrored_characters_are_classes_of_their_own():
    made, images = stage(ClassStage, Classes(steps=9, batch=120, mirrors=True))
    assert made.model.last.kernel.shape[-1] == 48
    given = [made.prepare(step) for step in range(4)]
    mirrored = np.concatenate([call[2] for call in images.calls])
    assert mirrored.mean() == pytest.approx(0.5, abs=0.1)
    for (rows, turns, flips, *_), (_, labels) in zip(images.calls, given, strict=True):
        np.testing.assert_array_equal(labels, images.labels[rows] * 8 + turns + 4 * flips)


def test_the_first_steps_of_classes_see_small_images():
    made, images = stage(ClassStage, Classes(steps=9, batch=10, small_steps=2, small_size=12))
    for step in range(4):
        made.prepare(step)
    assert [call[3] for call in images.calls] == [12, 12, None, None]
    assert made.turning_point == 2
    before = ops.convert_to_numpy(made.model.last.kernel)
    assert np.isfinite([made.train(0, 2), made.train(2, 4)]).all()
    assert (ops.convert_to_numpy(made.model.last.kernel) != before).any()


def test_fixed_pairs_are_ten_same_and_ten_different_for_each_character_drawn_once():
    found = pairs_of(Pairs(steps=12, batch=20, sampling="fixed"), 12)
    labels = Asked.labels
    epochs = []
    for epoch in (found[:6], found[6:]):
        first, second, same, weight = (np.concatenate([one[i] for one in epoch]) for i in range(4))
        assert (weight == 1).all() and (first != second).all()
        np.testing.assert_array_equal(labels[first] == labels[second], same == 1)
        for character in range(6):
            assert list(np.bincount(same[labels[first] == character].astype(int))) == [10, 10]
        epochs.append(list(zip(first, second, strict=True)))
    assert epochs[0] != epochs[1] and sorted(epochs[0]) == sorted(epochs[1])


def test_uniform_pairs_are_half_the_same_and_drawn_anew():
    found = pairs_of(Pairs(steps=9, batch=32, sampling="uniform"), 9)
    labels = Asked.labels
    for first, second, same, weight, _ in found:
        assert same.sum() == 16 and (weight == 1).all() and (first != second).all()
        np.testing.assert_array_equal(labels[first] == labels[second], same == 1)
    rows = np.concatenate([first for first, *_ in found])
    assert len(np.unique(rows)) > 50
    others = np.concatenate([labels[second[same == 0]] for _, second, same, *_ in found])
    assert set(others) == set(range(6))


@pytest.mark.parametrize(("batch", "characters"), [(128, 6), (8, 4), (2, 2)])
def test_hard_pairs_are_those_within_an_alphabet(batch, characters):
    found = pairs_of(Pairs(steps=9, batch=batch, sampling="alphabet"), 9)
    labels, alphabets = Asked.labels, Asked.alphabets
    for first, second, same, weight, _ in found:
        chosen = np.unique(labels[first])
        assert len(chosen) == characters and len(first) == characters**2
        assert len(set(first)) == len(set(second)) == characters and not set(first) & set(second)
        np.testing.assert_array_equal(labels[first] == labels[second], same == 1)
        within = alphabets[first] == alphabets[second]
        assert (weight[~within] == 0).all() and (weight[within] > 0).all()
        assert weight[same == 1].sum() == pytest.approx(weight[same == 0].sum())
        assert weight.mean() == pytest.approx(1)
    assert {int(alphabets[one[0][0]]) for one in found} == {0, 1}


@pytest.mark.parametrize("rotations", [True, False])
def test_an_episode_has_the_shots_of_its_classes_and_then_other_drawings_as_queries(rotations):
    plan = Episodes(steps=9, ways=5, shots=2, queries=3, rotations=rotations)
    made, images = stage(EpisodeStage, plan)
    seen = []
    for step in range(9):
        truth = made.prepare(step)[1]
        rows, turns, *_ = images.calls[-1]
        assert len(rows) == made.images_a_step == 25
        classes = images.labels[rows] * 4 + turns
        support, queries = classes[:10].reshape(5, 2), classes[10:].reshape(5, 3)
        assert len(set(support[:, 0])) == 5 and (support == support[:, :1]).all()
        np.testing.assert_array_equal(queries, np.repeat(support[:, :1], 3, axis=1))
        assert len({*zip(rows, turns, strict=True)}) == 25
        np.testing.assert_array_equal(truth, np.repeat(np.eye(5), 3, axis=0))
        seen.extend(classes)
    # Of nine episodes, not every class need be in one.
    assert len({*seen}) > 18 if rotations else {*seen} == {*range(0, 24, 4)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ways": 25}, "25 ways need as many classes, but there are 24; lower ways"),
        ({"ways": 7, "rotations": False}, "there are 6; lower ways"),
        ({"ways": 2, "shots": 6}, "need 11 drawings of each character, but .* only 10"),
    ],
)
def test_episodes_that_the_characters_do_not_allow_are_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        stage(EpisodeStage, Episodes(steps=1, **changes))


OF_EPISODES = [
    ("tiny", "squared", "similarity"),
    ("tiny", "cosine", "attention"),
    ("tiny", "product", "weighted"),
    ("tiny", "difference", "weighted"),
    ("mapped", "concatenation", "relation"),
]


@pytest.mark.parametrize(("tower", "join", "head"), OF_EPISODES)
def test_the_logits_of_an_episode_are_the_scores_of_its_scorer(tower, join, head):
    """By the slow definition: embed alone, pool the shots, compare in NumPy."""
    network = Network(backbone=f"example_backbones:{tower}", join=join, head=head)
    siamese = assemble(network, "tiny")
    model = EpisodeModel(Given(1), siamese, Episodes(steps=1, ways=3, shots=2, queries=4))
    images = np.random.default_rng(0).random((18, 20, 20, 1)).astype(np.float32)
    embedded = np.asarray(ops.convert_to_numpy(siamese.tower(images, training=False)))
    shots, query = embedded[:6].reshape(3, 2, -1), embedded[6:]
    if pooling(join, head) == "prototype":
        expected = siamese.compare(query, shots.mean(axis=1))
    else:
        expected = siamese.compare(query, embedded[:6]).reshape(12, 3, 2).mean(axis=2)
    found = np.asarray(ops.convert_to_numpy(model({"images": images}, training=False)))
    found = np.exp(found) if head == "attention" else found
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_attention_over_the_shots_is_that_of_matching_networks():
    """Vinyals et al. 2016, equation 1: the attention on a class's shots, summed."""
    network = Network(backbone="example_backbones:tiny", join="cosine", head="attention")
    plan = Episodes(steps=1, ways=3, shots=2, queries=1)
    model = EpisodeModel(Given(1), assemble(network, "tiny"), plan)
    images = np.random.default_rng(0).random((9, 20, 20, 1)).astype(np.float32)
    embedded = unit(np.asarray(ops.convert_to_numpy(model.siamese.tower(images))))
    attention = np.exp(embedded[6:] @ embedded[:6].T)
    attention /= attention.sum(axis=1, keepdims=True)
    given = np.asarray(ops.softmax(model({"images": images}, training=False), axis=-1))
    np.testing.assert_allclose(given, attention.reshape(3, 3, 2).sum(axis=2), rtol=1e-4)


@pytest.mark.parametrize("sampling", ["fixed", "uniform", "alphabet"])
def test_both_images_of_a_pair_are_mirrored_or_neither(sampling):
    found = pairs_of(Pairs(steps=9, batch=12, sampling=sampling, flip=0.5), 9)
    flips = []
    for *_, mirrored in found:
        first, second = np.split(mirrored, 2)
        np.testing.assert_array_equal(first, second)
        flips.extend(first)
    assert np.mean(flips) == pytest.approx(0.5, abs=0.2)
    assert not any(one[-1].any() for one in pairs_of(Pairs(steps=2, sampling=sampling), 2))


@pytest.mark.parametrize(
    ("kind", "plan"),
    [
        (ClassStage, Classes(steps=9, batch=10, mirrors=True)),
        (PairStage, Pairs(steps=9, batch=10, sampling="fixed", flip=0.5)),
        (PairStage, Pairs(steps=9, batch=10, sampling="uniform", flip=0.5)),
        (PairStage, Pairs(steps=9, batch=10, sampling="alphabet", flip=0.5)),
        (EpisodeStage, Episodes(steps=9, ways=6)),
    ],
)
def test_a_step_depends_on_the_seed_and_its_number_alone(kind, plan, recipe, tiny):
    images = TrainingImages(recipe(), tiny, 20, 1)

    def prepared(steps, seed):
        made, _ = stage(kind, plan, images, seed)
        return [made.prepare(step) for step in steps][-1]

    (whole, truth), (alone, same) = prepared((0, 1, 2, 3), seed=5), prepared((3,), seed=5)
    np.testing.assert_array_equal(truth, same)
    assert list(whole) == list(alone)
    for name, array in whole.items():
        np.testing.assert_array_equal(array, alone[name])
    for steps, seed in (((3,), 6), ((2,), 5)):
        assert not np.array_equal(prepared(steps, seed)[0]["matrix"], whole["matrix"])


@pytest.mark.parametrize(
    ("kind", "plan"),
    [
        (ClassStage, Classes(steps=9, batch=10)),
        pytest.param(PairStage, Pairs(steps=9, batch=10), marks=pytest.mark.slow),
        pytest.param(EpisodeStage, Episodes(steps=9, ways=6), marks=pytest.mark.slow),
    ],
)
def test_steps_in_one_call_or_in_several_give_the_same_weights(kind, plan, recipe, tiny):
    trained = []
    for ends in ((0, 6), (0, 1, 3, 6)):
        keras.utils.set_random_seed(1)
        made, _ = stage(kind, plan, TrainingImages(recipe(), tiny, 20, 1))
        for first, last in pairwise(ends):
            made.train(first, last)
        trained.append([ops.convert_to_numpy(one) for one in made.model.trainable_variables])
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_loss_of_a_call_is_the_mean_over_its_steps(recipe, tiny):
    losses = []
    for ends in ((0, 4), (0, 1, 2, 3, 4)):
        keras.utils.set_random_seed(1)
        made, _ = stage(
            ClassStage, Classes(steps=9, batch=10), TrainingImages(recipe(), tiny, 20, 1)
        )
        losses.append(np.mean([made.train(first, last) for first, last in pairwise(ends)]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_error_in_a_batch_is_raised_where_it_is_trained_on(recipe, tiny, monkeypatch):
    made, _ = stage(ClassStage, Classes(steps=9, batch=10), TrainingImages(recipe(), tiny, 20, 1))
    prepare = made.prepare

    def broken(step):
        if step == 3:
            raise ModelError("the third is broken")
        return prepare(step)

    monkeypatch.setattr(made, "prepare", broken)
    with pytest.raises(Exception, match="the third is broken"):
        made.train(0, 6)


@pytest.mark.parametrize(("rise", "steps"), [(0, 10), (3, 10), (5, 5)])
def test_learning_rates_rise_and_fall_as_those_of_keras(rise, steps):
    ours = WarmCosine(0.5, rise, steps)
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rise, 1), warmup_target=0.5, warmup_steps=rise
    )
    for step in range(steps + 3):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), abs=1e-6)


def test_momentum_rises_linearly():
    """Koch et al. 2015, against the definition, on the trained head's bias."""
    plan = Pairs(
        steps=4, batch=8, sampling="uniform", optimizer="sgd", learning_rate=0.1, decay=0.5,
        epoch_steps=2, momentum=(0.2, 0.8), tower=False,
    )  # fmt: skip
    images = Asked()
    made = PairStage(plan, siamese := assemble(NETWORK, "tiny"), images, seed=1)
    bias, velocity = 0.0, 0.0
    for step, rate in enumerate((0.1, 0.1, 0.05, 0.05)):
        # All images are alike, so the gradient of the bias follows from the one logit.
        embedded = np.asarray(siamese.tower.predict_on_batch(np.zeros((1, 20, 20, 1), np.float32)))
        logit = float(siamese.compare(embedded, embedded)[0, 0])
        gradient = 1 / (1 + np.exp(-logit)) - 0.5
        velocity = (0.2 + 0.6 * step / 4) * velocity - rate * gradient
        bias += velocity
        made.train(step, step + 1)
        assert float(np.asarray(siamese.head.bias)) == pytest.approx(bias, abs=1e-5)


class Taught(Asked):
    """Images whose embeddings by a teacher are all the same for a character, turn and mirroring."""

    known = np.random.default_rng(0).normal(size=(48, 7))

    def embedded(self, siamese, rows, turn=0, mirrored=False):
        return self.known[self.labels[rows] * 8 + turn + 4 * mirrored]


@pytest.mark.parametrize("mirrors", [False, True])
def test_classes_start_where_a_teacher_has_them(mirrors, monkeypatch):
    teacher = SimpleNamespace(card={"characters": list(Asked.characters)}, build=lambda: None)
    monkeypatch.setattr("wayshot.models.training.classes.bundle", lambda name: teacher)
    made, _ = stage(ClassStage, Classes(steps=1, mirrors=mirrors, teacher="x"), Taught())
    directions = ops.convert_to_numpy(made.model.layers[-1].kernel).T
    known = unit(Taught.known if mirrors else Taught.known.reshape(6, 2, 4, 7)[:, 0].reshape(24, 7))
    np.testing.assert_allclose(directions @ directions.T, known @ known.T, atol=1e-5)


def test_a_teacher_may_not_have_seen_what_is_made_of_its_characters(monkeypatch):
    images = Taught()
    images.originals = Asked.characters[:5]
    teacher = SimpleNamespace(card={"characters": list(images.originals)}, build=lambda: None)
    monkeypatch.setattr("wayshot.models.training.classes.bundle", lambda name: teacher)
    made, _ = stage(ClassStage, Classes(steps=1, teacher="x"), images)
    assert made.model.layers[-1].kernel.shape[-1] == 24


def test_a_teacher_of_other_characters_is_refused(monkeypatch):
    teacher = SimpleNamespace(card={"characters": ["A/0"]})
    monkeypatch.setattr("wayshot.models.training.classes.bundle", lambda name: teacher)
    with pytest.raises(ModelError, match="trained on other characters"):
        stage(ClassStage, Classes(steps=1, teacher="x"))


class Noisy(Asked):
    """Images that are a pattern of their character's own under noise."""

    def drawn(self, rng, rows, turns=0, mirrored=False, size=None, pairs=False):
        patterns = np.random.default_rng(0).random((6, 20, 20, 1))
        noise = rng.normal(0, 0.3, (len(rows), 20, 20, 1))
        return {"images": (patterns[self.labels[rows]] + noise).astype(np.float32)}


@pytest.mark.parametrize(
    ("join", "head"),
    [("difference", "dense"), ("squared", "weighted"), ("cosine", "weighted")],
)
def test_a_head_can_start_as_the_line_that_fits_the_first_batch(join, head, monkeypatch):
    network = Network(backbone="example_backbones:pooled", join=join, head=head)
    # Of some random towers the best line is flatter than a head may start.
    keras.utils.set_random_seed(2)
    siamese = assemble(network, "tiny")
    made = PairStage(Pairs(steps=9, fitted=True), siamese, Noisy(), 1)
    monkeypatch.setattr("wayshot.models.training.batches.Stage.train", lambda *_: 0.0)
    made.train(0, 1)
    batch, truth = made.prepare(0)
    places = batch["places"]
    embedded = np.asarray(siamese.tower.predict_on_batch(batch["images"]), dtype=np.float32)
    first, second = embedded[places[:, 0]], embedded[places[:, 1]]
    ends = (unit(first), unit(second)) if join == "cosine" else (first, second)
    alike = joined(join, *ends).sum(axis=1)
    logits = np.diagonal(siamese.compare(first, second))
    factor, bias = np.polyfit(alike, logits, 1)
    np.testing.assert_allclose(logits, factor * alike + bias, atol=1e-3)
    assert (factor < 0) == (join in ("difference", "squared"))
    # Where a line fits best, its errors cancel, and those far out as well.
    wrong = truth[:, 1] * (1 / (1 + np.exp(-logits)) - truth[:, 0])
    assert abs(wrong.mean()) < 1e-3
    assert abs((wrong * (alike - alike.mean())).mean()) < 1e-3 * alike.std()
    moved = ops.convert_to_numpy(siamese.head.weighting) + 1
    siamese.head.weighting.assign(moved)
    made.train(1, 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(siamese.head.weighting), moved)


@pytest.mark.parametrize(("join", "head"), [("cosine", "similarity"), ("product", "dense")])
def test_other_heads_cannot_start_as_a_line(join, head):
    network = Network(backbone="example_backbones:pooled", join=join, head=head)
    with pytest.raises(ModelError, match="fitted needs a weighted head"):
        PairStage(Pairs(steps=1, fitted=True), assemble(network, "tiny"), Asked(), 1)


def test_a_dense_head_narrower_than_the_embeddings_cannot_start_as_a_line(monkeypatch):
    network = Network(backbone="example_backbones:pooled", join="difference", head="dense")
    monkeypatch.setattr("wayshot.models.training.pairs.HIDDEN", 31)
    with pytest.raises(ModelError, match="at most 31 dimensions, not 32"):
        PairStage(Pairs(steps=1, fitted=True), assemble(network, "tiny"), Asked(), 1)


def test_the_norm_penalty_is_nothing_for_the_right_length_alone():
    layer = CosineClassifier(3, norm_penalty=2.0)
    embedding = np.random.default_rng(0).normal(size=(4, 25)).astype(np.float32)
    right = 5 * unit(embedding)
    for length, penalty in ((1.0, 0.0), (1.5, 0.5), (0.5, 0.5)):
        layer(length * right)
        assert float(layer.losses[-1]) == pytest.approx(penalty, abs=1e-5)


CLASSES = {"torch": "torch import Tensor", "jax": "jax._src.array import ArrayImpl as Tensor"}

COUNTED = """
for name in ("__array__", "item", "tolist", "numpy", "cpu", "__float__", "__int__", "__bool__"):
    def counted(*words, _real=getattr(Tensor, name, None), **named):
        fetched.append(_real)
        return _real(*words, **named)
    if hasattr(Tensor, name):
        setattr(Tensor, name, counted)
from keras.src import backend
fetch = backend.convert_to_numpy
backend.convert_to_numpy = lambda x: fetched.append(fetch) or fetch(x)
"""
"""Code that counts how often something is brought from the device to the host."""


@pytest.mark.parametrize("backend", CLASSES)
def test_nothing_is_fetched_from_the_device_for_a_step(backend, tmp_path):
    if not find_spec(backend):
        pytest.skip(f"needs {backend}, to train on its backend")
    code = (
        "import numpy as np\n"
        "from test_stages import Asked, NETWORK\n"
        "from wayshot.models.networks.siamese import assemble\n"
        "from wayshot.models.training.classes import ClassStage\n"
        "from wayshot.models.training.pairs import PairStage\n"
        "from wayshot.models.training.episodes import EpisodeStage\n"
        "from wayshot.models.training.recipe import Classes, Distortion, Episodes, Pairs\n"
        "from wayshot.models.training.training_images import Distorted, TrainingImages\n"
        "from wayshot.models.training.augmentation import draw\n"
        "distortion = Distortion(stroke=0.5, cutout=0.3)\n"
        "class Images(Asked):\n"
        "    def drawn(self, rng, rows, *words, **named):\n"
        "        rows = rows.astype(np.int32)\n"
        "        return {'rows': rows, **draw(rng, len(rows), distortion)}\n"
        "    def layer(self, size=None):\n"
        "        return Distorted(np.ones((60, 40, 40), np.float16), 20, 1, distortion)\n"
        "plans = {\n"
        "    ClassStage: Classes(steps=40, batch=8),\n"
        "    PairStage: Pairs(steps=40, batch=8),\n"
        "    EpisodeStage: Episodes(steps=40, ways=4),\n"
        "}\n"
        "stages = [kind(plan, assemble(NETWORK, 'tiny'), Images(), 1)\n"
        "    for kind, plan in plans.items()]\n"
        "fetched = []\n"
        f"from {CLASSES[backend]}\n"
        f"{COUNTED}\n"
        "for made in stages:\n"
        "    counts = []\n"
        "    for first, last in ((0, 2), (2, 5), (5, 20)):\n"
        "        fetched.clear()\n"
        "        assert np.isfinite(made.train(first, last))\n"
        "        counts.append(len(fetched))\n"
        "    assert counts[1] and counts[1] == counts[2], counts\n"
    )
    folders = os.pathsep.join(
        [str(Path(__file__).parent), str(Path(__file__).parents[2] / "bench"), *sys.path]
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": folders},
        cwd=tmp_path,
        check=True,
    )
