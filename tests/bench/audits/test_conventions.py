from __future__ import annotations

import re

import methods
import numpy as np
import pytest
import traps
from example_scorers import Counting
from wayshot.bench.audits import audit
from wayshot.bench.audits.conventions import Convention, pixels
from wayshot.bench.audits.subject import Subject
from wayshot.bench.evaluations import Settings
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.scorers import EpisodeSize, registered, resolve, traits, wrap


def asked(scorer, size=None):
    return pixels(Subject(scorer, traits(scorer, "x"), size=size))


@pytest.mark.parametrize(
    ("make", "best", "cause"),
    [
        (methods.Divided, "255 for ink and 0 for paper", "torchvision's ToTensor"),
        (methods.ForDarkInk, "0 for ink and 1 for paper", "dark ink on bright paper"),
        (methods.DividedForDarkInk, "0 for ink and 255 for paper", "dark ink on bright paper"),
        (methods.Undivided, "1 for ink and 0 for paper", "does not divide by 255"),
    ],
)
def test_a_scorer_for_other_pixels_is_told_with_the_figures(make, best, cause):
    found = asked(make())
    assert found.status == "noted" and found.found.endswith(best)
    assert cause.lower() in found.cause.lower()
    here, there = (int(share) for share in re.findall(r"(\d+) %", found.found))
    assert here < 80 and 85 < there <= 100 and "as it gets them" in found.found


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (methods.CentredPairs, None),
        (methods.CentredClassifier, None),
        (methods.CentredClassifier, EpisodeSize(5, 1, 5)),
        (methods.CentredClassifier, EpisodeSize(20, 5, 20)),
    ],
)
def test_it_is_told_at_every_level(make, size):
    assert asked(make(), size).status == "noted"


@pytest.mark.parametrize(
    "make",
    [
        methods.Centred,
        methods.ByLargest,
        methods.Prototypes,
        methods.FullContext,
        methods.SeededHead,
        methods.Averaged,
        methods.AveragedDistance,
        methods.Weak,
        traps.Pixels,
        traps.Pairs,
        traps.Containment,
        traps.Constant,
        traps.Classifier,
        Counting,
    ],
)
def test_nothing_is_told_of_a_scorer_that_is_weak_or_gets_what_it_takes(make):
    assert asked(make()).status == "passed"


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("distance", [False, True])
def test_nothing_is_told_of_networks_with_random_weights(average, distance):
    for seed in range(3):
        found = asked(methods.RandomNetwork(seed, average, distance))
        assert found.status == "passed", (seed, found)


def test_nothing_is_told_of_scorers_with_a_name():
    for name in registered():
        scorer, known = resolve(name, "keras")
        assert pixels(Subject(scorer, known)).status != "noted", name


def test_who_refuses_other_pixels_knows_what_it_takes():
    class Asserting(methods.Centred):
        def embed(self, images):
            if images.max() > 1:
                raise ValueError("expected 0 and 1")
            return super().embed(images)

    assert asked(Asserting()).status == "passed"


def test_what_wrap_prepares_is_not_asked():
    scorer = wrap(lambda images: images.reshape(len(images), -1), size=28)
    assert asked(scorer).status == "not applicable"


def test_a_run_says_it(source, tmp_path):
    said = []
    settings = Settings(warn=said.append)
    run = evaluate(methods.Divided(), source(), episodes=5, root=tmp_path, settings=settings)
    (line,) = (one for one in said if "ToTensor" in one)
    assert "255 for ink and 0 for paper" in line and run.record["audit"]["verdict"] == "passed"


def test_the_conventions_are_the_same_images():
    given = Convention(1, False)
    images = np.array([[0, 1], [1, 1]], dtype=np.uint8)
    written = {
        str(one): one.of(images, given).tolist()
        for one in (Convention(whole, dark) for whole in (1, 255) for dark in (False, True))
    }
    assert written == {
        "1 for ink and 0 for paper": [[0, 1], [1, 1]],
        "0 for ink and 1 for paper": [[1, 0], [0, 0]],
        "255 for ink and 0 for paper": [[0, 255], [255, 255]],
        "0 for ink and 255 for paper": [[255, 0], [0, 0]],
    }
    for one in (Convention(255, True), Convention(1, False)):
        shades = np.array([0, 100, 200, 255], dtype=np.uint8)
        again = Convention(255, False).of(one.of(shades, Convention(255, False)), one)
        assert np.array_equal(again, shades if one.whole == 255 else [0, 0, 255, 255])
    assert audit(methods.Centred(), traits(methods.Centred(), "x")).verdict == "passed"
