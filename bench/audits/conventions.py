"""Conventions of pixels: whether other numbers for ink and paper would do a scorer far better."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from ...tasks import Images, wanted
from ...tasks.data import glyphs
from ..scorers import BATCH
from .findings import NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .panel import SEED
from .subject import Subject

CHARACTERS, DRAWERS, SHOTS = 15, 16, 2
"""Images that a scorer of level 1 is asked about, so many that they fit into a batch, and those
of a character that are support."""

QUERIES = (20, 60)
"""Queries that a scorer of another level is asked about, at least: at first, and where these
are too few to tell."""

BEST = 0.8
"""Share of right answers that must be possible: networks with random weights, and pixels compared
as they are, stay below, and are not made for any convention."""

FEWER = 1.4
"""How many times as many errors there must be as with the other convention. With random weights,
it makes up to 1.5, below `BEST`."""

DEVIATIONS = 3
"""How many standard errors of the difference it must be."""

NUMBERS = 2**24
"""Most numbers of pairs of embeddings in a call."""


@dataclass(frozen=True)
class Convention:
    """How ink and paper are written.

    Attributes:
        whole: 1 or 255.
        dark: Whether ink is 0.
    """

    whole: int
    dark: bool

    def __str__(self) -> str:
        ink, paper = (0, self.whole) if self.dark else (self.whole, 0)
        return f"{ink} for ink and {paper} for paper"

    def of(self, images: np.ndarray, given: Convention) -> np.ndarray:
        """Writes images so; where there are only 0 and 1, shades become one of them.

        Args:
            images: ndarray of any shape, uint8 or float32.
            given: How they are written.
        """
        if self == given:
            return images
        shades = images.astype(np.float32) / np.float32(given.whole)
        if self.dark != given.dark:
            shades = 1 - shades
        if images.dtype.kind == "f":
            return shades * np.float32(self.whole)
        if self.whole == 1:
            return (shades > 0.5).astype(images.dtype)
        return np.rint(255 * shades).astype(images.dtype)


def _above(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Gives for each query the share of pairs of its class and another that are in order.

    Args:
        scores: ndarray (queries, support).
        own: Whether a support image is of the class of the query, bool ndarray of this shape.
    """
    shares = []
    for row, same in zip(scores, own, strict=True):
        others = np.sort(row[~same])
        below, upto = (np.searchsorted(others, row[same], side) for side in ("left", "right"))
        shares.append(float((below + upto).mean()) / 2 / max(len(others), 1))
    return np.array(shares)


def _images(subject: Subject) -> np.ndarray:
    """Gives images (CHARACTERS, 20, height, width, ...), by character and drawer."""
    bits, _ = glyphs.generate(SEED, alphabets=1)
    pixels = wanted(Images(bits), subject.traits.wants or subject.like)[:]
    return pixels.reshape(CHARACTERS, -1, *pixels.shape[1:])


def _embedded(subject: Subject, images: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Gives, for each character, the share of pairs that a scorer of level 1 has in order."""
    shown = images[:, :DRAWERS].reshape(-1, *images.shape[2:])
    blank = np.broadcast_to(paper, (BATCH - len(shown), *paper.shape))
    embedded = subject.embed(np.concatenate([shown, blank]))[: len(shown)]
    drawn = embedded.reshape(CHARACTERS, DRAWERS, -1)
    support = drawn[:, :SHOTS].reshape(1, CHARACTERS * SHOTS, -1)
    queries = drawn[:, SHOTS:].reshape(1, -1, support.shape[-1])
    step = max(1, NUMBERS // support.size)
    scores = np.concatenate(
        [
            subject.compare(queries[:, start : start + step], support)[0]
            for start in range(0, queries.shape[1], step)
        ]
    )
    of_query, of_support = (
        np.repeat(np.arange(CHARACTERS), each) for each in (DRAWERS - SHOTS, SHOTS)
    )
    return _above(scores, of_query[:, None] == of_support).reshape(CHARACTERS, -1).mean(axis=1)


def _asked(subject: Subject, least: int, convention: Convention, given: Convention) -> np.ndarray:
    """Gives, for each class, the share of pairs that a scorer of level 2 or 3 has in order."""
    support = convention.of(subject.panel.support, given)
    shares, truths = [], []
    for queries, truth in subject.more_queries(-(-least // subject.size.queries)):
        scores = subject.ask(convention.of(queries, given), support)
        shares.append(_above(scores, truth[:, None] == np.arange(scores.shape[1])))
        truths.append(truth)
    by_query, of = np.concatenate(shares), np.concatenate(truths)
    return np.array([by_query[of == one].mean() for one in np.unique(of)])


def pixels(subject: Subject) -> Answer:
    """Compares a scorer with itself, shown the same images in the usual conventions of pixels.

    Ink and paper are 0 and 1, or 0 and 255, and ink is bright or dark. A network is made for
    one of them. A difference that is large is noted; it is no fault of the answers.
    """
    if type(subject.scorer).__module__.startswith("wayshot."):
        return Answer(NOT_APPLICABLE, "wayshot prepares its images")
    shown = _images(subject)
    given = Convention(255 if shown.max() > 1 else 1, bool(shown.mean() > shown.max() / 2))

    def right(convention: Convention, least: int) -> np.ndarray:
        if subject.level > 1:
            return _asked(subject, least, convention, given)
        paper = np.full_like(shown[0, 0], given.whole if given.dark else 0)
        return _embedded(subject, convention.of(shown, given), convention.of(paper, given))

    found = {given: right(given, QUERIES[0])}
    for convention in (Convention(whole, dark) for whole in (1, 255) for dark in (False, True)):
        # Whoever refuses such images knows what it takes.
        with suppress(RefusalError):
            if convention != given:
                found[convention] = right(convention, QUERIES[0])
    found = {one: shares for one, shares in found.items() if np.isfinite(shares).all()}
    if given not in found:
        return Answer(NOT_APPLICABLE, "not all scores are finite")
    best = max(found, key=lambda one: float(found[one].mean()))
    better = _better(found[given], found[best])
    if better is None and subject.level > 1:
        found = {one: right(one, QUERIES[1]) for one in (given, best)}
        better = _better(found[given], found[best])
    here, there = (float(found[one].mean()) for one in (given, best))
    words = f"tells same from different characters in {100 * here:.0f} % of pairs"
    if not better:
        return Answer(PASSED, f"{words}, and not much better with other numbers for ink and paper")
    hints = []
    if best.whole != given.whole:
        hints.append(
            "divides by 255 what is 0 or 1, as torchvision's ToTensor does"
            if best.whole > given.whole
            else "does not divide by 255"
        )
    if best.dark != given.dark:
        shades = ("bright ink on dark paper", "dark ink on bright paper")
        hints.append(f"is made for {shades[best.dark]}")
    hint = " and ".join(hints)
    return Answer(
        NOTED,
        f"{words} as it gets them ({given}), and in {100 * there:.0f} % with {best}",
        there - here,
        f"{hint[0].upper()}{hint[1:]}? wayshot.wrap(model, ink=, paper=) or the attribute wants "
        "gives it such images.",
    )


def _better(here: np.ndarray, there: np.ndarray) -> bool | None:
    """Tells whether shares of pairs in order, by character, are far larger; None if unclear."""
    if there.mean() < BEST or 1 - here.mean() < FEWER * (1 - there.mean()):
        return False
    gain = there - here
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return True if gain.mean() > DEVIATIONS * error else None
