"""Answers that are tensors on a device: nothing asks NumPy to read a device's memory."""

from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot.bench import Settings, evaluate
from wayshot.bench.latencies import measure
from wayshot.bench.scorers import as_numbers, traits, wrap


class OnDevice:
    """Stands in for a tensor of PyTorch on an accelerator."""

    def __init__(self, values, grad=True, device="cuda:0"):
        self.values, self.requires_grad, self.device = np.asarray(values), grad, device

    def __array__(self, *_, **__):
        raise TypeError(f"can't convert {self.device} device type tensor to numpy")

    def __len__(self):
        return len(self.values)

    def detach(self):
        return OnDevice(self.values, False, self.device)

    def cpu(self):
        return OnDevice(self.values, self.requires_grad, "cpu")

    def is_floating_point(self):
        return self.values.dtype.kind == "f"

    def element_size(self):
        return self.values.itemsize

    def float(self):
        return OnDevice(self.values.astype(np.float32), self.requires_grad, self.device)

    def numpy(self):
        if self.requires_grad or self.device != "cpu":
            raise TypeError("call detach() and cpu() first")
        return self.values


class Tower(Pixels):
    def embed(self, images):
        return OnDevice(super().embed(images))

    def compare(self, query, support):
        assert isinstance(query, np.ndarray) and isinstance(support, np.ndarray)
        return OnDevice(super().compare(query, support))


class Pair(Pairs):
    def score(self, query_images, support_images):
        return OnDevice(super().score(query_images, support_images))


class Method:
    def classify(self, support_images, support_labels, query_images):
        return OnDevice(np.eye(support_labels.max() + 1)[[0] * len(query_images)])


@pytest.mark.parametrize("scorer", [Tower(), Pair(), Method()])
def test_answers_on_a_device_are_brought_from_it(scorer, source, tmp_path):
    run = evaluate(scorer, source(), episodes=10, root=tmp_path, settings=Settings(cache=False))
    assert run.record["n"] == 50
    known = traits(scorer, "x")
    assert measure(scorer, known, source(), queries=2, seconds=0.01)["p50_ms"] > 0


def test_the_same_numbers_on_a_device_give_the_same_trials(source, tmp_path):
    there, here = (
        evaluate(scorer, source(), episodes=10, root=tmp_path, settings=Settings(cache=False))
        for scorer in (Tower(), Pixels())
    )
    assert there.record["trials_digest"] == here.record["trials_digest"]


def test_a_wrapped_model_may_answer_from_a_device():
    scorer = wrap(lambda images: OnDevice(images.reshape(len(images), -1)), size=8)
    assert scorer.embed(np.zeros((3, 105, 105), np.uint8)).shape == (3, 64)
    scorer = wrap(
        lambda images: OnDevice(images.reshape(len(images), -1)),
        size=8,
        compare=lambda q, s: OnDevice(q @ s.T),
    )
    embedded = scorer.embed(np.ones((3, 105, 105), np.uint8))
    assert scorer.compare(embedded, embedded).shape == (3, 3)


def test_lists_of_tensors_and_few_bits_become_float32():
    rows = [OnDevice(np.ones(4, np.float16)) for _ in range(3)]
    assert as_numbers(rows).shape == (3, 4) and as_numbers(rows).dtype == np.float32
    assert as_numbers(OnDevice(np.ones(4, np.float16))).dtype == np.float32
    assert as_numbers([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
