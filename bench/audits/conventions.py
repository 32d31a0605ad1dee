"""Conventions of pixels: whether other numbers for ink and paper would do a scorer far better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...tasks import Images, wanted
from ...tasks.data import glyphs
from .findings import NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .panel import SEED
from .subject import Subject

CHARACTERS, DRAWERS, SHOTS = 15, 8, 2
"""Images that a scorer of level 1 is asked about, so many that they fit into a batch twice, and
those of a character that are support."""

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
    """Gives images (CHARACTERS * DRAWERS, height, width, ...), by character and drawer."""
    bits, rows = glyphs.generate(SEED, alphabets=1)
    chosen = np.arange(len(rows)).reshape(CHARACTERS, -1)[:, :DRAWERS].ravel()
    return wanted(Images(bits), subject.traits.wants or subject.like)[chosen]


def _embedded(subject: Subject, shown: list[np.ndarray], blank: np.ndarray) -> Iterator[np.ndarray]:
    """Gives, for each character, the share of pairs that a scorer of level 1 has in order.

    Args:
        subject: The scorer before the fixed images.
        shown: The same images in several conventions, which are embedded in one batch: an
            embedding is slow, and ink that is dark does not matter beside other images.
        blank: Fills the batch.

    Yields:
        ndarray (CHARACTERS,) for each convention.
    """
    together = np.concatenate(shown)
    embedded = subject.embed(subject.batch(together, blank[None]))
    of_query, of_support = (
        np.repeat(np.arange(CHARACTERS), each) for each in (DRAWERS - SHOTS, SHOTS)
    )
    for drawn in np.split(embedded[: len(together)], len(shown)):
        drawn = drawn.reshape(CHARACTERS, DRAWERS, -1)
        support = drawn[:, :SHOTS].reshape(1, len(of_support), -1)
        queries = drawn[:, SHOTS:].reshape(1, len(of_query), -1)
        step = max(1, NUMBERS // support.size)
        parts = [
            subject.compare(queries[:, start : start + step], support)[0]
            for start in range(0, len(of_query), step)
        ]
        right = _above(np.concatenate(parts), of_query[:, None] == of_support)
        yield right.reshape(CHARACTERS, -1).mean(axis=1)


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

    found: dict[Convention, np.ndarray] = {}
    for whole in (given.whole, 256 - given.whole):
        written = [Convention(whole, dark) for dark in (given.dark, not given.dark)]
        try:
            if subject.level == 1:
                blank = np.full_like(shown[0], given.whole if given.dark else 0)
                arrays = [one.of(shown, given) for one in written]
                rights = list(_embedded(subject, arrays, written[0].of(blank, given)))
            else:
                rights = [_asked(subject, QUERIES[0], one, given) for one in written]
        except RefusalError:
            # Whoever refuses such images knows what it takes.
            continue
        found |= {
            one: right
            for one, right in zip(written, rights, strict=True)
            if np.isfinite(right).all()
        }
    if given not in found:
        return Answer(NOT_APPLICABLE, "it gives no finite scores for these images")
    best = max(found, key=lambda one: float(found[one].mean()))
    better = _better(found[given], found[best])
    if better is None and subject.level > 1:
        found = {one: _asked(subject, QUERIES[1], one, given) for one in (given, best)}
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
