"""Scorers by name."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ...models import ModelError, bundles
from ...tasks import Progress, quiet
from ..errors import ScorerError
from .baselines import BASELINES
from .scorer import Scorer, Traits, traits
from .siamese import BundledSiamese, CheckpointSiamese

GROUP = "wayshot.scorers"
"""Entry points of this group are scorers: objects, or functions without arguments."""


def registered() -> dict[str, Callable[[], Any]]:
    """Lists the functions that make the scorers with a name, built in or from entry points."""
    makers: dict[str, Callable[[], Any]] = {**BASELINES}
    for name in bundles():
        makers[name] = lambda name=name: BundledSiamese(name)
    for point in entry_points(group=GROUP):
        makers.setdefault(point.name, lambda point=point: _made(point.load()))
    return makers


def _made(thing: Any) -> Any:
    """Calls classes and functions, and leaves scorers as they are."""
    is_scorer = any(hasattr(thing, method) for method in ("compare", "score", "classify"))
    return thing() if inspect.isclass(thing) or (callable(thing) and not is_scorer) else thing


def _attempt(name: str, action: Callable[[], Any]) -> Any:
    """Turns whatever goes wrong with someone's code into one line for the user."""
    try:
        return action()
    except ScorerError:
        raise
    except ModelError as error:
        raise ScorerError(str(error)) from None
    except (Exception, SystemExit) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise ScorerError(f"scorer {name!r} cannot be made ({problem})") from error


def _imported(name: str) -> tuple[Any, str]:
    """Imports what the user typed as `module:attribute`; gives also its code's digest."""
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        # For good, as the scorer may import its neighbours when it is used.
        sys.path.append(here)
    module = importlib.import_module(module_name)
    thing: Any = module
    for part in attribute.split("."):
        thing = getattr(thing, part)
    scorer = _made(thing)
    file = getattr(module, "__file__", None)
    code = Path(file).read_bytes() if file and Path(file).is_file() else b""
    return scorer, hashlib.sha256(code).hexdigest()


def resolve(
    name: str, engine: str = "auto", *, data: str | None = None, progress: Progress = quiet
) -> tuple[Scorer, Traits]:
    """Gives a scorer by name, and its traits.

    Args:
        name: A registered name, the path of a `.keras` file, or
            `module:attribute` (a scorer, or a class or function that makes
            one); the module is searched on Python's path and in the current
            folder.
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
    source = ""
    if name in bundles():
        scorer = _attempt(name, lambda: BundledSiamese(name, engine, data=data, progress=progress))
    elif name in makers:
        scorer = _attempt(name, makers[name])
    elif name.endswith(".keras"):
        scorer = _attempt(
            name, lambda: CheckpointSiamese(name, engine, data=data, progress=progress)
        )
    elif ":" in name:
        scorer, source = _attempt(name, lambda: _imported(name))
    else:
        close = difflib.get_close_matches(name, makers, n=3, cutoff=0.4)
        hint = f"closest: {', '.join(close)}" if close else f"known: {', '.join(makers)}"
        raise ScorerError(
            f"unknown scorer {name!r}; {hint}; or the path of a .keras file, or module:attribute"
        )
    return scorer, traits(scorer, name, source)
