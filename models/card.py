"""Model cards: what a trained network is and where it comes from."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..tasks import replacing
from .bundle import read_weights, weights_digest, write_card
from .training import Training


def finish(training: Training, folder: Path) -> dict[str, Any]:
    """Writes what a finished training leaves.

    Args:
        training: The training, at its end.
        folder: Gets `NAME.keras` (the whole network), `NAME.npz` (its weights
            in half precision), and the card as `NAME.json` and `NAME.md`.

    Returns:
        The card.
    """
    recipe, siamese = training.recipe, training.siamese
    arrays: dict[str, Any] = {
        name: array.astype(np.float16) for name, array in read_weights(siamese).items()
    }
    card = {
        "name": recipe.name,
        "backbone": recipe.backbone,
        "parameters": siamese.count_params(),
        "embedding": siamese.tower.output_shape[-1],
        "digest": weights_digest(arrays),
        "licence": "MIT; trained on Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), MIT",
        "data": {
            "part": recipe.data,
            "digest": training.background_digest,
            "characters_seen": len(training.characters),
            "held_out_alphabets": list(recipe.held_out),
        },
        "recipe": json.loads(json.dumps(asdict(recipe))),
        "seed": training.seed,
        "seconds": round(training.seconds),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "software": {
            "keras": version("keras"),
            "backend": keras.config.backend(),
            "python": platform.python_version(),
        },
        "validation": training.history[-1]["accuracy"] if training.history else {},
        "history": training.history,
        "characters": training.characters,
    }
    with replacing(folder / f"{recipe.name}.npz") as fresh:
        np.savez_compressed(fresh, **arrays)
    with replacing(folder / f"{recipe.name}.keras") as fresh:
        siamese.save(fresh)
    write_card(folder, card)
    return card
