from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from wayshot.bench.evaluations import array_files as archive


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def small(tmp_path) -> Path:
    """A file of two small arrays."""
    path = tmp_path / "small.npz"
    archive.write(path, keys=np.array([b"ab", b"c"]), values=np.arange(3.0))
    return path


def test_arrays_are_read_as_they_were_written(small):
    arrays = archive.read(small)
    assert arrays["keys"].tolist() == [b"ab", b"c"] and arrays["values"].tolist() == [0, 1, 2]
    with np.load(small) as file:
        assert sorted(file.files) == ["keys", "values"]
    assert [path.name for path in small.parent.iterdir()] == ["small.npz"]


def test_no_flipped_bit_of_an_archive_passes(small):
    content = small.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            small.write_bytes(damaged)
            with pytest.raises(archive.DamagedError):
                archive.read(small)


def test_no_truncated_or_lengthened_archive_passes(small):
    content = small.read_bytes()
    for other in [*(content[:end] for end in range(len(content))), content + b"\0", b""]:
        small.write_bytes(other)
        with pytest.raises(archive.DamagedError):
            archive.read(small)


def test_a_full_disk_leaves_the_old_archive(small, monkeypatch):
    monkeypatch.setattr("numpy.savez", full)
    before = small.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        archive.write(small, values=np.arange(4))
    assert small.read_bytes() == before and len(list(small.parent.iterdir())) == 1
