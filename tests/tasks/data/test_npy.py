from __future__ import annotations

import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from wayshot.tasks import TaskError
from wayshot.tasks.data import album, npy

pytestmark = pytest.mark.usefixtures("no_omniglot")

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
LABELS = np.array([f"class {i % 3}" for i in range(12)])


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def header(shape, descr, content=b"x" * 100):
    """A file whose header may say anything."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape})
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content


@pytest.fixture(params=["npy", "npz"])
def replaced(request, tmp_path):
    """Writes a set one of whose files has other bytes; gives the path."""

    def write(name: str, content: bytes) -> str:
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        np.save(root / "images.npy", IMAGES)
        np.save(root / "labels.npy", LABELS)
        (root / f"{name}.npy").write_bytes(content)
        if request.param == "npy":
            return str(root)
        with zipfile.ZipFile(tmp_path / "set.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for one in ("images", "labels"):
                archive.write(root / f"{one}.npy", f"{one}.npy")
        return str(tmp_path / "set.npz")

    return write


def left(cache):
    return list((cache / "datasets").iterdir()) if (cache / "datasets").exists() else []


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ((10**9, 10**4, 10**4), "|u1"),
        ((2**62, 8, 8), "|u1"),
        ((10**13,), "<i8"),
        ((12,), "<U200000000"),
        ((12, 8, 9), "|u1"),
    ],
)
def test_a_header_that_promises_more_than_there_is_takes_no_memory(
    name, shape, descr, replaced, refused, empty_cache
):
    path = replaced(name, header(shape, descr))
    tracemalloc.start()
    message = refused(album.load, path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
    assert f"{name}.npy: " in message and "write it" in message
    assert left(empty_cache) == []


@pytest.mark.parametrize("name", ["images", "labels"])
def test_objects_of_python_are_refused_and_run_nothing(name, replaced, refused, tmp_path):
    np.save(tmp_path / "trap.npy", np.array([Trap()] * 12, dtype=object), allow_pickle=True)
    message = refused(album.load, replaced(name, (tmp_path / "trap.npy").read_bytes()))
    assert f"{name}.npy: objects of Python, which may run code, are not read" in message
    assert "array.astype(str)" in message
    assert f"{name}.npy: no array of NumPy" in refused(
        album.load, replaced(name, pickle.dumps(Trap()))
    )


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize("keep", [0, 5, 40, 127, 128, 130, -1])
def test_a_truncated_array_is_refused_by_name(name, keep, replaced, refused, tmp_path, empty_cache):
    np.save(tmp_path / "whole.npy", IMAGES if name == "images" else LABELS)
    message = refused(album.load, replaced(name, (tmp_path / "whole.npy").read_bytes()[:keep]))
    assert f"{name}.npy: " in message
    assert left(empty_cache) == []


@pytest.mark.parametrize(
    "content",
    [
        b"\x93NUMPY\x09\x00" + bytes(100),
        header((12,), "<i8").replace(b"}", b" "),
        header((12,), "<i8").replace(b"(", b"["),
        header((12,), "<i8").replace(b"shape", b"sha\xffe"),
        header((-12,), "<i8"),
        header((12,), "<i8").replace(b"'descr'", b"__imp__"),
    ],
)
def test_a_damaged_header_is_one_line(content, replaced, refused):
    assert "labels.npy: " in refused(album.load, replaced("labels", content))


def test_a_truncated_archive_is_one_line_at_every_length(tmp_path, refused, empty_cache):
    path = tmp_path / "set.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    for keep in range(0, len(whole), 97):
        path.write_bytes(whole[:keep])
        assert refused(album.load, str(path)).startswith(f"images:{path}: ")
    assert left(empty_cache) == []


def test_no_flipped_byte_of_an_archive_is_taken_for_another_set(tmp_path, empty_cache):
    path = tmp_path / "set.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    digest = album.load(str(path)).digest
    damaged = 0
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            assert album.load(str(path)).digest == digest
        except TaskError as error:
            assert str(error).isprintable()
            damaged += 1
    assert damaged > 20


def test_a_zip_that_promises_more_than_it_can_hold_is_refused(tmp_path, refused):
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header((10**9,), "<i8"))
        archive.writestr("labels.npy", header((10**9,), "<i8"))
    content = path.read_bytes()
    length = zipfile.ZipFile(path).getinfo("labels.npy").file_size
    path.write_bytes(content.replace(length.to_bytes(4, "little"), b"\xf0\xff\xff\xff"))
    message = refused(album.load, str(path))
    assert "labels.npy: says 4,294,967,280 bytes, which the file cannot hold" in message


def test_an_array_of_labels_has_a_largest_length(tmp_path, refused):
    path = tmp_path / "labels.npy"
    np.save(path, LABELS)
    assert "bytes, expected at most 100" in refused(npy.read, path, 100)
    np.testing.assert_array_equal(npy.read(path), LABELS)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), (0, 4)])
def test_mapped_arrays_are_those_of_numpy(order, shape, tmp_path):
    array = np.arange(np.prod(shape), dtype="<i4").reshape(shape).copy(order=order)
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(npy.mapped(tmp_path / "x.npy"), array)
    assert npy.is_mapped(npy.mapped(tmp_path / "x.npy")) == (0 not in shape)


def test_what_is_computed_of_a_mapped_array_is_in_memory(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    found = npy.mapped(tmp_path / "x.npy")
    assert npy.is_mapped(found[..., 1:]) and not npy.is_mapped(found.astype(np.int64))
    assert not npy.is_mapped(IMAGES)
