"""Conformance: values that every installation must find, compared with what it finds."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import tasks
from ..models import ModelError
from ..results import ResultError
from ..tasks import Progress, TaskError, quiet
from ..tasks.data import omniglot
from .errors import ScorerError

PATH = Path(__file__).with_name("conformance.json")
"""The expected values with their sources."""


@dataclass(frozen=True)
class Check:
    """A value that is published, computed from official data, or frozen.

    Attributes:
        name: Name of the value.
        source: Source of the expected value.
        expected: The expected value: numbers and texts, or lists of them.
        find: Computes the value with this installation.
        parts: Files of Omniglot that are needed.
    """

    name: str
    source: str
    expected: Any
    find: Callable[[], Any]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The result of a check.

    Attributes:
        name: Name of the value.
        source: Source of the expected value.
        expected: The expected value.
        found: The value found, or the error; None if the check was skipped.
        status: `ok`, `differs` or `skipped`.
        reason: Why it was skipped, or "".
    """

    name: str
    source: str
    expected: Any
    found: Any
    status: Literal["ok", "differs", "skipped"]
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        return asdict(self)


class _Finder:
    """Computes the values; data are loaded once."""

    def __init__(self, data: str | Path | None, progress: Progress) -> None:
        self._data, self._progress = data, progress
        self.load = cache(self._load)
        self.errors = cache(self._errors)

    def _load(self, split: str, part: str) -> tasks.Dataset:
        return tasks.load(split, part, self._data, self._progress)

    def _open(self, name: str, seed: int = 1) -> tasks.Source:
        return tasks.open_protocol(tasks.parse(name), seed, self._data, self._progress)

    def pixels(self, part: str) -> str:
        return omniglot.load(part, self._data, self._progress).digest

    def characters(self, split: str, part: str) -> int:
        return len(self.load(split, part).characters)

    def alphabets(self, split: str, part: str) -> int:
        return self.load(split, part).characters["alphabet"].nunique()

    def _known(self, split: str, part: str) -> set[tuple[Any, ...]]:
        return set(self.load(split, part).characters.itertuples(index=False, name=None))

    def leaked_characters(self) -> int:
        return len(self._known("vinyals", "train") & self._known("lake", "evaluation"))

    def leaked_trials(self) -> int:
        runs, known = self._open("lake-runs"), self._known("vinyals", "train")
        asked = runs.dataset.table.iloc[runs.block(0).query.ravel()][["alphabet", "character"]]
        return sum(pair in known for pair in asked.astype(str).itertuples(index=False, name=None))

    def once(self, name: str) -> int | None:
        return self._open(name).episodes

    def _errors(self, scorer: str) -> np.ndarray:
        """Errors of a baseline on Lake's runs, through the whole harness; float64 ndarray (20,)."""
        from .evaluations import evaluate
        from .scorers import registered

        with tempfile.TemporaryDirectory(prefix="wayshot-") as folder:
            run = evaluate(registered()[scorer](), self._open("lake-runs"), root=folder)
            trials = run.trials
        return (1 - trials["credit"]).groupby(trials["episode"]).sum().to_numpy()

    def percents(self, scorer: str) -> list[float]:
        return [round(5 * float(errors), 9) for errors in self.errors(scorer)]

    def total(self, scorer: str) -> float:
        return round(float(self.errors(scorer).sum()), 9)

    def first_cost(self) -> float:
        from .scorers import Hausdorff

        source = self._open("lake-runs")
        runs, images = source.block(0), source.dataset.images
        return float(Hausdorff().score(images[runs.query[0, :1]], images[runs.support[0, 0]])[0, 0])

    def digest(self, name: str, seed: int, episodes: int) -> str:
        return tasks.episodes_digest(self._open(name, seed), episodes)


def _parameters(network: dict[str, Any], trainable: bool) -> int:
    from ..models import assemble, backbone
    from ..models.networks import Network

    whole = "join" in network
    model: Any = (
        assemble(Network(**network), "conformance") if whole else backbone(**network).build()
    )
    weights = model.trainable_weights if trainable else model.weights
    return sum(math.prod(weight.shape) for weight in weights)


def checks(data: str | Path | None = None, progress: Progress = quiet) -> list[Check]:
    """Lists all checks.

    Args:
        data: Folder of Omniglot; see `tasks.omniglot.data_folder`.
        progress: Shows the progress of decoding images.
    """
    content = json.loads(PATH.read_text(encoding="utf-8"))
    find = _Finder(data, progress)
    background, evaluation = "images_background", "images_evaluation"
    both, lake = (background, evaluation), (evaluation, "all_runs")

    def needed(split: str, part: str = "") -> tuple[str, ...]:
        if split == "glyphs":
            return ()
        if split == "vinyals" and part != "test":
            return both
        return (background,) if part in ("background", "train", "validation") else (evaluation,)

    found = [
        Check(f"pixels of {part}", content["files"], digest, partial(find.pixels, part), (part,))
        for part, digest in content["pixels"].items()
    ]
    for what, look in (("characters", find.characters), ("alphabets", find.alphabets)):
        for name, count in content[what].items():
            split, part = name.split("-")
            found.append(
                Check(
                    f"{what} of {name}",
                    content["splits"][split],
                    count,
                    partial(look, split, part),
                    needed(split, part),
                )
            )
    leaked, computed = content["leaked"], content["computed"]
    found += [
        Check(
            "vinyals train in lake", computed, leaked["characters"], find.leaked_characters, both
        ),
        Check(
            "lake-runs in vinyals train",
            computed,
            leaked["official_trials"],
            find.leaked_trials,
            (*both, "all_runs"),
        ),
    ]
    found += [
        Check(
            f"episodes of {name}",
            computed,
            count,
            partial(find.once, name),
            needed(*name.split("-")[:1]),
        )
        for name, count in content["once"].items()
    ]
    runs, by = content["lake_runs"], content["lake_runs"]["source"]
    found += [
        Check(
            "hausdorff, errors of runs 1 to 20, %",
            by,
            runs["hausdorff_error_percent"],
            partial(find.percents, "hausdorff"),
            lake,
        ),
        Check("hausdorff, first cost", by, runs["hausdorff_first_cost"], find.first_cost, lake),
    ]
    found += [
        Check(f"{scorer}, errors of 400", by, count, partial(find.total, scorer), lake)
        for scorer, count in runs["errors"].items()
    ]
    found += [
        Check(
            f"{one['name']}, {'trainable ' * one['trainable']}parameters",
            one["source"],
            one["parameters"],
            partial(_parameters, one["network"], one["trainable"]),
        )
        for one in content["networks"]
    ]
    for one in content["episodes"]:
        asked = tasks.parse(one["protocol"])
        parts = lake if asked.structure == "runs" else needed(asked.split, asked.part)
        found.append(
            Check(
                f"first {one['episodes']} episodes of {one['protocol']}, seed {one['seed']}",
                content["frozen"],
                one["digest"],
                partial(find.digest, one["protocol"], one["seed"], one["episodes"]),
                parts,
            )
        )
    return found


def _agree(expected: Any, found: Any) -> bool:
    """Tells whether two values agree; floats may differ in their last bits."""
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_agree, expected, found))
    if isinstance(expected, float | int) and isinstance(found, float | int):
        return math.isclose(expected, found, rel_tol=1e-13)
    return bool(expected == found)


def _answer(check: Check, data: str | Path | None) -> Answer:
    known = (check.name, check.source, check.expected)
    missing = [part for part in check.parts if omniglot.find(part, data) is None]
    if missing:
        where = omniglot.data_folder(data)
        reason = f"{', '.join(f'{part}.zip' for part in missing)} not in {where}"
        return Answer(*known, None, "skipped", reason)
    try:
        found = check.find()
    except (TaskError, ModelError, ScorerError, ResultError, ImportError) as error:
        return Answer(*known, " ".join(str(error).split()), "differs")
    return Answer(*known, found, "ok" if _agree(check.expected, found) else "differs")


def conform(
    data: str | Path | None = None,
    progress: Progress = quiet,
) -> Iterator[Answer]:
    """Makes all checks.

    Args:
        data: Folder of Omniglot; see `tasks.omniglot.data_folder`.
        progress: Shows the progress of decoding images, and of the checks.

    Yields:
        The answer of each check. Checks that need files of Omniglot are skipped
        if these are missing; after an error the status is `differs`, and the
        answer holds the error.
    """
    asked = checks(data, progress)
    tick = progress(len(asked), "Checks")
    for check in asked:
        yield _answer(check, data)
        tick(1)
