"""A recipe: a file with everything that a training depends on, except seed and precision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ...tasks import TaskError, is_own, load_yaml, readable
from ..errors import ModelError
from ..networks import NAME, Network, RecipePart

FOLDER = Path(__file__).parents[1] / "recipes"
"""The folder of the bundled recipes."""


Count = Annotated[int, Meta(ge=1, le=10**9)]
CountOrZero = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]


class Distortion(RecipePart, frozen=True):
    """Ranges of the random distortions of training images.

    Attributes:
        probability: Probability with which each of rotation, shear, scale,
            stretch and shift is applied, independently.
        rotation: Largest angle in both directions, in degrees.
        shear: Largest shear in both directions.
        scale: Smallest and largest scale.
        stretch: Largest value of half the logarithm of height over width.
        shift: Largest shift in both directions, as a share of the image's side.
        elastic: Standard deviation of the elastic warp's displacements at
            its knots, as a share of the image's side.
        elastic_knots: Number of knots of the elastic warp along a side.
        stroke: Largest change of strokes: 1 makes them one pixel wider, or
            thinner, on every side.
        cutout: Side of the square that is erased from half of the images, as
            a share of the image's side.
    """

    probability: Share = 1.0
    rotation: NotNegative = 11.0
    shear: NotNegative = 0.3
    scale: tuple[Positive, Positive] = (0.8, 1.25)
    stretch: NotNegative = 0.1
    shift: Share = 0.1
    elastic: Share = 0.015
    elastic_knots: Count = 6
    stroke: Share = 0.0
    cutout: Share = 0.0

    def __post_init__(self) -> None:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is {list(self.scale)}, expected the smaller value first")


class Classes(RecipePart, frozen=True):
    """The stage in which the network learns to classify the training characters.

    The classes are the characters in four orientations; the loss is a
    softmax over scaled cosines with an additive margin (Wang et al. 2018).

    Attributes:
        steps: Number of batches.
        batch: Number of images in a batch.
        learning_rate: Peak of the cosine schedule of AdamW.
        warmup_steps: Steps of linear increase before the cosine decrease.
        weight_decay: Weight decay of AdamW.
        scale: Factor of the cosines.
        margin: Margin that is subtracted from the true class's cosine.
        norm_penalty: Weight of the squared relative deviation of embeddings'
            lengths from the square root of their dimension. Cosines do not
            depend on lengths, but a head on differences does.
        mirrors: Whether mirrored characters are classes too.
        small_steps: Number of first steps with smaller images. A tower that
            ends in global pooling learns most in these steps, at lower cost.
        small_size: Height and width of the smaller images.
        teacher: A bundled network trained on the same alphabets, or None. The
            classes' directions start as the means of its embeddings, which
            gives a large tower a useful gradient from the first step on.
        averaged: Momentum of the moving average of the weights over the steps. The averages
            are what is validated and kept; 0 for the weights themselves.
    """

    steps: Count
    batch: Count = 256
    learning_rate: Positive = 2e-3
    warmup_steps: CountOrZero = 300
    weight_decay: NotNegative = 0.05
    scale: Positive = 30.0
    margin: NotNegative = 0.1
    norm_penalty: NotNegative = 0.0
    mirrors: bool = False
    small_steps: CountOrZero = 0
    small_size: Count = 20
    teacher: str | None = None
    averaged: Annotated[float, Meta(ge=0, lt=1)] = 0.0


class Pairs(RecipePart, frozen=True):
    """The stage in which the network learns whether two images show the same character.

    Attributes:
        steps: Number of batches.
        batch: Number of pairs in a batch. For `alphabet` sampling, half of it
            is the largest number of characters in a batch.
        sampling: `fixed`: ten pairs of the same and ten of different
            characters for every character, drawn once (the published
            network). `uniform`: new pairs in every batch, half of them the
            same (Koch et al. 2015). `alphabet`: two drawings of each character
            of an alphabet and all pairs of them, where same and different
            pairs have the same total weight; these are hard negatives.
        tower: Whether the tower is trained too; otherwise only the head.
        optimizer: `adam` or `sgd`.
        learning_rate: Learning rate at the start.
        decay: Factor of the learning rate after every `epoch_steps` steps.
        epoch_steps: Number of steps in an epoch; see `decay`.
        momentum: Momentum of `sgd` at the start and at the end; it rises
            linearly.
        weight_decay: Decoupled weight decay, of both optimizers.
        label_smoothing: Label smoothing of the binary cross-entropy.
        flip: Probability that both images of a pair are mirrored.
        fitted: Whether the head starts as a linear function of the join's sum,
            fitted to the first batch, so that training keeps what the first
            stage has learned. For a weighted head, or a dense head on
            differences.
    """

    steps: Count
    batch: Count = 128
    sampling: Literal["fixed", "uniform", "alphabet"] = "alphabet"
    tower: bool = True
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 1e-4
    decay: Positive = 1.0
    epoch_steps: Count = 100
    momentum: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: NotNegative = 0.0
    label_smoothing: Share = 0.0
    flip: Share = 0.0
    fitted: bool = False


class Episodes(RecipePart, frozen=True):
    """The stage in which the network learns from episodes (Vinyals et al. 2016).

    Join and head of the network say how a query is compared with a class:
    `squared` and `similarity` with its mean embedding, by the squared
    Euclidean distance (Snell et al. 2017); `cosine` and `attention` with each
    shot (Vinyals et al. 2016); `concatenation` and `relation` by a network
    (Sung et al. 2018).

    Attributes:
        steps: Number of episodes.
        ways: Number of classes of an episode.
        shots: Support images of each class.
        queries: Queries of each class.
        rotations: Whether the four orientations of a character are four classes.
        loss: `cross-entropy` of a softmax over the classes; or
            `squared-error` of each class's sigmoid (Sung et al. 2018).
        learning_rate: Learning rate of Adam at the start.
        decay: Factor of the learning rate after every `epoch_steps` steps.
        epoch_steps: Number of episodes in an epoch; see `decay`.
    """

    steps: Count
    ways: Annotated[int, Meta(ge=2, le=10**6)] = 60
    shots: Annotated[int, Meta(ge=1, le=10**6)] = 1
    queries: Annotated[int, Meta(ge=1, le=10**6)] = 5
    rotations: bool = True
    loss: Literal["cross-entropy", "squared-error"] = "cross-entropy"
    learning_rate: Positive = 1e-3
    decay: Positive = 0.5
    epoch_steps: Count = 2000


class Recipe(RecipePart, frozen=True):
    """How to train a network: by classes, by pairs, by episodes, or by one after the other.

    Attributes:
        name: Name of the network.
        network: The parts of the network.
        data: Split and part to train on, such as `lake-background`, or
            `folder:letters@train`.
        held_out: Alphabets of this part that are used only for validation.
        drawers: Number of drawers of each character to train on, from the first.
        glyphs: Number of made-up alphabets to train on besides, by the generator of the
            data set `glyphs` with another seed.
        composed: Number of new characters for each alphabet, composed of two of its
            characters by the same drawer: side by side, one above the other, or overlaid.
        redrawn: Number of further drawings of each image, whose strokes are moved and drawn
            with another pen.
        distortion: Distortions of the training images; not used for `qucy`
            pixels, which are cropped at random.
        classes: The first stage, or None.
        pairs: The second stage, or None.
        episodes: The third stage, or None.
        validate_every: Number of steps between validations.
        validation_episodes: 20-way 1-shot episodes in each validation.
        patience: Number of validations without improvement after which a stage
            stops and takes its best weights; 0 for no early stopping.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    network: Network
    data: Annotated[str, Meta(pattern=".+-.+|.+:.+")]
    held_out: tuple[str, ...]
    drawers: Annotated[int, Meta(ge=2, le=10**9)] = 20
    glyphs: Annotated[int, Meta(ge=0, le=1000)] = 0
    composed: Annotated[int, Meta(ge=0, le=1000)] = 0
    redrawn: Annotated[int, Meta(ge=0, le=100)] = 0
    distortion: Distortion = Distortion()
    classes: Classes | None = None
    pairs: Pairs | None = None
    episodes: Episodes | None = None
    validate_every: Count = 500
    validation_episodes: Count = 400
    patience: CountOrZero = 0

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("no classes, pairs or episodes, expected at least one of them")
        if self.patience and not self.held_out and not is_own(self.data):
            raise ValueError("patience needs held_out alphabets to validate on")

    @property
    def stages(self) -> dict[str, Classes | Pairs | Episodes]:
        """The stages that there are, in their order."""
        found = {"classes": self.classes, "pairs": self.pairs, "episodes": self.episodes}
        return {name: stage for name, stage in found.items() if stage}

    def to_dict(self) -> dict[str, Any]:
        """Gives all fields, including defaults, in JSON's types."""
        return msgspec.json.decode(msgspec.json.encode(self))


def complete(stored: Any) -> Any:
    """Gives all fields of a recipe that was written before some of them were there.

    Args:
        stored: A recipe as by `to_dict`; what is none is given back as it is.
    """
    try:
        return msgspec.convert(stored, Recipe).to_dict()
    except msgspec.ValidationError:
        return stored


# Fields of recipes and of their stage classes that came later, with their defaults.
_LATER = {"episodes": None, "glyphs": 0, "composed": 0, "redrawn": 0}
_LATER_IN_CLASSES = {"averaged": 0}


def digest(stored: Mapping[str, Any]) -> str:
    """Identifies a recipe, as before there were fields that have their default.

    Args:
        stored: A recipe as by `to_dict`, with or without later fields; it may come from anyone.

    Returns:
        SHA-256 in hexadecimal.
    """

    def old(fields: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in fields.items() if k not in later or v != later[k]}

    fields = old(dict(stored), _LATER)
    if isinstance(fields.get("classes"), dict):
        fields["classes"] = old(fields["classes"], _LATER_IN_CLASSES)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def names() -> list[str]:
    """Lists the names of the bundled recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


LARGEST = 2**16
"""The largest size of a recipe's file, in bytes."""


def decode(text: bytes) -> Recipe:
    """Reads a recipe in YAML that may come from anyone.

    Args:
        text: The file's content.

    Raises:
        ModelError: The text is not a valid recipe; the message does not name
            the file.
    """
    if len(text) > LARGEST:
        raise ModelError(f"more than {LARGEST:,} bytes, which is too large for a recipe")
    try:
        found = msgspec.convert(load_yaml(text), Recipe)
        # A recipe that cannot be written cannot be stored with the network.
        found.to_dict()
        return found
    except msgspec.ValidationError as error:
        raise ModelError(
            f"{_line(error)}; wayshot describe recipe {names()[0]} shows every field"
        ) from None
    except TaskError as error:
        raise ModelError(str(error)) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"not a readable YAML file ({_line(error)})") from None


def _line(error: Exception) -> str:
    return readable(" ".join(str(error).split()))[:500]


def read(recipe: str, backbone: str | None = None, data: str | None = None) -> Recipe:
    """Reads a recipe.

    Args:
        recipe: Name of a bundled recipe, or path of a YAML file.
        data: Replaces the recipe's data, if given; then no alphabet is held
            out, as those that the recipe names are of other data.
        backbone: Replaces the recipe's backbone, if given. A backbone
            `module:attribute` is code; it is imported only if the user names
            it here, not if only a file names it.

    Raises:
        ModelError: There is no such recipe, or it is not valid.
    """
    path = FOLDER / f"{recipe}.yaml" if recipe in names() else Path(recipe)
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except (OSError, ValueError):
        raise ModelError(
            f"recipe {recipe!r} is neither a readable file nor one of {', '.join(names())}"
        ) from None
    try:
        found = decode(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    if data:
        found = msgspec.structs.replace(found, data=data, held_out=())
    own = found.network.backbone
    if backbone:
        network = msgspec.structs.replace(found.network, backbone=backbone)
        return msgspec.structs.replace(found, network=network)
    if ":" in own and not own.startswith("keras:"):
        raise ModelError(
            f"{path}: the backbone {own!r} is code, which is imported only if you name it "
            f"yourself: wayshot train {recipe} --backbone {own}"
        )
    return found
