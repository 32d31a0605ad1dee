"""Scorers by name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ...models import ModelError, bundles
from ...tasks import Progress, open_zip, quiet
from ..errors import ScorerError, UnknownScorerError
from .baselines import BASELINES
from .failures import BrokenScorerError, told
from .notices import without_notices
from .scorer import Scorer, Traits, traits
from .siamese import BundledSiamese, CheckpointSiamese
from .specs import Spec, UnknownNameError, application, attribute, is_file, made, wrapped
from .suggestions import names_in, suggested
from .surroundings import is_interrupt, outside
from .wrapping import READERS, UNREAD, unread

GROUP = "wayshot.scorers"
"""Entry points of this group are scorers: objects, or functions without arguments."""

_LARGEST_CONFIG = 2**24
"""The most bytes that the configuration of a network may have."""


def registered() -> dict[str, Callable[[], Any]]:
    """Lists the functions that make the scorers with a name, built in or from entry points."""
    makers: dict[str, Callable[[], Any]] = {**BASELINES}
    for name in bundles():
        makers[name] = lambda name=name: BundledSiamese(name)
    for point in entry_points(group=GROUP):
        makers.setdefault(point.name, lambda point=point: made(point.load()))
    return makers


def _attempt(name: str, action: Callable[[], Any]) -> Any:
    """Turns whatever goes wrong with someone's code into one line for the user."""
    try:
        with outside(), without_notices():
            return action()
    except UnknownNameError as error:
        # What was typed is wrong, and not the code that it names.
        raise ScorerError(f"scorer {name!r} cannot be made ({error})") from error.__cause__
    except ScorerError:
        raise
    except ModelError as error:
        raise ScorerError(str(error)) from None
    except BaseException as error:
        if is_interrupt(error):
            raise
        problem = told("", error).strip()
        raise BrokenScorerError(f"scorer {name!r} cannot be made ({problem})") from error


def _is_ours(path: str) -> bool:
    """Tells whether a `.keras` file holds a network of this project, without loading Keras."""
    try:
        with open_zip(Path(path)) as archive, archive.open("config.json") as file:
            config = json.loads(file.read(_LARGEST_CONFIG))
        return str(config["registered_name"]).startswith("wayshot>")
    except Exception:
        # Whoever reads the file says what is wrong with it.
        return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_path(what: str) -> bool:
    """Tells whether a text can only be the path of a file, be it there or not."""
    endings = {*READERS, *(() if ":" in what else UNREAD), ".yaml", ".yml"}
    return Path(what).suffix.lower() in endings


def _file(spec: Spec, engine: str, data: str | None, progress: Progress) -> Any:
    """Makes a scorer of the file of a model."""
    if spec.what.endswith(".py") and Path(spec.what).expanduser().is_file():
        names = names_in(Path(spec.what).expanduser())
        near = suggested(Path(spec.what).stem, names, f"{spec.what}:")
        raise ScorerError(f"{spec.what}: expected file.py:attribute{near}")
    if not spec.what.endswith(".keras") or not _is_ours(spec.what):
        return wrapped(spec.what, spec.keys)
    if spec.keys:
        raise ScorerError(f"{spec.what}: a network of wayshot takes no {', '.join(spec.keys)}")
    return CheckpointSiamese(spec.what, engine, data=data, progress=progress)


def resolve(
    name: str | Spec, engine: str = "auto", *, data: str | None = None, progress: Progress = quiet
) -> tuple[Scorer, Traits]:
    """Gives a scorer by name, and its traits.

    Args:
        name: `[LABEL=]SPEC[,key=value...]`, where SPEC is a registered name;
            the path of a `.keras`, `.onnx`, `.tflite` or `.pt2` file (keys are
            arguments of `wrap`); `keras:NAME` for a network of
            `keras.applications` with random weights; `module:attribute` or `file.py:attribute`: a
            scorer, a model, or a class or function that makes one (keys are
            its arguments, or those of `wrap`), first sought in the current
            folder; or the path of a `scorer.yaml`. Or what was read of such a text.
        engine: Name of the engine, if the scorer is a Siamese network of this
            project; see `models.engines.Embedder`.
        data: Folder of Omniglot, with which engines of static int8 are
            calibrated.
        progress: Shows the progress of choosing an engine, which takes up to a
            minute the first time.

    Returns:
        The scorer and its traits.

    Raises:
        ScorerError: There is no such scorer, the object is not a scorer, or
            the engine does not exist or is not installed.
    """
    makers = registered()
    if isinstance(name, Spec):
        spec, name = name, name.title
    else:
        spec = _attempt(name, lambda: Spec.of(name, makers))
    what, source = spec.what, ""
    path = Path(what).expanduser()
    if what in makers and spec.keys:
        raise ScorerError(f"scorer {what!r} takes no {', '.join(spec.keys)}")
    if what in bundles():
        scorer = _attempt(name, lambda: BundledSiamese(what, engine, data=data, progress=progress))
    elif what in makers:
        scorer = _attempt(name, makers[what])
    elif is_file(what) or _is_path(what):
        scorer = _attempt(name, lambda: _file(spec, engine, data, progress))
        spec = replace(spec, what=path.stem)
    elif what.startswith("keras:"):
        scorer = _attempt(name, lambda: application(what, spec.keys))
    elif ":" not in what and _is_folder(path):
        raise ScorerError(unread(path))
    elif ":" in what:
        thing, source = _attempt(name, lambda: attribute(what))
        scorer = _attempt(name, lambda: made(thing, spec.keys))
    elif names := names_in(Path(f"{what.replace('.', '/')}.py")):
        raise ScorerError(
            f"{what!r} is a module, expected module:attribute{suggested(what, names, f'{what}:')}"
        )
    else:
        close = difflib.get_close_matches(what, makers, n=3, cutoff=0.4)
        hint = f"closest: {', '.join(close)}" if close else f"known: {', '.join(makers)}"
        raise UnknownScorerError(
            what,
            f"unknown scorer {what!r}; {hint}; or the path of a {', '.join(READERS)} or "
            "scorer.yaml file, or module:attribute; a label of your own stands before it, "
            "LABEL=SPEC",
        )
    known = traits(scorer, spec.title, source)
    called = spec.label or known.name
    typed = None if spec.typed in ("", called) else spec.typed
    return scorer, replace(known, name=called, spec=typed)
