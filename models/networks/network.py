"""The parts of a Siamese network, with the names that recipes and cards use."""

from __future__ import annotations

from typing import Literal

import msgspec

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
"""Pattern of a network's name, which is also the name of its files."""


Join = Literal["difference", "squared", "product", "cosine", "concatenation"]


Head = Literal["dense", "weighted", "similarity", "attention", "relation"]


class RecipePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a recipe; every field is checked."""


class Network(RecipePart, frozen=True):
    """The parts of a Siamese network.

    Attributes:
        backbone: Name of the tower's architecture; see `backbones.backbone`.
        quarter_turns: Whether an embedding consists of the embeddings of the
            image in all four orientations.
        join: How two embeddings become one vector; see `comparison.JOINS`
            and `comparison.OF_EPISODES`.
        head: How this vector becomes a logit; see `comparison.HEADS` and
            `comparison.OF_EPISODES`.
        pixels: How images are prepared for the tower; see `pixels.VIEWS`.
    """

    backbone: str
    quarter_turns: bool = False
    join: Join = "cosine"
    head: Head = "similarity"
    pixels: Literal["area", "qucy"] = "area"
