"""What more characters and drawings give: docs/recipes-table.md.

Trains a small network on Lake's background alphabets but five, once for each variation of a
recipe and each seed, and measures 20-way 1-shot accuracy on the five. The evaluation alphabets
are not used. Each result is a file of one line of JSON in the folder of --out; what is there
is not trained again, and a training that was killed goes on from its checkpoint.

`make recipes` trains on one thread. So does a call with OMP_NUM_THREADS=1, and for TensorFlow
also TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm
from wayshot import tasks
from wayshot.bench.cli.common import progress
from wayshot.models.training.recipe import Recipe, digest

HELD_OUT = ("Balinese", "Early_Aramaic", "Gujarati", "Korean", "N_Ko")
"""Background alphabets of at least 20 characters that are measured on."""

EPISODES = 2_000
STRUCTURES = ("within", "between")

BASE = {
    "name": "study",
    "network": {"backbone": "recipe_study:tower", "join": "cosine", "head": "similarity"},
    "data": "lake-background",
    "held_out": HELD_OUT,
    "classes": {"batch": 128, "warmup_steps": 100},
    "validation_episodes": EPISODES,
}

VARIATIONS: dict[str, Mapping[str, Any]] = {
    "base": {},
    "mirrors": {"classes": {"mirrors": True}},
    "glyphs-10": {"glyphs": 10},
    "glyphs-50": {"glyphs": 50},
    "composed": {"composed": 20},
    "redrawn": {"redrawn": 2},
    "stroke": {"distortion": {"stroke": 0.5}},
    "cutout": {"distortion": {"cutout": 0.3}},
    "averaged": {"classes": {"averaged": 0.99}},
    "distortion": {"distortion": {"elastic": 0.03, "rotation": 15.0}},
}
"""What each variation changes. Names joined by + are a combination."""


def tower() -> Any:
    """A tower of 0.7 million parameters that learns a lot in four minutes of one core."""
    import keras
    from wayshot.models.networks.layers import BatchNormalization, Conv2D, MaxPooling2D

    def unit(x: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
        x = Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
        return keras.layers.ReLU()(BatchNormalization()(x))

    image = keras.Input((28, 28, 1))
    x = MaxPooling2D()(unit(unit(image, 24, kernel=5, strides=2), 48))
    x = unit(x, 96)
    x = keras.layers.Add()([x, unit(x, 96)])
    x = keras.layers.Dense(128, use_bias=False)(keras.layers.Flatten()(x))
    x = keras.layers.UnitNormalization(dtype="float32")(BatchNormalization()(x))
    return keras.Model(image, x, name="study")


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for name, value in other.items():
        found[name] = _merged(found.get(name, {}), value) if isinstance(value, dict) else value
    return found


def recipe(variation: str, steps: int) -> Recipe:
    """The recipe of a variation, or of several joined by +."""
    fields = _merged(BASE, {"classes": {"steps": steps}, "validate_every": steps})
    for part in variation.split("+"):
        if part not in VARIATIONS:
            raise SystemExit(f"variation {part!r}, expected one of {', '.join(VARIATIONS)}")
        fields = _merged(fields, VARIATIONS[part])
    return msgspec.convert(fields, Recipe)


def place(out: Path, variation: str, seed: int, steps: int) -> Path:
    """The file of a result; another recipe has another one."""
    known = digest(recipe(variation, steps).to_dict())
    return out / f"{variation}-seed{seed}-{known[:12]}.json"


def train(variation: str, seed: int, steps: int, out: Path, background: tasks.Dataset) -> None:
    """Trains and measures, and writes the result."""
    import keras
    from wayshot.models import Training

    result, plan = place(out, variation, seed, steps), recipe(variation, steps)
    folder = result.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    training = Training(plan, background, seed, progress=progress)
    made = time.monotonic() - start
    if (folder / "checkpoint.npz").exists():
        training.resume(folder)
    with tqdm(total=steps, desc=f"{variation}, seed {seed}", unit="step", leave=False) as shown:
        for report in training.run(folder):
            shown.set_postfix(loss=f"{report.loss:.3f}", refresh=False)
            shown.update(report.step - shown.n)
    (last,) = training.history
    stage = training._stages["classes"]
    found = {
        "variation": variation,
        "seed": seed,
        "steps": steps,
        **{structure: last["accuracy"][structure] for structure in STRUCTURES},
        "loss": last["loss"],
        "classes": stage.model.last.classes,
        "images": len(stage._images),
        "seconds_enlarging": round(made, 1),
        "seconds": round(training.seconds, 1),
        "backend": keras.config.backend(),
        "recipe": digest(plan.to_dict()),
    }
    with tasks.replacing(result) as fresh:
        fresh.write_text(json.dumps(found) + "\n")
    shutil.rmtree(folder)


def collected(out: Path, steps: int) -> pd.DataFrame:
    """The results there are, of the recipes as they are today; others are counted aloud."""
    found, others = [], 0
    for path in sorted(out.glob("*.json")):
        one = json.loads(path.read_text())
        known = set(one["variation"].split("+")) <= set(VARIATIONS)
        if known and one["recipe"] == digest(recipe(one["variation"], steps).to_dict()):
            found.append(one)
        else:
            others += 1
    if others:
        print(f"{others} results of other recipes or steps are left out", file=sys.stderr)
    return pd.DataFrame(found)


def _difference(points: pd.Series) -> str:
    """Mean of differences paired by seed, with the 95 % t interval over seeds."""
    if len(points) < 2:
        return f"{points.mean():+.2f}" if len(points) else ""
    half = stats.t.ppf(0.975, len(points) - 1) * points.std() / np.sqrt(len(points))
    return f"{points.mean():+.2f} ± {half:.2f}"


def table(out: Path, steps: int) -> str:
    """The results as Markdown."""
    found = collected(out, steps)
    if found.empty:
        raise SystemExit(f"{out} holds no results of {steps:,} steps; train first, without --table")
    names = [*VARIATIONS, *sorted(set(found["variation"]) - set(VARIATIONS))]
    by = found.pivot_table(list(STRUCTURES), "variation", "seed") * 100
    heads = ("variation", "seeds", *STRUCTURES, *(f"{one}, against base" for one in STRUCTURES))
    lines = [
        f"Accuracy in %, 20-way 1-shot, {EPISODES:,} episodes of the background alphabets "
        f"{', '.join(HELD_OUT)};",
        f"{steps:,} steps. Differences are paired by seed, with the 95 % t interval over the "
        "seeds, which are few;",
        "it covers other trainings, tested on the same alphabets.",
        "",
        f"| {' | '.join(heads)} | classes | last loss |",
        "|---" * (len(heads) + 2) + "|",
    ]
    for name in names:
        own = found[found["variation"] == name]
        if own.empty:
            continue
        cells = [name, f"{len(own)}"]
        cells += [f"{100 * own[structure].mean():.2f}" for structure in STRUCTURES]
        for structure in STRUCTURES:
            one = by[structure]
            against = "base" in one.index and name != "base"
            cells.append(_difference((one.loc[name] - one.loc["base"]).dropna()) if against else "")
        cells += [f"{own['classes'].iloc[0]:,}", f"{own['loss'].mean():.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Trains what is missing, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/recipes"), help="folder of results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a variation, or several joined by +"
    )
    parser.add_argument("--steps", type=int, default=1_200, help="of each training")
    parser.add_argument("--table", action="store_true", help="print the results as Markdown")
    asked = parser.parse_args()
    if asked.table:
        print(table(asked.out, asked.steps))
        return
    missing = [
        (variation, seed)
        for seed in asked.seeds
        for variation in asked.only or VARIATIONS
        if not place(asked.out, variation, seed, asked.steps).exists()
    ]
    background = tasks.load("lake", "background", progress=progress)
    for variation, seed in tqdm(missing, desc="trainings"):
        train(variation, seed, asked.steps, asked.out, background)


if __name__ == "__main__":
    main()
