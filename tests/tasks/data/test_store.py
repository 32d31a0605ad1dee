import errno
import os
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from wayshot.tasks import TaskError, cache_folder, make_cache_folder
from wayshot.tasks.data.store import cached
from wayshot.tasks.files import replacing


@pytest.fixture(scope="module")
def made(make_dataset):
    return make_dataset((2, 3), 2, name="made")


@pytest.fixture
def entry(empty_cache, made):
    """The folder of a fresh entry for the key `key`."""
    cached("key", "made", lambda: made)
    (folder,) = (empty_cache / "datasets").iterdir()
    return folder


def assert_same(dataset, made):
    assert dataset.name == made.name
    assert dataset.digest == made.digest
    assert dataset.images.side == made.images.side
    np.testing.assert_array_equal(dataset.images[:], made.images[:])
    assert dataset.table.astype(str).equals(made.table.astype(str))


def must_not_be_made():
    raise AssertionError("made again, though it is in the cache")


def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    for value in (None, ""):
        monkeypatch.delenv("WAYSHOT_CACHE", raising=False)
        if value is not None:
            monkeypatch.setenv("WAYSHOT_CACHE", value)
        assert cache_folder() == Path(platformdirs.user_cache_dir("wayshot"))


def test_an_entry_is_read_as_it_was_made(entry, made):
    assert_same(cached("key", "made", must_not_be_made), made)


def test_another_key_is_another_entry(entry, made, tiny):
    assert_same(
        cached("other", "made", lambda: tiny.select(np.arange(300) < 9, "made")),
        tiny.select(np.arange(300) < 9, "made"),
    )
    assert_same(cached("key", "made", must_not_be_made), made)


def test_pixels_are_memory_mapped(entry):
    assert isinstance(cached("key", "made", must_not_be_made).images.bits, np.memmap)


def test_nothing_but_the_entry_is_left_behind(entry):
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_a_failed_making_leaves_nothing(empty_cache):
    def fails():
        raise ValueError("no such images")

    with pytest.raises(ValueError, match="no such images"):
        cached("key", "made", fails)
    assert not any(empty_cache.rglob("*.npy"))


@pytest.mark.parametrize("file", ["bits.npy", "rows.npy", "record.json"])
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99, None])
def test_a_truncated_or_missing_file_is_made_anew(entry, made, file, keep):
    content = (entry / file).read_bytes()
    if keep is None:
        (entry / file).unlink()
    else:
        (entry / file).write_bytes(content[: int(keep * len(content))])
    assert_same(cached("key", "made", lambda: made), made)
    assert_same(cached("key", "made", must_not_be_made), made)


@pytest.mark.parametrize("file", ["bits.npy", "rows.npy", "record.json"])
@pytest.mark.parametrize("bit", [0, 2, 4, 6])
def test_no_flipped_bit_passes(entry, made, file, bit):
    content = (entry / file).read_bytes()
    # Places all over the header of an array, and some of what follows.
    places = {*range(bit, min(128, len(content)), 3), *range(128, len(content), 997)}
    for place in sorted(places):
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        (entry / file).write_bytes(damaged)
        try:
            dataset = cached("key", "made", lambda: made)
            assert_same(dataset, made)
        except Exception as error:
            raise AssertionError(f"{file}, byte {place}, bit {bit}: {error!r}") from None


def test_a_damaged_entry_is_said(entry, made, caplog):
    (entry / "bits.npy").write_bytes(b"something else")
    cached("key", "made", lambda: made)
    assert [record.getMessage() for record in caplog.records] == [
        f"{entry}: damaged; it is made again"
    ]
    cached("key", "made", must_not_be_made)
    cached("other key", "made", lambda: made)
    assert len(caplog.records) == 1


def test_what_killed_writers_have_left_is_cleared_away_after_a_day(entry, made):
    folder = entry.parent
    for name in (".new-old", ".new-young"):
        (folder / name).mkdir()
        (folder / name / "bits.npy").touch()
    (folder / ".new-old-file.npz").touch()
    before = time.time() - 25 * 3600
    for name in (".new-old", ".new-old-file.npz"):
        os.utime(folder / name, (before, before))
    make_cache_folder(folder)
    assert {path.name for path in folder.iterdir()} == {entry.name, ".new-young"}


def test_a_full_disk_is_one_line_and_leaves_nothing(empty_cache, made, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("numpy.save", full)
    with pytest.raises(TaskError, match=r"cannot be written \(No space left.*WAYSHOT_CACHE"):
        cached("key", "made", lambda: made)
    assert not list((empty_cache / "datasets").iterdir())


def test_an_entry_never_runs_code(entry, made):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit('ran')",))

    for file in ("rows.npy", "bits.npy"):
        np.save(entry / file, np.array([Trap()], dtype=object), allow_pickle=True)
        assert_same(cached("key", "made", lambda: made), made)


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "table.parquet"
    with replacing(path) as fresh:
        fresh.write_bytes(b"new")
        assert fresh.suffix == path.suffix
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_that_was_not_finished_leaves_the_old_one(tmp_path, error):
    path = tmp_path / "table.parquet"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as fresh:
        fresh.write_bytes(b"half of the n")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_cache_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(TaskError, match=r"cache folder .* cannot be made .*WAYSHOT_CACHE"):
        make_cache_folder(cache_folder() / "x")
