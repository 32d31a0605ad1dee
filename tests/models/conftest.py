from __future__ import annotations

import pytest
from wayshot.models import load_keras
from wayshot.models.networks.network import Network
from wayshot.models.training.recipe import Classes, Pairs, Recipe
from wayshot.tasks import Dataset, Images
from wayshot.tasks.data import glyphs

load_keras()


@pytest.fixture(scope="session")
def background() -> Dataset:
    """Three alphabets of at least 20 characters, the last of them to hold out."""
    bits, rows = glyphs.generate(seed=3, alphabets=12)
    dataset = Dataset.build("glyphs", Images(bits), [(*row, "/".join(row)) for row in rows])
    sizes = dataset.characters["alphabet"].value_counts(sort=False)
    chosen = list(sizes[sizes >= 20].index[:3])
    return dataset.select(dataset.table["alphabet"].isin(chosen).to_numpy(), "three alphabets")


@pytest.fixture
def recipe(background):
    """A recipe of a few steps of each stage."""

    def make(**changes) -> Recipe:
        fields = {
            "name": "tiny",
            "network": Network(backbone="example_backbones:tiny", join="product", head="weighted"),
            "data": "lake-background",
            "held_out": (background.characters["alphabet"].iloc[-1],),
            "classes": Classes(steps=6, batch=32, warmup_steps=2),
            "pairs": Pairs(steps=4, batch=16),
            "validate_every": 3,
            "validation_episodes": 20,
        }
        return Recipe(**{**fields, **changes})

    return make
