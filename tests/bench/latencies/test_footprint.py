from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from wayshot.bench import ScorerError, resolve
from wayshot.bench.latencies.footprint import _comparison_flops, footprint_of, weights_bytes
from wayshot.bench.latencies.questions import Questions
from wayshot.models import bundle
from wayshot.models.engines.embedder import Embedder
from wayshot.models.engines.exporting import Origin
from wayshot.models.networks.anatomy import comparison_flops
from wayshot.models.networks.comparison import HEADS, JOINS
from wayshot.tasks.progress import quiet


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A module of the current folder, with a scorer that does something when it is made."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, deed: str) -> str:
        lines = [
            "import os",
            "import numpy as np",
            "class Scorer:",
            f"    def __init__(self): {deed}",
            "    def score(self, query, support): return np.zeros((len(query), len(support)))",
        ]
        (tmp_path / f"{name}.py").write_text("\n".join(lines))
        return f"{name}:Scorer"

    return write


def test_memory_is_the_most_that_there_was(source, outside):
    questions = Questions.of(source(), 1)
    heavy = footprint_of(outside("heavy", "np.ones(200_000_000, np.uint8).sum()"), questions)
    light = footprint_of(outside("light", "pass"), questions)
    # The most at one time: what is freed before the next is needed does not add up.
    assert 190e6 < heavy["peak_bytes"] < 210e6 + light["peak_bytes"]
    assert light["peak_bytes"] < 60e6
    assert light["weights_bytes"] is None and light["comparison_flops"] is None
    assert light["load_ms"] > 0 and light["first_call_ms"] > 0


def test_a_scorer_whose_process_dies_is_told(source, outside):
    with pytest.raises(ScorerError, match="its process died"):
        footprint_of(outside("dying", "os._exit(3)"), Questions.of(source(), 1))


def test_weights_are_measured_on_disk(tmp_path):
    assert weights_bytes("siamese-small") == bundle("siamese-small").path.stat().st_size
    (tmp_path / "mine.keras").write_bytes(b"12345")
    assert weights_bytes(str(tmp_path / "mine.keras")) == 5
    assert weights_bytes("hausdorff") is None


def test_the_weights_on_disk_are_those_that_an_engine_runs(tmp_path, monkeypatch):
    for name, content in {"model.xml": b"xml", "model.bin": b"12345", "other.json": b"{}"}.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(
        "wayshot.models.engines.embedder.exported",
        lambda *_: SimpleNamespace(path=tmp_path / "model.xml"),
    )
    monkeypatch.setattr("wayshot.models.engines.embedder.find", lambda engine: None)
    for engine, expected in (("keras", None), ("openvino", 8)):
        embedder = Embedder(Origin("siamese-small", "0"), lambda: None, engine, quiet)
        assert embedder.exported_bytes == expected


class Counted(float):
    """A number that counts what is done with it."""

    done = 0

    def _count(self, value):
        Counted.done += 1
        return Counted(value)

    def __add__(self, other):
        return self._count(float(self) + other)

    def __sub__(self, other):
        return self._count(float(self) - other)

    def __mul__(self, other):
        return self._count(float(self) * other)

    def __truediv__(self, other):
        return self._count(float(self) / other)

    def __abs__(self):
        return self._count(abs(float(self)))

    def root(self):
        return self._count(math.sqrt(self))

    def rectified(self):
        return self._count(max(float(self), 0.0))


def total(numbers):
    first, *rest = numbers
    for one in rest:
        first = first + one
    return first


def logit(join, head, first, second):
    """The definition of a head, number by number."""
    one = Counted(1.0)
    if join == "cosine":
        lengths = [total([a * a for a in side]).root() for side in (first, second)]
        first, second = (
            [a / length for a in side]
            for side, length in zip((first, second), lengths, strict=True)
        )
    pairs = list(zip(first, second, strict=True))
    if join in ("product", "cosine"):
        x = [a * b for a, b in pairs]
    else:
        apart = [a - b for a, b in pairs]
        x = [abs(a) for a in apart] if join == "difference" else [a * a for a in apart]
    if head == "similarity":
        return total(x)
    if head == "dense":
        x = [(total([a * one for a in x]) + one).rectified() for _ in range(512)]
    return total([a * one for a in x]) + one


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("head", HEADS)
def test_the_arithmetic_of_a_comparison_is_what_is_counted_by_hand(join, head):
    Counted.done = 0
    logit(join, head, [Counted(3.0)] * 7, [Counted(2.0)] * 7)
    assert comparison_flops(join, head, 7) == Counted.done


def test_a_weighted_difference_is_four_operations_a_number():
    assert comparison_flops("difference", "weighted", 4096) == 4 * 4096


def test_a_networks_comparison_is_known_from_its_card():
    scorer, _ = resolve("siamese-small")
    network, width = scorer.card["network"], scorer.card["embedding"]
    expected = comparison_flops(network["join"], network["head"], width)
    assert _comparison_flops(scorer) == expected > width
