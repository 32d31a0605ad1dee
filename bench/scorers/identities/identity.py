"""Identity: what a scorer from outside is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ScorerError
from ...machine import equal_products
from . import sightings
from .code import digest_of
from .genuine import is_genuine, is_ours
from .nodes import Node, Path, changed, lasting
from .probes import Probes
from .state import Survey

TOLERANCE = 1e-3
"""Answers that differ by at most this share of their span are the same: those of an accelerator
or a service change in their last digits."""

_FEW = 1 / 16
"""Share of the answers that may be others: of a scorer that gives 0 or 1, rounding changes some."""

_SKETCH = 64
"""Answers that are kept, to be compared."""

_COARSE = 32
"""Different answers; of a scorer with no more, the answers do not tell its parameters."""

_LEFT_OUT: dict[tuple[type, str], set[Path]] = {}
"""What has changed by use in scorers of a class with this code. A cache that holds the fixed
images already does not change any more, and is still a cache."""

_GIVE = 'give it an attribute digest, such as digest = "1", and change that with the scorer'

UNSTEADY = f"its answers change from call to call, so that a run may not be found again; {_GIVE}"
"""What is said of a scorer without a digest whose answers are never the same."""


@dataclass(frozen=True)
class Identity:
    """What a scorer is known by.

    Attributes:
        by: `class` of this project, `digest` that it declares, or `content`: its state, its code
            and its answers.
        words: What goes into its digest.
        answers: Some of its scores for fixed images, where it declares a digest.
        advice: What the user should know, in one line; "" where all is well.
    """

    by: str
    words: str
    answers: tuple[float | None, ...] = ()
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """Gives the field `scorer.identity` of a record."""
        return {
            "by": self.by,
            **({"tolerance": TOLERANCE, "answers": list(self.answers)} if self.answers else {}),
            **({"advice": self.advice} if self.advice else {}),
        }

    def fits(self, answers: Sequence[float | None]) -> bool:
        """Tells whether stored answers are those of this scorer, up to `TOLERANCE`.

        Args:
            answers: As the attribute of this name.
        """
        return not self.answers or not answers or _alike(self.answers, answers)


def _alike(found: Sequence[float | None], stored: Sequence[float | None]) -> bool:
    if len(found) != len(stored):
        return False
    here, there = (np.array(one, dtype=np.float64) for one in (found, stored))
    if not np.array_equal(np.isnan(here), np.isnan(there)):
        return False
    known = ~np.isnan(there)
    span = float(np.ptp(there[known])) if known.any() else 0.0
    apart = np.abs(here - there)[known] > TOLERANCE * span
    return bool(apart.sum() <= _FEW * len(there))


def _sketch(scores: np.ndarray) -> tuple[float | None, ...]:
    """Picks some of the scores; none of those that are no numbers, which are refused later."""
    if scores.dtype.kind not in "fiub" or not len(scores):
        return ()
    chosen = scores[np.linspace(0, len(scores) - 1, min(_SKETCH, len(scores))).astype(int)]
    rounded = (float(f"{one:.9g}") for one in chosen.astype(np.float64))
    return tuple(one if np.isfinite(one) else None for one in rounded)


def _digest(answers: list[np.ndarray]) -> str:
    found = hashlib.sha256()
    for one in answers:
        found.update(f"{one.dtype} {one.shape}".encode())
        found.update(np.ascontiguousarray(one).tobytes())
    return found.hexdigest()


def _is_coarse(scores: np.ndarray) -> bool:
    return scores.dtype.kind in "fiub" and len(np.unique(scores)) <= _COARSE


def _declares(scorer: Any, genuine: bool, digest: Any) -> bool:
    """Tells whether a digest is the user's own, and not inherited from a class of this project."""
    if isinstance(digest, bool) or not isinstance(digest, str | int) or digest == "":
        return False
    if genuine or "digest" in getattr(scorer, "__dict__", ()):
        return True
    owner = next((kind for kind in type(scorer).__mro__ if "digest" in vars(kind)), None)
    return owner is None or not is_ours(owner)


def _called(scorer: Any, name: str) -> str:
    """Gives what the user called a scorer; a model that is wrapped is one by any name."""
    return "" if is_ours(type(scorer)) else name


def _declared(scorer: Any, digest: Any, name: str, probes: Probes) -> Identity:
    kind = type(scorer)
    place = f"{kind.__module__.partition(' of ')[0]}.{kind.__qualname__}"
    found = Identity(
        "digest", f"digest {place} {digest} {name}", _sketch(probes.scores(probes.answers()))
    )
    met = sightings.met(found.words, found.answers)
    if found.fits(met):
        return found
    again = _sketch(probes.scores(probes.answers()))
    if not _alike(found.answers, again):
        advice = "its answers change from call to call; its digest alone says which scorer it is"
        return Identity(found.by, found.words, (), advice)
    raise ScorerError(
        f"scorer {name!r}: its answers are others than when its digest {str(digest)[:40]!r} was "
        "first seen; a scorer that has changed needs another digest"
    )


def _survey(scorer: Any, said: Sequence[str]) -> tuple[Survey, Node]:
    altered = any(map(is_ours, type(scorer).__mro__)) and not is_genuine(scorer)
    survey = Survey(scorer, said, altered=altered)
    return survey, survey.node(scorer)


def _by_content(scorer: Any, name: str, said: Sequence[str], probes: Probes) -> Identity:
    with equal_products():
        return _by_answers(scorer, name, said, probes)


def _by_answers(scorer: Any, name: str, said: Sequence[str], probes: Probes) -> Identity:
    first, before = _survey(scorer, said)
    answers = probes.answers()
    survey, after = _survey(scorer, said)
    code = digest_of(survey.modules)
    left_out = _LEFT_OUT.setdefault((type(scorer), code), set())
    left_out |= changed(before, after)
    words = f"content {_called(scorer, name)} {code} {lasting(after, left_out)}"
    advice = ""
    draws = survey.drawn != first.drawn
    if draws and _digest(probes.few()) != _digest(probes.few()):
        # Answers that follow from a generator's state are left out with it.
        advice = UNSTEADY
    else:
        words += f" {_digest(answers)}"
        if _is_coarse(probes.scores(answers)) and (survey.opaque or not survey.values):
            what = "holds what cannot be read" if survey.opaque else "has no state"
            advice = f"it {what} and gives few different answers; {_GIVE}"
    return Identity("content", words, (), advice)


def identify(
    scorer: Any, digest: Any, name: str, source: str, said: Sequence[str], probes: Probes
) -> Identity:
    """Finds out what a scorer is known by; ARCHITECTURE says how.

    Args:
        scorer: The scorer.
        digest: What it says of its digest.
        name: What the user called it.
        source: Digest of the code it comes from, or "".
        said: Names of attributes that are no part of its state.
        probes: Asks it.

    Raises:
        ScorerError: A digest that it declares is that of a scorer with other answers.
    """
    genuine = is_genuine(scorer)
    if genuine and not getattr(scorer, "holds_code", False):
        own = str(digest) if isinstance(digest, str | int) else ""
        return Identity("class", f"{own} {source}" if source else own)
    if _declares(scorer, genuine, digest):
        found = _declared(scorer, digest, name, probes)
    else:
        found = _by_content(scorer, name, said, probes)
        if source:
            found = Identity(found.by, f"{source} {found.words}", (), found.advice)
    wants = f" {probes.asked_for}" if probes.asked_for else ""
    return Identity(found.by, found.words + wants, found.answers, found.advice)
