"""FLOPs that are unknown are nowhere said to be none."""

from __future__ import annotations

import json

import pytest
import yaml
from wayshot import results
from wayshot.models import Network, assemble
from wayshot.models.card import render_card

NAME = "example_backbones:transposed"


def test_a_description_says_that_they_are_unknown(wayshot):
    facts = yaml.safe_load(wayshot("describe", "backbone", NAME)[1])
    counts = {layer["kind"]: layer["flops"] for layer in facts["layers"]}
    assert facts["flops_per_image"] == counts["Conv2DTranspose"] == "unknown"
    assert counts["Flatten"] == 0
    facts = json.loads(wayshot("describe", "backbone", NAME, "--json")[1])
    assert facts["flops_per_image"] is None


@pytest.mark.parametrize(("backbone", "known"), [("transposed", False), ("stacked", True)])
def test_a_record_has_none_and_a_table_a_dash(wayshot, characters, tmp_path, backbone, known):
    path = tmp_path / f"{backbone}.keras"
    network = Network(backbone=f"example_backbones:{backbone}", join="cosine", head="similarity")
    assemble(network, backbone).save(path)
    words = ("-s", path, "--engine", "keras", "--episodes", 20, "--out", tmp_path / "runs")
    done = wayshot("run", f"folder:{characters}-within-5w1s", *words)
    assert done[0] == 0, done[2]
    (run,) = results.find([tmp_path / "runs"])
    assert ("flops" in run.record["scorer"]) is known
    shown = results.table([run], extras=("flops",)).render("github")
    assert shown.splitlines()[4].split("|")[-2].strip() == ("7.8 k" if known else "–")


def test_a_card_says_that_they_are_unknown():
    card = {
        "name": "mine",
        "network": {"backbone": NAME, "join": "cosine", "head": "similarity", "quarter_turns": 0},
        "embedding": 4,
        "parameters": 40,
        "digest": "0",
        "licence": "MIT",
        "data": {"part": "p", "digest": "0", "characters_seen": 1, "held_out_alphabets": []},
        "seed": 1,
        "recipe": {},
        "steps": {},
        "hardware": "none",
        "software": {"keras": "3", "backend": "torch", "precision": "float32", "python": "3"},
        "seconds": 0,
        "validation": {},
        "history": [],
    }
    assert "40 parameters, FLOPs unknown." in render_card({**card, "flops": None})
    assert "40 parameters, 2 MFLOP an image." in render_card({**card, "flops": 2_000_000})
    assert "FLOP" not in render_card(card).partition("| |")[0]
