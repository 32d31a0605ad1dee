from __future__ import annotations

import numpy as np
import pytest
from example_scorers import Pixels
from wayshot.bench import Settings, evaluate
from wayshot.bench.evaluations.embeddings import EmbeddingCache, image_keys
from wayshot.bench.scorers.scorer import BATCH, traits


def test_a_damaged_cache_is_mended_and_said(source, tmp_path, monkeypatch):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    first = evaluate(Pixels(), source(), episodes=20, root=tmp_path / "first")
    (damaged,) = (tmp_path / "cache" / "embeddings").rglob("*.npz")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    said: list[str] = []
    again = evaluate(
        Pixels(),
        source(),
        episodes=20,
        root=tmp_path / "again",
        settings=Settings(warn=said.append),
    )
    assert said == [f"{damaged}: damaged; its images are embedded again"]
    assert again.record["trials_digest"] == first.record["trials_digest"]


def test_embeddings_are_taken_from_the_cache_by_every_protocol(source, tmp_path):
    class Once(Pixels):
        digest = "once 1"
        calls = 0

        def embed(self, images):
            Once.calls += 1
            return super().embed(images)

    settings = Settings(audit=False)
    first = evaluate(
        Once(), source("between-8w1s"), episodes=500, root=tmp_path / "1", settings=settings
    )
    # One call for the fixed images by which a scorer is known.
    assert Once.calls == 1 + -(-len(source().dataset) // BATCH)
    Once.calls = 0
    evaluate(Once(), source("within-3w2s"), episodes=50, root=tmp_path / "2", settings=settings)
    again = evaluate(
        Once(), source("between-8w1s"), episodes=500, root=tmp_path / "3", settings=settings
    )
    assert Once.calls == 2
    assert first.record["trials_digest"] == again.record["trials_digest"]


@pytest.mark.parametrize("digest", [None, "1"])
def test_the_cache_never_gives_one_model_the_answers_of_another(digest, source, tmp_path):
    class Good(Pixels):
        pass

    class Bad(Pixels):
        def embed(self, images):
            return super().embed(images)[:, ::997]

    if digest:
        Good.digest = Bad.digest = digest  # pyright: ignore

    good = evaluate(Good(), source(), episodes=50, root=tmp_path)
    bad = evaluate(Bad(), source(), episodes=50, root=tmp_path)
    fresh = evaluate(
        Bad(), source(), episodes=50, root=tmp_path / "fresh", settings=Settings(cache=False)
    )
    assert bad.record["trials_digest"] == fresh.record["trials_digest"]
    assert bad.record["trials_digest"] != good.record["trials_digest"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "other"])
def test_a_damaged_cache_file_is_made_anew(damage, source, tmp_path):
    known = traits(Pixels(), "x")
    cache = EmbeddingCache(known, tmp_path)
    keys = image_keys(source().dataset.images, np.arange(20))
    values = np.random.default_rng(0).random((20, 300))
    cache.put(keys, values)
    (path,) = tmp_path.rglob("*.npz")
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_text("something else")
    found, _ = cache.get(keys)
    assert not found.any() and cache.damaged == [path] and not path.exists()
    cache.put(keys, values)
    found, got = cache.get(keys)
    assert found.all() and np.array_equal(got, values)


def test_the_cache_leaves_alone_what_is_still_being_written(source, tmp_path):
    cache = EmbeddingCache(traits(Pixels(), "x"), tmp_path)
    keys = image_keys(source().dataset.images, np.arange(20))
    cache.put(keys, np.ones((20, 3)))
    half = cache.folder / ".new-12345678-some.npz"
    half.write_bytes(b"PK and no more yet")
    assert cache.get(keys)[0].all()
    assert cache.damaged == [] and half.exists()


def test_embeddings_of_other_dimensions_count_as_damaged(source, tmp_path):
    cache = EmbeddingCache(traits(Pixels(), "x"), tmp_path)
    keys = image_keys(source().dataset.images, np.arange(20))
    cache.put(keys[:10], np.ones((10, 3)))
    cache.put(keys[10:], np.ones((10, 4)))
    found, _ = cache.get(keys)
    assert found.sum() == 10 and len(cache.damaged) == 1


def test_turned_images_have_keys_of_their_own(source):
    images = source().dataset.images
    rows = np.arange(4) * len(images)
    assert len(set(image_keys(images, rows))) == 4


def test_equal_images_have_equal_keys_in_different_data_sets(source):
    dataset = source().dataset
    keep = np.arange(len(dataset)) % 3 == 1
    part = dataset.select(keep, "part")
    expected = image_keys(dataset.images, np.flatnonzero(keep))
    assert np.array_equal(image_keys(part.images, np.arange(len(part))), expected)
