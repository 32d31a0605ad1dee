"""A recipe: everything that a training depends on, in a readable file."""

from __future__ import annotations

import dataclasses
import re
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from .errors import ModelError

FOLDER = Path(__file__).parent / "recipes"
"""Where the bundled recipes are."""


@dataclass(frozen=True)
class Distortion:
    """Ranges of the random distortions of training images.

    Attributes:
        rotation: Largest angle either way, in degrees.
        shear: Largest shear either way.
        scale: Smallest and largest scale.
        stretch: Largest logarithm of the ratio of height to width, halved.
        shift: Largest shift either way, as a share of the image's side.
        elastic: Standard deviation of the elastic warp's displacements at
            its knots, as a share of the image's side.
        elastic_knots: Knots of the elastic warp along a side.
    """

    rotation: float = 11.0
    shear: float = 0.3
    scale: tuple[float, float] = (0.8, 1.25)
    stretch: float = 0.1
    shift: float = 0.1
    elastic: float = 0.015
    elastic_knots: int = 6


@dataclass(frozen=True)
class Recipe:
    """How to train a Siamese network, in two stages.

    First the tower learns to tell all training classes (characters times
    four rotations) apart, by a softmax over scaled cosines with an additive
    margin (Wang et al. 2018). Then the comparison head learns on pairs of
    images of one alphabet whether they show the same character, by binary
    cross-entropy, while the tower stays as it is.

    Attributes:
        name: What the network is called.
        backbone: Name of the tower's architecture.
        data: Split and part to train on, such as `lake-background`.
        held_out: Alphabets of it kept back for validation.
        steps: Batches of the first stage.
        head_steps: Batches of the second stage.
        batch: Images in a batch.
        learning_rate: Peak of the cosine schedule.
        head_learning_rate: Constant, for the second stage.
        warmup_steps: Steps of linear rise before the cosine fall.
        weight_decay: Of AdamW.
        softmax_scale: Factor of the cosines.
        softmax_margin: Taken from the true class's cosine.
        distortion: Of the training images.
        validate_every: Steps between validations.
        validation_episodes: 20-way 1-shot episodes of each validation.
    """

    name: str
    backbone: str
    data: str
    held_out: tuple[str, ...]
    steps: int
    head_steps: int = 600
    batch: int = 256
    learning_rate: float = 2e-3
    head_learning_rate: float = 1e-2
    warmup_steps: int = 300
    weight_decay: float = 0.05
    softmax_scale: float = 30.0
    softmax_margin: float = 0.1
    distortion: Distortion = field(default_factory=Distortion)
    validate_every: int = 500
    validation_episodes: int = 400

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise ModelError(f"name {self.name!r}, expected letters, digits, dots and dashes")
        counts = ("steps", "head_steps", "batch", "validate_every", "validation_episodes")
        for field_name in counts:
            if getattr(self, field_name) < 1:
                raise ModelError(
                    f"{field_name} is {getattr(self, field_name)}, expected at least 1"
                )
        low, high = self.distortion.scale
        if not 0 < low <= high:
            raise ModelError(f"distortion: scale is [{low}, {high}], expected 0 < low <= high")
        if self.distortion.elastic_knots < 1 or self.warmup_steps < 0:
            raise ModelError("elastic_knots and warmup_steps must not be below 1 and 0")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, types.GenericAlias):
        kinds = kind.__args__
        if len(kinds) == 2 and kinds[1] is ...:
            return isinstance(value, list) and all(_fits(item, kinds[0]) for item in value)
        return (
            isinstance(value, list)
            and len(value) == len(kinds)
            and all(_fits(item, item_kind) for item, item_kind in zip(value, kinds, strict=True))
        )
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not isinstance(value, bool)


def _build(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ModelError(f"{where}: expected names and values, got {type(values).__name__}")
    hints = get_type_hints(kind)
    unknown = [str(name) for name in values if name not in hints]
    if unknown:
        raise ModelError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(hints)}")
    arguments = {}
    for name, value in values.items():
        if hints[name] is Distortion:
            arguments[name] = _build(Distortion, value, f"{where}: {name}")
        elif _fits(value, hints[name]):
            arguments[name] = tuple(value) if isinstance(value, list) else value
        else:
            expected = getattr(hints[name], "__name__", str(hints[name]))
            raise ModelError(f"{where}: {name} is {value!r}, expected {expected}")
    missing = [
        entry.name
        for entry in dataclasses.fields(kind)
        if entry.name not in arguments
        and entry.default is dataclasses.MISSING
        and entry.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ModelError(f"{where}: missing {', '.join(missing)}")
    try:
        return kind(**arguments)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def names() -> list[str]:
    """Names of the bundled recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(recipe: str) -> Recipe:
    """Reads a recipe.

    Args:
        recipe: Name of a bundled recipe, or path of a YAML file.

    Raises:
        ModelError: There is none such, or it is not a valid recipe.
    """
    path = FOLDER / f"{recipe}.yaml" if recipe in names() else Path(recipe)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ModelError(
            f"recipe {recipe!r} is neither a readable file nor one of {', '.join(names())}"
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ModelError(f"{path}: not a readable YAML file ({problem})") from None
    return _build(Recipe, values, str(path))
