from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers import BASELINES, Hausdorff, PixelCosine, PixelEuclidean, fewshot, wrap
from wayshot.bench.scorers.identities.genuine import is_genuine
from wayshot.bench.scorers.scorer import traits


def digest(scorer, name="x"):
    return traits(scorer, name).digest


class Holding(Pixels):
    """Has a parameter that its answers do not depend on."""

    def __init__(self, held):
        self.held = held


class Slotted(Pixels):
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


class Point:
    def __init__(self, x):
        self.x = x


def _closure(value):
    return lambda: value


DIFFERENT = {
    "numbers": (0.4, 0.5),
    "types": (1, True),
    "arrays": (np.zeros(3), np.array([0, 0, 1e-300])),
    "types of arrays": (np.zeros(3, np.float32), np.zeros(3)),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "nested": ({"a": [Point({1, 2})]}, {"a": [Point({1, 3})]}),
    "closures": (_closure(1), _closure(2)),
    "partials": (functools.partial(int, base=2), functools.partial(int, base=8)),
    "code": (lambda: 1, lambda: 2),
    "objects": (np.array([Point(1)]), np.array([Point(2)])),
    "methods": (Point(1).__init__, Point(2).__init__),
    "classes": (Point, Pixels),
    "paths": (Path("a"), Path("b")),
    "long lists": ([0.5] * 2000, [0.5] * 1999 + [0.25]),
}


@pytest.mark.parametrize("kind", [Holding, Slotted])
@pytest.mark.parametrize("name", DIFFERENT)
def test_scorers_that_differ_in_what_they_hold_differ(name, kind):
    first, second = DIFFERENT[name]
    assert digest(kind(first)) != digest(kind(second))


def test_the_same_content_is_the_same_scorer():
    def made():
        loop = Point(1)
        loop.x = loop
        return Holding(
            [
                {"b": 2, "a": 1},
                {"x", "y", ("z", 1)},
                loop,
                np.arange(6).reshape(2, 3)[:, ::2],
                np.random.default_rng(),
                threading.Lock(),
                functools.partial(int, base=2),
                time.time(),
                time.perf_counter(),
                time.time_ns(),
                uuid.uuid4(),
                _closure([1]),
            ]
        )

    first, second = made(), made()
    second.held[0] = {"a": 1, "b": 2}
    second.held[3] = np.ascontiguousarray(second.held[3])
    assert digest(first) == digest(second)


class Caching(Pixels):
    """Remembers, counts, draws and is set up at its first call."""

    shared = {}  # noqa: RUF012

    def __init__(self, factor=1.0):
        self.factor, self.known, self.calls = factor, {}, 0
        self.rng, self.weights, self.last = np.random.default_rng(0), None, None

    def embed(self, images):
        self.calls += 1
        self.last = images
        self.rng.random()
        if self.weights is None:
            self.weights = np.full(3, self.factor)
        key = images.tobytes()
        if key not in self.known:
            self.known[key] = self.shared[key] = super().embed(images)
        return self.known[key]


def test_a_scorer_that_was_used_is_the_same_scorer():
    fresh, used = Caching(), Caching()
    first = digest(fresh)
    used.embed(np.ones((3, 105, 105), np.uint8))
    assert digest(used) == digest(fresh) == digest(fresh) == first
    assert digest(Caching(2.0)) != first
    fresh.factor = 2.0
    assert digest(fresh) != first


def test_a_scorer_that_draws_from_a_generator_of_its_own_is_found_again():
    class Drawing(Pixels):
        def __init__(self, factor):
            self.rng, self.factor = np.random.default_rng(0), factor

        def compare(self, query, support):
            scores = super().compare(query, support)
            return scores + self.factor * self.rng.random(scores.shape)

    one = Drawing(1)
    known = traits(one, "x")
    assert known.digest == digest(one) == digest(Drawing(1)) != digest(Drawing(2))
    assert known.identity and "change from call to call" in known.identity.advice


def _threshold(threshold):
    class Coarse(Pixels):
        def compare(self, query, support):
            return (super().compare(query, support) > threshold).astype(float)

    return Coarse()


def _in_a_box(threshold):
    box = [threshold]

    class Hidden:
        """Nothing of it can be read."""

        __slots__ = ()

        def __reduce_ex__(self, version):
            raise TypeError

        def __call__(self, scores):
            return (scores > BOXES[id(box)][0]).astype(float)

    BOXES[id(box)] = box

    class Coarse(Pairs):
        def score(self, query_images, support_images):
            return hidden(super().score(query_images, support_images))

    hidden = Hidden()
    return Coarse()


BOXES: dict = {}


def test_thresholds_of_a_scorer_of_zeros_and_ones_are_scorers_of_their_own():
    thresholds = np.arange(0.4, 0.81, 0.02)
    assert len({digest(_threshold(one)) for one in thresholds}) == len(thresholds)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_probe_images_tell_thresholds_by_the_answers_alone(level):
    from wayshot.bench.scorers.identities.identity import _digest
    from wayshot.bench.scorers.identities.probes import Probes

    def answers(threshold):
        coarse = _threshold(threshold)

        class Scorer:
            embed, compare = coarse.embed, coarse.compare

            def score(self, query_images, support_images):
                return self.compare(self.embed(query_images), self.embed(support_images))

            def classify(self, support_images, support_labels, query_images):
                scores = self.score(query_images, support_images)
                return scores.reshape(len(scores), support_labels.max() + 1, -1).sum(axis=2)

        return _digest(Probes(Scorer(), level, "x", None, None).answers())

    steps = np.linspace(0.4, 0.8, 5 if level > 2 else 9)
    assert len({answers(one) for one in steps}) == len(steps)


def test_a_scorer_of_which_nothing_tells_asks_for_a_digest():
    class Blind:
        def score(self, query_images, support_images):
            return np.ones((len(query_images), len(support_images)))

    said = traits(Blind(), "x").identity
    assert said and 'digest = "1"' in said.advice and "\n" not in said.advice
    assert not traits(Pixels(), "x").identity.advice  # pyright: ignore
    hidden = traits(_in_a_box(0.5), "x").identity
    assert hidden and "cannot be read" in hidden.advice
    Blind.digest = "1"  # pyright: ignore
    assert not traits(Blind(), "x").identity.advice  # pyright: ignore


class Service(Pixels):
    """Its answers change in their last digits, and by `shift`."""

    digest = "service 1"

    def __init__(self, shift=0.0):
        self.shift = shift

    def compare(self, query, support):
        scores = super().compare(query, support)
        noise = np.random.default_rng().uniform(-1e-6, 1e-6, scores.shape)
        return scores * (1 + noise) + self.shift * scores**2


def test_a_declared_digest_is_found_again_although_answers_change_in_their_last_digits(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path))
    known = traits(Service(), "x")
    assert known.digest == digest(Service()) == digest(Service(1e-5))
    assert known.identity and known.identity.as_json()["tolerance"] == 1e-3
    assert len(known.identity.answers) == 64


def test_a_declared_digest_of_a_scorer_with_other_answers_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path))
    digest(Service())
    with pytest.raises(ScorerError, match="needs another digest"):
        digest(Service(0.5))
    changed = Service(0.5)
    changed.digest = "service 2"
    assert digest(changed) != digest(Service())


def test_a_random_scorer_with_a_digest_is_known_by_it_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path))

    class Random(Pixels):
        digest = "random 1"

        def compare(self, query, support):
            return np.random.default_rng().random((*query.shape[:-1], support.shape[-2]))

    known = [traits(Random(), "x") for _ in range(3)]
    assert len({one.digest for one in known}) == 1
    assert known[1].identity and "change from call to call" in known[1].identity.advice


def _on_the_instance(monkeypatch):
    scorer = PixelCosine()
    scorer.compare = PixelEuclidean().compare  # pyright: ignore
    return scorer


def _on_the_class(monkeypatch):
    monkeypatch.setattr(PixelCosine, "compare", PixelEuclidean.compare)
    return PixelCosine()


def _above_the_class(monkeypatch):
    original = PixelCosine.embed
    monkeypatch.setattr(
        PixelCosine.__mro__[1], "embed", lambda self, images: original(self, images)[::-1]
    )
    return PixelCosine()


def _in_a_subclass(monkeypatch):
    class PixelCosine(sys.modules[__name__].PixelCosine):
        def compare(self, query, support):
            return -super().compare(query, support)

    PixelCosine.__module__ = "wayshot.bench.scorers.baselines"
    return PixelCosine()


def _without_a_function(monkeypatch):
    monkeypatch.setattr(PixelCosine, "compare", functools.partial(PixelEuclidean().compare))
    return PixelCosine()


@pytest.mark.parametrize(
    "replaced",
    [_on_the_instance, _on_the_class, _above_the_class, _in_a_subclass, _without_a_function],
)
def test_a_scorer_of_this_project_with_a_method_replaced_is_another_scorer(monkeypatch, replaced):
    genuine = digest(PixelCosine())
    with monkeypatch.context() as patch:
        scorer = replaced(patch)
        assert not is_genuine(scorer)
        known = traits(scorer, "pixel-cosine")
        assert known.digest != genuine
        assert known.identity and known.identity.by == "content"
    assert digest(PixelCosine()) == genuine


def test_replaced_methods_that_differ_are_scorers_that_differ(monkeypatch):
    found = set()
    for power in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(
                Hausdorff,
                "score",
                lambda self, query, support, power=power: np.full((len(query), len(support)), 1.0),
            )
            found.add(digest(Hausdorff()))
    assert len(found) == 2


def test_scorers_of_this_project_are_genuine():
    for make in BASELINES.values():
        assert is_genuine(make())
    assert is_genuine(wrap(lambda images: images)) and not is_genuine(Pixels())


def test_what_wraps_differently_is_another_scorer():
    def flat(images):
        return (images.reshape(len(images), -1) > 0).astype(np.int8)

    def head(weight):
        return lambda first, second: ((first * second).sum(-1) > weight).astype(float)

    scorers = [wrap(flat, size=15, head=head(one)) for one in (40, 41, 42)]
    scorers += [wrap(flat, size=15, transform=None, digest=one) for one in "ab"]
    found = [digest(one) for one in scorers]
    assert len(set(found)) == len(found)
    assert found[0] == digest(wrap(flat, size=15, head=head(40)))
    assert found[3] == digest(wrap(flat, size=15, digest="a"))


def test_few_shot_methods_are_known_by_what_they_hold():
    neighbors = pytest.importorskip("sklearn.neighbors").KNeighborsClassifier
    found = [digest(fewshot(neighbors(1, p=p), size=15)) for p in (1.5, 1.5, 1.6)]
    assert found[0] == found[1] != found[2]


def test_functions_that_were_made_by_a_program_are_read():
    found = []
    for number in (1, 2):
        names: dict = {}
        exec(f"def ask(images): return (images.sum(axis=(1, 2)) > {number})[:, None] * 1.0", names)
        found.append(digest(wrap(names["ask"], size=15)))

        @functools.wraps(np.mean)
        def mean(images, number=number):
            return images.reshape(len(images), -1)[:, :1] * 0 + (number > 5)

        found.append(digest(wrap(mean, size=15)))
    assert len(set(found)) == 4


SCRIPT = """
import sys, time
import numpy as np
sys.path.insert(0, sys.argv[1])
import {module}
from wayshot.bench.scorers import traits
from wayshot.bench.scorers.registry import resolve
print(resolve("{module}:Mine")[1].digest, traits({module}.Mine(), "x").digest)
"""

MINE = """
import time, uuid
import numpy as np
from inner.helper import scaled

class Mine:
    def __init__(self):
        self.names = {"a", "b", "c", "d", ("e", 1)}
        self.by_name = {name: name.upper() for name in {"p", "q", "r"}}
        self.made, self.key, self.known = time.time(), uuid.uuid4(), {}
        self.rng = np.random.default_rng()
    def embed(self, images):
        self.known[len(self.known)] = time.perf_counter()
        return scaled(images.reshape(len(images), -1)[:, ::50].astype(float))
    def compare(self, query, support):
        import late
        return (query @ np.swapaxes(support, -1, -2) > late.LEAST).astype(float)
"""


@pytest.fixture
def project(tmp_path):
    """A scorer whose code is in several files."""
    (tmp_path / "inner").mkdir()
    for name, text in {
        "mine.py": MINE,
        "late.py": "LEAST = 3",
        "unused.py": "A = 1",
        "inner/__init__.py": "",
        "inner/helper.py": "from . import deep\ndef scaled(x):\n    return deep.TWO * x / 2",
        "inner/deep.py": "TWO = 2",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def digests(folder, seed="0"):
    # What was compiled counts the seconds of a file, and a test changes it within one.
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-c", SCRIPT.format(module="mine"), str(folder)]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_another_process_finds_the_same_scorer(project):
    first = digests(project)
    assert digests(project, "1") == first and first[0] != first[1]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("late.py", "LEAST = 3.0000001"),
        ("inner/deep.py", "TWO = 2\nTHREE = 3"),
        ("inner/__init__.py", "X = 1"),
        ("mine.py", MINE + "\n# other code\n"),
    ],
)
def test_code_that_is_imported_from_below_is_part_of_a_scorer(project, file, text):
    first = digests(project)
    (project / file).write_text(text)
    assert not set(digests(project)) & set(first)


def test_code_that_is_not_imported_is_no_part_of_a_scorer(project):
    first = digests(project)
    (project / "unused.py").write_text("A = 2")
    assert digests(project) == first


def test_an_identity_is_plain_json():
    for scorer in (Pixels(), PixelCosine(), Service()):
        known = traits(scorer, "x")
        assert known.identity
        assert json.loads(json.dumps(known.identity.as_json())) == known.identity.as_json()
