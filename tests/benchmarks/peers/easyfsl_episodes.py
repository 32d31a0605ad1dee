"""Runs given episodes by easyfsl, in an environment of its own: part of make bench.

Reads an .npz file of embeddings (n, D) and episodes (support, query, target);
prints seconds and accuracy as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from easyfsl.datasets import FeaturesDataset  # pyright: ignore[reportMissingImports]
from easyfsl.methods import PrototypicalNetworks  # pyright: ignore[reportMissingImports]
from easyfsl.samplers import TaskSampler  # pyright: ignore[reportMissingImports]
from easyfsl.utils import evaluate  # pyright: ignore[reportMissingImports]
from torch.utils.data import DataLoader  # pyright: ignore[reportMissingImports]


class Given(TaskSampler):
    """Its sampler, but of episodes that were drawn before."""

    def __init__(self, tasks: np.ndarray, shots: int, queries: int):
        # Its own way to begin does not go with today's PyTorch, and would only look for items.
        self.n_tasks, self.n_way, self.n_shot, self.n_query = *tasks.shape[:2], shots, queries
        self.tasks = tasks

    def __len__(self) -> int:
        return self.n_tasks

    def __iter__(self) -> Iterator[list[int]]:
        for task in self.tasks:
            yield task.ravel().tolist()


def main(path: str) -> None:
    with np.load(path) as file:
        embeddings, labels = file["embeddings"], file["labels"]
        support, query, target = file["support"], file["query"], file["target"]
    # It wants the images of a class together: its shots, then its queries.
    by_class = np.argsort(target, axis=1)
    queries = np.take_along_axis(query, by_class, axis=1).reshape(*support.shape[:2], -1)
    tasks = np.concatenate([support, queries], axis=2)
    dataset = FeaturesDataset(
        labels.tolist(), torch.from_numpy(embeddings), [str(i) for i in range(labels.max() + 1)]
    )
    sampler = Given(tasks, support.shape[2], queries.shape[2])
    loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn)
    model = PrototypicalNetworks()
    start = time.perf_counter()
    accuracy = evaluate(model, loader, device="cpu", use_tqdm=False)
    print(json.dumps({"seconds": time.perf_counter() - start, "accuracy": accuracy}))


main(sys.argv[1])
