from __future__ import annotations

import pytest
from wayshot.models import load_keras
from wayshot.models.recipe import Recipe
from wayshot.tasks import Dataset, Images, glyphs

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
    """A recipe of a few steps."""

    def make(**changes) -> Recipe:
        held_out = background.characters["alphabet"].iloc[-1]
        fields = {
            "name": "tiny",
            "backbone": "strided",
            "data": "lake-background",
            "held_out": (held_out,),
            "steps": 6,
            "head_steps": 2,
            "batch": 32,
            "warmup_steps": 2,
            "validate_every": 3,
            "validation_episodes": 20,
        }
        return Recipe(**{**fields, **changes})

    return make
