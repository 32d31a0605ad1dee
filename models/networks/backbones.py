"""Backbones: towers by name, from the literature, `keras.applications` or the user."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras

from ..errors import ModelError
from . import towers
from .network import Head, Join

APPLICATION_SIZE = 96
"""Height and width for `keras.applications`; some of them need at least 75."""


@dataclass(frozen=True)
class Backbone:
    """An architecture of a tower.

    Attributes:
        name: Name in recipes.
        source: Publication or library that it comes from.
        build: Makes the Keras model, from images (B, size, size, channels),
            ink = 1, to embeddings (B, D).
        join: Join that the source uses.
        head: Head that the source uses.
    """

    name: str
    source: str
    build: Callable[[], keras.Model]
    join: Join = "cosine"
    head: Head = "similarity"


_ECA = "Wang et al., CVPR 2020"
_PUBLISHED = "the published Siamese network that this project starts from: ResNet-18"

BACKBONES = {
    one.name: one
    for one in (
        Backbone(
            "resnet18-eca",
            f"{_PUBLISHED} with channel attention ({_ECA}; kernels 2, 2, 3, 3 as published)",
            partial(towers.resnet18, kernels=(2, 2, 3, 3)),
            "difference",
            "dense",
        ),
        Backbone(
            "resnet18-eca-log2",
            f"{_PUBLISHED} with channel attention ({_ECA}; that paper's kernels 3, 5, 5, 5)",
            partial(towers.resnet18, kernels=(3, 5, 5, 5)),
            "difference",
            "dense",
        ),
        Backbone(
            "resnet18",
            f"{_PUBLISHED}, without its channel attention",
            towers.resnet18,
            "difference",
            "dense",
        ),
        Backbone(
            "vgg16",
            "Simonyan and Zisserman, ICLR 2015, configuration D, two dense layers of 4096, "
            "at 32 x 32 pixels",
            towers.vgg16,
            "difference",
            "dense",
        ),
        Backbone(
            "vgg16-bn",
            "vgg16, with batch normalisation after convolutions (Ioffe and Szegedy, ICML 2015)",
            partial(towers.vgg16, normalised=True),
            "difference",
            "dense",
        ),
        Backbone(
            "koch",
            "Koch, Zemel and Salakhutdinov, ICML workshop 2015",
            towers.koch,
            "difference",
            "weighted",
        ),
        Backbone(
            "koch-scaled",
            "koch, with weights that start so that embeddings differ (He et al., ICCV 2015)",
            partial(towers.koch, scaled=True),
            "difference",
            "weighted",
        ),
        Backbone("conv-4", "Vinyals et al., NeurIPS 2016", towers.conv_4),
        Backbone(
            "conv-4-maps",
            "Sung et al., CVPR 2018: as conv-4, but its last maps are the embedding",
            towers.conv_4_maps,
            "concatenation",
            "relation",
        ),
        Backbone(
            "glyphnet",
            "this project: a strided stem and residual blocks, for two CPU cores",
            towers.glyphnet,
        ),
    )
}


def _application(name: str) -> keras.Model:
    """Makes a tower of `keras.applications`, untrained."""
    kind: Any = getattr(keras.applications, name, None)
    if not (callable(kind) and "include_top" in inspect.signature(kind).parameters):
        known = [
            one
            for one in dir(keras.applications)
            if callable(getattr(keras.applications, one)) and one[0].isupper()
        ]
        close = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known)
        raise ModelError(f"keras.applications has no {name!r}; closest: {close}")
    options: dict[str, Any] = {"include_top": False, "weights": None, "pooling": "avg"}
    if "include_preprocessing" in inspect.signature(kind).parameters:
        options["include_preprocessing"] = False
    shape = (APPLICATION_SIZE, APPLICATION_SIZE, 3)
    model: Any = kind(input_shape=shape, **options)
    if any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers):
        # These have a layer that rescales 0 to 255, which cannot be left out.
        image = keras.Input(shape, name="image")
        model = keras.Model(image, model(keras.layers.Rescaling(255.0)(image)), name=name)
    return model


def _copied(tower: keras.Model) -> keras.Model:
    """Copies a tower with its weights, because each network needs its own tower."""
    copy: Any = keras.models.clone_model(tower)
    copy.set_weights(tower.get_weights())
    return copy


def _imported(name: str) -> keras.Model:
    """Makes a user's tower from `module:attribute`."""
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        made: Any = importlib.import_module(module)
        for part in attribute.split("."):
            made = getattr(made, part)
        tower = _copied(made) if isinstance(made, keras.Model) else made()
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"backbone {name!r} cannot be made ({problem})") from error
    taken: Any = getattr(tower, "input_shape", None)
    given: Any = getattr(tower, "output_shape", None)
    one_each = isinstance(taken, tuple) and isinstance(given, tuple)
    if not (isinstance(tower, keras.Model) and one_each):
        raise ModelError(
            f"backbone {name!r} made a {type(tower).__name__}, expected a keras.Model with one "
            "input (size, size, channels) and one output (D,)"
        )
    square = len(taken) == 4 and taken[1] == taken[2] is not None and taken[3] in (1, 3)
    if not square or len(given) != 2 or given[1] is None:
        raise ModelError(
            f"backbone {name!r} goes from {taken[1:]} to {given[1:]}, expected from "
            "(size, size, 1 or 3) to (D,)"
        )
    return tower


def backbone(name: str) -> Backbone:
    """Gives an architecture by name.

    Args:
        name: One of `BACKBONES`; `keras:NAME` for a class or function of
            `keras.applications`; or `module:attribute` for a Keras model or
            a function that makes one; the module is searched on Python's path
            and in the current folder.

    Raises:
        ModelError: There is no such architecture.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    kind, _, rest = name.partition(":")
    if kind == "keras" and rest:
        return Backbone(name, f"keras.applications.{rest}", partial(_application, rest))
    if rest:
        return Backbone(name, f"{rest} of the module {kind}", partial(_imported, name))
    close = difflib.get_close_matches(name, BACKBONES, n=3, cutoff=0.4)
    hint = f"closest: {', '.join(close)}" if close else f"known are {', '.join(BACKBONES)}"
    raise ModelError(f"unknown backbone {name!r}; {hint}; or keras:NAME, or module:attribute")
