from __future__ import annotations

import json
from types import SimpleNamespace

import keras
import pytest
from wayshot import bench, results, tasks
from wayshot.bench.evidence import with_results
from wayshot.models import ModelError, assemble
from wayshot.models.bundled import read_weights, weights_digest
from wayshot.models.card import render_card
from wayshot.models.networks.network import Network
from wayshot.models.training.recipe import Classes, Recipe

RECIPE = Recipe(
    name="small",
    network=Network(backbone="conv-4"),
    data="glyphs-background",
    held_out=(),
    classes=Classes(steps=1),
)


def trained(folder, seed: int):
    """A network as `wayshot train` leaves it, but untrained."""
    folder.mkdir()
    keras.utils.set_random_seed(seed)
    siamese = assemble(RECIPE.network, RECIPE.name)
    siamese.save(folder / "small.keras")
    card = {
        "name": "small",
        "network": RECIPE.to_dict()["network"],
        "parameters": siamese.count_params(),
        "embedding": 64,
        "digest": weights_digest(read_weights(siamese)),
        "licence": "MIT",
        "data": {
            "part": "glyphs-background",
            "digest": "0" * 64,
            "characters_seen": 1,
            "held_out_alphabets": [],
        },
        "recipe": RECIPE.to_dict(),
        "seed": seed,
        "steps": {"classes": 1},
        "seconds": 1,
        "hardware": "none",
        "software": {"keras": "3", "backend": "none", "precision": "float32", "python": "3"},
        "validation": {"within": 0.5 + seed / 100},
        "history": [],
        "characters": ["a/b"],
    }
    path = folder / "small.json"
    path.write_text(json.dumps(card))
    return path


def evaluated(path):
    """A stored run of a trained network."""
    scorer, _ = bench.resolve(str(path.with_suffix(".keras")))
    episodes = tasks.open_protocol(tasks.parse("glyphs-within-5w1s"), seed=1)
    return bench.evaluate(scorer, episodes, root=path.parent / "runs", episodes=20)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    root = tmp_path_factory.mktemp("networks")
    paths = [trained(root / str(seed), seed) for seed in (1, 2, 3)]
    return paths, [evaluated(path) for path in paths]


def test_a_card_says_what_the_runs_say(networks):
    (path, *_), (run, *_) = networks
    card = with_results(path, [str(run.folder)], 1, "Looked at once.")
    (found,) = card["evaluation"]["results"]
    assert found["protocol"] == "glyphs-within-5w1s" and found["n"] == 100
    assert found["accuracy"]["value"] == pytest.approx(run.trials["credit"].mean())
    assert found["errors"] == pytest.approx(100 - run.trials["credit"].sum())
    assert "Looked at once." in render_card(card)


def test_a_network_is_known_by_the_engine_of_each_run(tmp_path, monkeypatch):
    path = trained(tmp_path / "1", 1)
    run = evaluated(path)
    scorer = run.record["scorer"]
    run = results.annotate(run, scorer={**scorer, "engine": "fast 1.0", "digest": "fast" * 16})
    asked = []

    def resolve(name, engine):
        asked.append(engine)
        return None, SimpleNamespace(digest=engine * 16)

    monkeypatch.setattr("wayshot.bench.evidence.resolve", resolve)
    assert with_results(path, [str(run.folder)], 1, "")["evaluation"]["results"]
    assert asked == ["fast"]


def test_a_run_of_another_network_is_refused(networks):
    (path, *_), (_, other, _) = networks
    with pytest.raises(ModelError, match="a run of another network"):
        with_results(path, [str(other.folder)], 1, "")


def test_the_spread_between_seeds_is_that_of_the_cards(networks):
    (path, *others), runs = networks
    for other, run in zip(others, runs[1:], strict=True):
        other.write_text(json.dumps(with_results(other, [str(run.folder)], 1, "")))
    card = with_results(path, [str(runs[0].folder)], 1, "", others)
    seeds = card["evaluation"]["seeds"]
    assert [one["seed"] for one in seeds] == [1, 2, 3]
    shares = [100 * run.trials["credit"].mean() for run in runs]
    shown = f"| {sum(shares) / 3:.2f} |"
    (line,) = (x for x in render_card(card).splitlines() if x.count("|") == 7 and "5w1s" in x)
    assert shown in line
    assert "| validation, within | 51.00 | 52.00 | 53.00 | 52.00 | 1.00 |" in render_card(card)


def test_seeds_without_results_or_of_another_recipe_are_refused(networks, tmp_path):
    (path, *_), (run, *_) = networks
    bare = trained(tmp_path / "bare", 7)
    with pytest.raises(ModelError, match="has no results"):
        with_results(path, [str(run.folder)], 1, "", [bare])
    card = json.loads(bare.read_text())
    card["recipe"]["drawers"] = 5
    bare.write_text(json.dumps(card))
    with pytest.raises(ModelError, match="of another recipe"):
        with_results(path, [str(run.folder)], 1, "", [bare])


def test_what_is_no_card_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ModelError, match="not a readable model card"):
        with_results(tmp_path / "x.json", [], 1, "")
