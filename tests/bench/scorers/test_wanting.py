from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot.bench import ScorerError
from wayshot.bench.audits.subject import panel
from wayshot.bench.scorers.scorer import traits
from wayshot.tasks import Wants


class Seeing(Pixels):
    """Notes the arrays that it gets."""

    def __init__(self, wants=None):
        self.seen = []
        if wants is not None:
            self.wants = wants

    def embed(self, images):
        self.seen.append(images)
        return super().embed(images)


@pytest.mark.parametrize(
    ("said", "shape", "dtype"),
    [
        (None, (105, 105), np.uint8),
        ("ink", (105, 105), np.uint8),
        ({"kind": "gray", "size": 28}, (28, 28), np.uint8),
        ({"kind": "unit", "size": (20, 30)}, (20, 30), np.float32),
        ({"kind": "color", "size": 32}, (32, 32, 3), np.uint8),
        ({"kind": "gray", "channels": 1}, (105, 105, 1), np.uint8),
    ],
)
def test_a_scorer_is_made_known_by_images_of_the_kind_that_it_wants(said, shape, dtype):
    scorer = Seeing(said)
    known = traits(scorer, "x")
    assert known.wants == (None if said is None else Wants.read(said))
    assert {one.shape[1:] for one in scorer.seen} == {shape}
    assert {one.dtype for one in scorer.seen} == {np.dtype(dtype)}


def test_what_a_scorer_wants_is_part_of_what_it_is():
    digests = {
        traits(Seeing(wants), "x").digest
        for wants in (None, "ink", {"kind": "ink", "polarity": "bright"}, "gray", "color")
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    "said", ["grey", {"size": 0}, {"size": 2.5}, {"kinds": "ink"}, {"kind": 5}, []]
)
def test_what_cannot_be_wanted_names_the_scorer(said):
    with pytest.raises(ScorerError, match=r"^scorer 'mine': wants .*expected"):
        traits(Seeing(said), "mine")


@pytest.mark.parametrize("said", [5, lambda: None, np.zeros(3)])
def test_an_attribute_of_that_name_that_is_something_else_is_left_alone(said):
    assert traits(Seeing(said), "x").wants is None


def test_a_scorer_for_colour_that_does_not_say_so_is_known_too():
    class Channels(Pairs):
        def score(self, query_images, support_images):
            if query_images.ndim != 4 or query_images.shape[1] != 84:
                raise ValueError("pictures in colour, of 84 pixels")
            return super().score(query_images, support_images)

    assert traits(Channels(), "x").level == 2


def test_a_scorer_that_fails_for_every_kind_is_told_of_wants():
    class Never(Pairs):
        def score(self, query_images, support_images):
            raise ValueError("never")

    with pytest.raises(ScorerError, match=r"never.*wants = \{\.\.\.\} says which images"):
        traits(Never(), "x")


@pytest.mark.parametrize(
    ("wants", "shape", "whole", "of_ink"),
    [
        (None, (105, 105), 1, True),
        (Wants(("gray",), (28, 28)), (28, 28), 255, False),
        (Wants(("color",), (32, 32)), (32, 32, 3), 255, False),
        (Wants(("unit",), polarity="bright"), (105, 105), 1, True),
        (Wants(("unit",), (30, 30)), (30, 30), 1, False),
    ],
)
def test_audits_have_images_of_the_kind_that_a_scorer_wants(wants, shape, whole, of_ink):
    images = panel(wants)
    for part, count in ((images.support, 12), (images.queries, 24)):
        assert part.shape == (count, *shape)
    assert (images.whole, images.of_ink) == (whole, of_ink)
    assert images.others.shape[1:] == shape
