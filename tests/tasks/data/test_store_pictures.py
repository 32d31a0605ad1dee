from __future__ import annotations

import errno
import json
import logging
import os

import numpy as np
import pytest
from wayshot.tasks import Dataset, Pictures
from wayshot.tasks.data import store
from wayshot.tasks.data.pictures import keys_of
from wayshot.tasks.data.store import cached_pictures

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def made(file, pixels=PIXELS):
    if file is not None:
        np.save(file, pixels)
    order = np.array([3, 0, 5])
    rows = [("g", f"c{i}\u00e4", "me", f"c{i}.png") for i in order]
    pictures = Pictures(pixels[:0], order, keys_of(pixels)[order], (1, 2, 3), "light")
    return Dataset.build("made", pictures, rows, remarks=["a remark"])


def must_not_be_made(file):
    raise AssertionError("made again, though it is in the cache")


@pytest.fixture
def entry(empty_cache):
    """The folder of a fresh entry for the key `key`."""
    cached_pictures("key", "made", made)
    (folder,) = (empty_cache / "datasets").iterdir()
    return folder


def assert_same(dataset):
    expected = made(None)
    assert (dataset.name, dataset.digest, dataset.remarks) == (
        "made",
        expected.digest,
        ("a remark",),
    )
    assert dataset.table.astype(str).equals(expected.table.astype(str))
    images = dataset.images
    np.testing.assert_array_equal(images[:], PIXELS[[3, 0, 5]])
    assert images.keys.tolist() == expected.images.keys.tolist()
    assert (images.paper, images.ink) == ((1, 2, 3), "light")


def warnings_of(caplog):
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


def changed(path, place=-5):
    """Flips a bit of a byte."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    # As a later writer would leave it; a clock may tick slowly.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**6))


def test_pictures_are_read_as_they_were_made_and_memory_mapped(entry, caplog):
    dataset = cached_pictures("key", "made", must_not_be_made)
    assert_same(dataset)
    assert isinstance(dataset.images.pixels, np.memmap)
    assert warnings_of(caplog) == []
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_a_flipped_byte_of_the_pixels_is_noticed_said_and_mended(entry, caplog):
    changed(entry / "pixels.npy")
    assert_same(cached_pictures("key", "made", made))
    assert warnings_of(caplog) == [f"{entry}: damaged; it is made again"]
    assert_same(cached_pictures("key", "made", must_not_be_made))


def test_undamaged_pixels_are_not_hashed_again(entry, monkeypatch):
    monkeypatch.setattr(store, "hash_regular", lambda *a: pytest.fail("hashed again"))
    assert_same(cached_pictures("key", "made", must_not_be_made))


def test_pixels_that_were_only_touched_are_hashed_once(entry, monkeypatch):
    os.utime(entry / "pixels.npy", ns=(1, 1))
    calls, real = [], store.hash_regular
    monkeypatch.setattr(store, "hash_regular", lambda *a: calls.append(a) or real(*a))
    for _ in range(2):
        assert_same(cached_pictures("key", "made", must_not_be_made))
    assert len(calls) == 1


@pytest.mark.parametrize(
    "file",
    ["pixels.npy", "order.npy", "keys.npy", "drawer.npz", "files", "record.json", "verified"],
)
@pytest.mark.parametrize("keep", [0, 5, 0.5, None])
def test_a_truncated_or_missing_file_is_made_anew(entry, file, keep):
    content = (entry / file).read_bytes()
    if keep is None:
        (entry / file).unlink()
    else:
        length = keep if isinstance(keep, int) else int(keep * len(content))
        (entry / file).write_bytes(content[:length])
    assert_same(cached_pictures("key", "made", made))
    assert_same(cached_pictures("key", "made", must_not_be_made))


@pytest.mark.parametrize("file", ["order.npy", "keys.npy", "character.npz", "files", "record.json"])
def test_no_flipped_bit_passes(entry, file):
    content = (entry / file).read_bytes()
    for place in range(0, len(content), 17):
        changed(entry / file, place)
        assert_same(cached_pictures("key", "made", made))


def test_pixels_and_what_tells_of_them_may_both_be_gone(entry):
    for name in ("pixels.npy", "verified"):
        (entry / name).unlink()
    assert_same(cached_pictures("key", "made", made))


def test_pixels_that_lie_elsewhere_are_not_stored_again(empty_cache, monkeypatch):
    for make in (lambda file: made(None), must_not_be_made):
        dataset = cached_pictures("key", "made", make, PIXELS)
        assert_same(dataset)
        assert dataset.images.pixels is PIXELS
    (folder,) = (empty_cache / "datasets").iterdir()
    assert not (folder / "pixels.npy").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_making_that_fails_in_the_middle_leaves_nothing(empty_cache, error):
    def fails(file):
        np.save(file, PIXELS)
        raise error

    with pytest.raises(error):
        cached_pictures("key", "made", fails)
    assert list((empty_cache / "datasets").iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(empty_cache, refused):
    def full(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message = refused(cached_pictures, "key", "made", full)
    assert "cannot be written (No space left" in message and "WAYSHOT_CACHE" in message
    assert list((empty_cache / "datasets").iterdir()) == []


def test_another_process_that_was_faster_is_no_error(empty_cache):
    def slow(file):
        cached_pictures("key", "made", made)
        return made(file)

    assert_same(cached_pictures("key", "made", slow))
    assert len(list((empty_cache / "datasets").iterdir())) == 1


def test_a_record_says_nothing_that_is_not_known(entry):
    record = json.loads((entry / "record.json").read_text())
    assert record["pictures"]["ink"] == "light" and record["pictures"]["paper"] == [1, 2, 3]
    assert len(record["pictures"]["pixels"]) == 64
