from __future__ import annotations

import dataclasses
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from wayshot import tasks
from wayshot.bench import evaluate, resolve
from wayshot.models import ModelError, bundle, bundles
from wayshot.models.bundled import FOLDER
from wayshot.models.card import render_card
from wayshot.models.training import recipe as recipes
from wayshot.tasks.splits import parts_of


@pytest.fixture(scope="module", params=bundles())
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def scorer(name):
    return resolve(name)[0]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return tasks.load("glyphs", "evaluation").images[:256]


@pytest.fixture(scope="module")
def embedded(scorer, images) -> np.ndarray:
    return scorer.embed(images)


def test_there_is_a_small_network():
    assert "siamese-small" in bundles()


def test_all_weights_are_small_files():
    assert (FOLDER / "siamese-small.npz").stat().st_size <= 4 * 2**20
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 32 * 2**20


def test_the_card_fits_the_network(name):
    found = bundle(name)
    assert found.build().count_params() == found.card["parameters"]
    assert len(found.card["characters"]) == found.card["data"]["characters_seen"]
    assert (FOLDER / f"{name}.md").read_text() == render_card(found.card)


def test_the_cards_recipe_is_the_bundled_one(name):
    # The cards are older than some fields.
    assert recipes.read(name).to_dict() == recipes.complete(bundle(name).card["recipe"])


def test_the_card_names_the_teacher(name):
    card, teacher = bundle(name).card, recipes.read(name).classes.teacher
    assert card.get("teacher", {}).get("name") == teacher
    assert ("| teacher |" in render_card(card)) == bool(teacher)


def test_no_network_has_seen_what_it_is_tested_on(name, omniglot):
    card = bundle(name).card
    split, part = card["data"]["part"].rsplit("-", 1)
    tested, known = (
        set(characters["alphabet"] + "/" + characters["character"])
        for one in (parts_of(split)[0], part)
        for characters in (tasks.load(split, one, omniglot).characters,)
    )
    seen = set(card["characters"])
    held_out = tuple(f"{a}/" for a in card["data"]["held_out_alphabets"])
    assert seen and not seen & tested and seen <= known
    assert not [one for one in seen if one.startswith(held_out)]


def test_the_light_head_is_the_networks_head(scorer, embedded):
    query, support = embedded[:6], embedded[100:140]
    expected = scorer.model.compare(query, support)
    np.testing.assert_allclose(scorer.compare(query, support), expected, rtol=1e-6)


ELSEWHERE = """
import sys
import numpy as np
from wayshot.models import bundle
name, images, embedded = sys.argv[1:]
np.save(embedded, bundle(name).build().embed(np.load(images)))
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_embed_alike(backend, name, scorer, images, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    given, embedded = tmp_path / "given.npy", tmp_path / "embedded.npy"
    np.save(given, images[:16])
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, name, given, embedded],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    np.testing.assert_allclose(np.load(embedded), scorer.embed(images[:16]), atol=1e-4)


def test_an_embedding_depends_on_its_image_alone(scorer, images, embedded):
    """Whatever else is in the batch, and wherever in the batch it is, to the last bit."""
    order = np.random.default_rng(0).permutation(len(images))
    np.testing.assert_array_equal(scorer.embed(images[order]), embedded[order])
    alone = np.zeros_like(images)
    alone[77] = images[5]
    np.testing.assert_array_equal(scorer.embed(alone)[77], embedded[5])


def test_an_image_is_closest_to_itself(scorer, embedded):
    assert (scorer.compare(embedded, embedded).argmax(axis=1) == np.arange(256)).all()


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_damaged_weights_are_refused(name, damage, tmp_path):
    found = bundle(name)
    path = tmp_path / "weights.npz"
    if damage == "truncated":
        path.write_bytes(found.path.read_bytes()[:5000])
    else:
        changed = {key: array.astype(np.float16) for key, array in found.arrays.items()}
        first = min(changed)
        changed[first] = changed[first] + np.float16(1)
        np.savez(path, **changed)
    with pytest.raises(ModelError, match=r"cannot be read|not those on the card"):
        _ = dataclasses.replace(found, path=path).arrays


@pytest.mark.slow
def test_the_official_runs_give_what_the_card_says(name, scorer, omniglot, tmp_path):
    official = {
        one["protocol"]: one["accuracy"]["value"]
        for one in bundle(name).card["evaluation"]["results"]
    }
    if "lake-runs" not in official:
        pytest.skip("trained on characters of the official runs")
    source = tasks.open_protocol(tasks.parse("lake-runs"), data=omniglot)
    run = evaluate(scorer, source, root=tmp_path)
    assert run.record["scorer"]["leaked_characters"] == 0
    accuracy = run.trials["credit"].mean()
    assert accuracy >= 0.955, "below humans"
    # Another processor may turn a trial or two whose scores are nearly tied.
    assert accuracy == pytest.approx(official["lake-runs"], abs=0.005)


def test_unknown_bundles_are_refused():
    with pytest.raises(ModelError, match=r"no bundled network .none.; there are .*siamese-small"):
        bundle("none")


def test_every_file_of_the_weights_belongs_to_a_network():
    endings = {(path.stem, path.suffix) for path in Path(FOLDER).iterdir()}
    assert endings == {(name, end) for name in bundles() for end in (".json", ".md", ".npz")}
