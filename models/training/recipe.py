"""A recipe: everything that a training depends on, in a readable file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from ...tasks import readable
from ..errors import ModelError
from ..networks import NAME, Network, RecipePart

FOLDER = Path(__file__).parents[1] / "recipes"
"""Where the bundled recipes are."""


Count = Annotated[int, Meta(ge=1, le=10**9)]
CountOrZero = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]


class Distortion(RecipePart, frozen=True):
    """Ranges of the random distortions of training images.

    Attributes:
        probability: Of each of rotation, shear, scale, stretch and shift, by itself.
        rotation: Largest angle either way, in degrees.
        shear: Largest shear either way.
        scale: Smallest and largest scale.
        stretch: Largest logarithm of the ratio of height to width, halved.
        shift: Largest shift either way, as a share of the image's side.
        elastic: Standard deviation of the elastic warp's displacements at
            its knots, as a share of the image's side.
        elastic_knots: Knots of the elastic warp along a side.
        stroke: Largest part of the way to strokes one pixel wider on every
            side, or as much thinner.
        cutout: Side of the square that is wiped out of every other image, as
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
            raise ValueError(f"scale is {list(self.scale)}, expected the smaller first")


class Classes(RecipePart, frozen=True):
    """The stage in which the network learns to tell all training classes apart.

    The classes are the characters in four orientations; the loss is a
    softmax over scaled cosines with an additive margin (Wang et al. 2018).

    Attributes:
        steps: Batches.
        batch: Images in a batch.
        learning_rate: Peak of the cosine schedule, of AdamW.
        warmup_steps: Steps of linear rise before the cosine fall.
        weight_decay: Of AdamW.
        scale: Factor of the cosines.
        margin: Taken from the true class's cosine.
        norm_penalty: Weight of the squared relative deviation of embeddings'
            lengths from the square root of their width. Cosines do not see
            lengths, but a head on differences does.
        mirrors: Whether mirrored characters are classes too.
        small_steps: Steps at the start in which images are smaller: towers
            that end in global pooling learn most of it at a fraction of the cost.
        small_size: Height and width of those.
        teacher: A bundled network trained on the same alphabets, or none:
            the classes' directions start as the means of its embeddings, so
            that a large tower has somewhere to go from the first step on.
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


class Pairs(RecipePart, frozen=True):
    """The stage in which the network learns whether two images show one character.

    Attributes:
        steps: Batches.
        batch: Pairs in a batch; of `alphabet` half of it is the most
            characters that one batch takes from its alphabet.
        sampling: `fixed`: ten pairs of the same and ten of different
            characters for every character, drawn once (the published
            network). `uniform`: drawn anew, half of them the same (Koch et
            al. 2015). `alphabet`: all pairs of two drawings each of an
            alphabet's characters, the same and the different with the same
            total weight: the hard negatives.
        tower: Whether the tower learns too; otherwise the head alone.
        optimizer: `adam` or `sgd`.
        learning_rate: At the start.
        decay: Factor of the learning rate after every `epoch_steps` steps.
        epoch_steps: See `decay`.
        momentum: Of `sgd`, at the start and at the end, linear between them.
        weight_decay: Decoupled, of both optimizers.
        label_smoothing: Of the binary cross-entropy.
        flip: Probability that both images of a pair are mirrored.
        fitted: Whether the head starts as a line over the sum of the join,
            fitted to the first batch: what a first stage by classes has
            learned stays. For a weighted head, or a dense one on differences.
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


class Recipe(RecipePart, frozen=True):
    """How to train a Siamese network: by classes, by pairs, or by one after the other.

    Attributes:
        name: What the network is called.
        network: Its parts.
        data: Split and part to train on, such as `lake-background`.
        held_out: Alphabets of it kept back for validation.
        drawers: How many drawers of each character are trained on, from the first.
        distortion: Of the training images; of `qucy` pixels it is not used,
            they are cropped at random.
        classes: The first stage, or none.
        pairs: The second stage, or none.
        validate_every: Steps between validations.
        validation_episodes: 20-way 1-shot episodes of each validation.
        patience: Validations without a better one after which a stage ends,
            and goes back to the best; 0 for never.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    network: Network
    data: Annotated[str, Meta(pattern=".+-.+")]
    held_out: tuple[str, ...]
    drawers: Annotated[int, Meta(ge=2, le=10**9)] = 20
    distortion: Distortion = Distortion()
    classes: Classes | None = None
    pairs: Pairs | None = None
    validate_every: Count = 500
    validation_episodes: Count = 400
    patience: CountOrZero = 0

    def __post_init__(self) -> None:
        if not self.classes and not self.pairs:
            raise ValueError("neither classes nor pairs: there is nothing to train")
        if self.patience and not self.held_out:
            raise ValueError("patience needs held_out alphabets to validate on")

    def to_dict(self) -> dict[str, Any]:
        """Writes all of it out, defaults included, in JSON's types."""
        return msgspec.json.decode(msgspec.json.encode(self))


def names() -> list[str]:
    """Names of the bundled recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


LARGEST = 2**16
"""Bytes of a recipe's file."""


_DEEPEST = 20


class _Loader(yaml.SafeLoader):
    """YAML's plain types, every key once, and no aliases: those can grow without end."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803
        # Found here, as the time that brackets take is the square of their number.
        if self.flow_level > _DEEPEST:
            raise yaml.YAMLError("nested too deep")
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column: int) -> bool:
        if len(self.indents) > _DEEPEST:
            raise yaml.YAMLError("nested too deep")
        return super().add_indent(column)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name); write out what it stands for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.YAMLError(f"the key {twice[0]!r} twice in one place")
        return super().construct_mapping(node, deep)


def decode(text: bytes) -> Recipe:
    """Reads a recipe in YAML, whoever wrote it.

    Args:
        text: The file's content.

    Raises:
        ModelError: It is not a valid recipe; the message does not name the file.
    """
    if len(text) > LARGEST:
        raise ModelError(f"more than {LARGEST:,} bytes, too many for a recipe")
    try:
        found = msgspec.convert(yaml.load(text, _Loader), Recipe)
        # What cannot be written could not be stored with the network either.
        found.to_dict()
        return found
    except msgspec.ValidationError as error:
        raise ModelError(
            f"{_line(error)}; wayshot describe recipe {names()[0]} shows every field"
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"not a readable YAML file ({_line(error)})") from None


def _line(error: Exception) -> str:
    return readable(" ".join(str(error).split()))[:500]


def read(recipe: str, backbone: str | None = None) -> Recipe:
    """Reads a recipe.

    Args:
        recipe: Name of a bundled recipe, or path of a YAML file.
        backbone: Replaces the recipe's own. A backbone `module:attribute` is
            code, which is imported only where it is named here, by the user,
            and not where only a file names it.

    Raises:
        ModelError: There is none such, or it is not a valid recipe.
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
    own = found.network.backbone
    if backbone:
        network = msgspec.structs.replace(found.network, backbone=backbone)
        return msgspec.structs.replace(found, network=network)
    if ":" in own and not own.startswith("keras:"):
        raise ModelError(
            f"{path}: the backbone {own!r} is code, which is imported only where you name it "
            f"yourself: wayshot train {recipe} --backbone {own}"
        )
    return found
