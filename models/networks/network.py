"""The parts of a Siamese network, as a recipe and a card name them."""

from __future__ import annotations

from typing import Literal

import msgspec

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
"""What a network may be called: files have that name."""


Join = Literal["difference", "squared", "product", "cosine"]


Head = Literal["dense", "weighted", "similarity"]


class RecipePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a recipe, checked field by field."""


class Network(RecipePart, frozen=True):
    """The parts of a Siamese network.

    Attributes:
        backbone: Name of the tower's architecture; see `backbones.backbone`.
        quarter_turns: Whether embeddings are those of the image in all four
            orientations, side by side.
        join: How two embeddings become one vector; see `comparison.JOINS`.
        head: How that becomes a logit; see `comparison.HEADS`.
        pixels: How the tower sees an image; see `pixels.VIEWS`.
    """

    backbone: str
    quarter_turns: bool = False
    join: Join = "cosine"
    head: Head = "similarity"
    pixels: Literal["area", "qucy"] = "area"
