"""The files of a finished training: weights, network and model card."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...tasks import is_own, replacing
from ..bundled import bundle, read_weights, weights_digest
from ..card import write_card
from ..networks import tower_flops
from .training import Training


def finish(training: Training, folder: Path) -> dict[str, Any]:
    """Writes the files of a finished training.

    Args:
        training: The finished training.
        folder: The folder for `NAME.keras` (the whole network), `NAME.npz`
            (its weights in half precision), and the card as `NAME.json` and
            `NAME.md`.

    Returns:
        The card.
    """
    recipe, siamese = training.recipe, training.finished()
    arrays: dict[str, Any] = {
        name: array.astype(np.float16) for name, array in read_weights(siamese).items()
    }
    card = {
        "name": recipe.name,
        "network": recipe.to_dict()["network"],
        "parameters": siamese.count_params(),
        "flops": tower_flops(siamese.tower),
        "embedding": siamese.tower.output_shape[-1],
        "digest": weights_digest(arrays),
        "licence": (
            "that of the images that it was trained on"
            if is_own(recipe.data)
            else "MIT; trained on Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), MIT"
        ),
        "data": {
            "part": recipe.data,
            "digest": training.background_digest,
            "characters_seen": len(training.characters),
            "held_out_alphabets": list(recipe.held_out),
        },
        "recipe": recipe.to_dict(),
        "seed": training.seed,
        "steps": training.steps,
        "seconds": round(training.seconds),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "software": {
            "keras": version("keras"),
            "backend": keras.config.backend(),
            "precision": training.policy,
            "python": platform.python_version(),
        },
        "validation": training.validate(siamese),
        "validation_ways": training.validation_ways,
        "history": training.history,
        "characters": training.characters,
        "made_characters": training.made_characters,
    }
    if recipe.classes and recipe.classes.teacher:
        teacher = recipe.classes.teacher
        card["teacher"] = {"name": teacher, "digest": bundle(teacher).card["digest"]}
    with replacing(folder / f"{recipe.name}.npz") as fresh:
        np.savez_compressed(fresh, **arrays)
    with replacing(folder / f"{recipe.name}.keras") as fresh:
        siamese.save(fresh)
    write_card(folder, card)
    return card
