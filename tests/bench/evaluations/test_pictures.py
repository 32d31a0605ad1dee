from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_scorers import Pairs, Pixels
from PIL import Image
from wayshot import tasks
from wayshot.bench import ScorerError, Settings, evaluate, wrap
from wayshot.bench.evaluations.embeddings import EmbeddingCache, image_keys
from wayshot.bench.scorers.scorer import traits

QUIET = Settings(audit=False)
NAME = "arrays-within-4w1s-q2"


def pixels_of(deep, count=40, side=12):
    """Eight classes that a scorer of plain pixels can tell apart."""
    rng = np.random.default_rng(0)
    motifs = rng.integers(0, 256, (8, side, side, *deep))
    noise = rng.integers(-60, 60, (count, side, side, *deep))
    return (motifs[np.arange(count) % 8] + noise).clip(0, 255).astype(np.uint8)


def data_of(deep=(3,), **options):
    return tasks.from_arrays(pixels_of(deep), np.arange(40) % 8, **options)


class Plain:
    """Level 2: minus the sum of the differences, as plain Python adds them."""

    wants = "color"

    def score(self, query_images, support_images):
        return -np.array(
            [
                [float(np.abs(one.astype(float) - other).sum()) for other in support_images]
                for one in query_images
            ]
        )


def test_a_plain_scorer_sees_the_colours_of_the_episodes(tmp_path):
    data = data_of()
    run = evaluate(Plain(), NAME, data=data, episodes=15, root=tmp_path, settings=QUIET)
    source = tasks.open_protocol(tasks.parse(NAME), data=data)
    block, expected = source.block(0)[:15], []
    for support, query, target in zip(block.support, block.query, block.target, strict=True):
        for image, truth in zip(query, target, strict=True):
            apart = [
                np.abs(data.images[image].astype(int) - data.images[way[0]]).sum()
                for way in support
            ]
            expected.append(int(np.argmin(apart) == truth))
    trials = run.trials.sort_values(["episode", "query"])
    assert trials["credit"].tolist() == expected
    assert trials["credit"].mean() > 0.9
    assert run.record["dataset"]["digest"] == data.digest


@pytest.mark.parametrize("scorer", ["pixel-cosine", "pixel-euclidean", Plain()])
def test_folders_tables_and_arrays_of_the_same_pictures_have_the_same_trials(scorer, tmp_path):
    pixels, order = pixels_of((3,)), np.random.default_rng(1).permutation(40)
    for i, one in enumerate(pixels):
        path = tmp_path / "folder" / f"{i % 8}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(path)
        path = tmp_path / "table" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(path)
    rows = "".join(f"{i}.png,{i % 8}\n" for i in order)
    (tmp_path / "table" / "labels.csv").write_text("filename,label\n" + rows)
    np.savez(tmp_path / "set.npz", images=pixels[order], labels=order % 8)
    trials, digests = [], set()
    for of in ("folder", "table", "set.npz", None):
        protocol = NAME.replace("arrays", f"images:{tmp_path / of}") if of else NAME
        run = evaluate(
            scorer,
            protocol,
            data=None if of else tasks.from_arrays(pixels, np.arange(40) % 8),
            episodes=20,
            root=tmp_path / "runs" / str(of),
            settings=QUIET,
        )
        trials.append(run.trials)
        digests.add(run.record["episodes_digest"])
    assert len(digests) == 1
    for other in trials[1:]:
        pd.testing.assert_frame_equal(trials[0], other)


@pytest.mark.parametrize("deep", [(), (3,)])
def test_a_scorer_of_every_level_that_says_nothing_takes_any_kind(deep, tmp_path):
    class Classifier:
        def classify(self, support_images, support_labels, query_images):
            scores = Pairs().score(query_images, support_images)
            ways = range(support_labels.max() + 1)
            return np.stack([scores[:, support_labels == way].mean(axis=1) for way in ways], axis=1)

    credits = [
        evaluate(
            scorer,
            NAME,
            data=data_of(deep),
            episodes=10,
            root=tmp_path / type(scorer).__name__,
            settings=QUIET,
        ).trials["credit"]
        for scorer in (Pixels(), Pairs(), Classifier())
    ]
    assert credits[0].tolist() == credits[1].tolist() == credits[2].tolist()
    assert credits[0].mean() > 0.9


def test_the_audit_of_a_scorer_of_colour_passes(tmp_path):
    run = evaluate(Plain(), NAME, data=data_of(), episodes=5, root=tmp_path)
    assert run.record["audit"]["verdict"] == "passed"


def test_a_scorer_that_takes_no_colour_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ScorerError) as caught:
        evaluate("hausdorff", NAME, data=data_of(), episodes=5, root=tmp_path / "runs")
    assert "hausdorff: takes ink images" in str(caught.value)
    assert "@gray turns them to gray" in str(caught.value)
    assert not (tmp_path / "runs").exists()
    gray = data_of(kind="gray")
    run = evaluate("hausdorff", NAME, data=gray, episodes=5, root=tmp_path, settings=QUIET)
    assert len(run.trials) == 40


def test_pictures_can_be_turned_in_an_evaluation(tmp_path):
    run = evaluate(
        "pixel-cosine",
        "arrays-between-4w1s-rot",
        data=data_of(),
        episodes=20,
        root=tmp_path,
        settings=QUIET,
    )
    turned = run.trials["character"].astype(str).str.contains("@")
    assert 0.5 < turned.mean() < 1


class Mean(Pixels):
    digest = "mean 1"

    def embed(self, images):
        return images.reshape(len(images), -1).mean(axis=1, keepdims=True)


def test_embeddings_of_other_kinds_sizes_and_inks_lie_apart(tmp_path):
    class Bright(Mean):
        wants = {"kind": "unit", "polarity": "bright"}  # noqa: RUF012

    sets = {
        "gray": data_of(()),
        "colour": data_of((3,)),
        "small": data_of((), size=6),
        "light": data_of((), ink="light"),
        "dark": data_of((), ink="dark"),
    }

    def folder(scorer, name):
        return EmbeddingCache(traits(scorer, "x"), tmp_path, sets[name].images).folder

    plain = [folder(Mean(), name) for name in ("gray", "colour", "small")]
    assert len(set(plain)) == 3
    # Who gets pixels as they are has one answer, whatever is ink in them.
    assert folder(Mean(), "light") == folder(Mean(), "dark")
    assert folder(Bright(), "light") != folder(Bright(), "dark")


def test_what_is_ink_changes_the_answers_and_the_run(tmp_path):
    class Bright(Mean):
        wants = {"kind": "unit", "polarity": "bright"}  # noqa: RUF012

        def compare(self, query, support):
            return query * np.swapaxes(support, -1, -2)

    runs = [
        evaluate(Bright(), NAME, data=data_of((), ink=ink), episodes=10, root=tmp_path)
        for ink in ("light", "dark", "dark")
    ]
    assert runs[0].folder != runs[1].folder == runs[2].folder
    fresh = evaluate(
        Bright(),
        NAME,
        data=data_of((), ink="dark"),
        episodes=10,
        root=tmp_path / "fresh",
        settings=Settings(cache=False),
    )
    assert fresh.record["trials_digest"] == runs[1].record["trials_digest"]


def test_keys_of_pictures_are_those_of_their_pixels_in_every_set():
    data = data_of()
    part = data.select(np.arange(40) % 3 == 1, "part")
    expected = image_keys(data.images, np.flatnonzero(np.arange(40) % 3 == 1))
    assert np.array_equal(image_keys(part.images, np.arange(len(part))), expected)
    turned = image_keys(data.images, np.arange(4) * 40)
    assert len(set(turned)) == 4


def test_a_model_is_wrapped_as_it_is(tmp_path):
    def flat(images):
        return images.reshape(len(images), -1)

    data = data_of((), name="mine")
    run = evaluate(flat, NAME, name="flat", data=data, episodes=15, root=tmp_path, settings=QUIET)
    wrapped = evaluate(wrap(flat, name="flat"), NAME, data=data, episodes=15, root=tmp_path)
    assert run.folder == wrapped.folder and run.record["scorer"]["name"] == "flat"
