"""Zips and unpacked copies of Omniglot from elsewhere; nothing is ever unpacked."""

from __future__ import annotations

import os
import stat
import struct
import threading
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from wayshot.tasks import TaskError, open_protocol, parse
from wayshot.tasks.data import fetch
from wayshot.tasks.data.archive import members
from wayshot.tasks.data.images import pack, pixel_digest
from wayshot.tasks.data.omniglot import PARTS, find, load, read_labels, read_part

PART = "images_background_small1"
NAMES = [f"{PART}/Alpha/character01/0001_{drawer:02}.png" for drawer in range(1, 5)]


@pytest.fixture(scope="module")
def inks():
    return np.random.default_rng(3).random((4, 105, 105)) < 0.02


@pytest.fixture(scope="module")
def files(inks):
    """Names and contents of a part of four images."""

    def png(ink):
        buffer = BytesIO()
        Image.fromarray(~ink).save(buffer, "PNG")
        return buffer.getvalue()

    return dict(zip(NAMES, map(png, inks), strict=True))


@pytest.fixture(scope="module")
def part(inks):
    return replace(PARTS[PART], images=4, pixels=pixel_digest(NAMES, pack(inks)))


@pytest.fixture
def zipped(tmp_path):
    """Writes a zip of pairs of a name, or what stands for one, and a content."""

    def zipped(entries, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "data" / f"{PART}.zip"
        path.parent.mkdir(exist_ok=True)
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
            warnings.simplefilter("ignore")
            for name, content in entries:
                archive.writestr(name, content)
        return path

    return zipped


def refusal(action, *arguments) -> str:
    with pytest.raises(TaskError) as caught:
        action(*arguments)
    message = str(caught.value)
    assert message.isprintable(), message
    assert len(message) < 500
    return message


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target


def test_the_sound_zip_is_read(part, files, zipped):
    assert read_part(part, zipped(files.items())).digest == part.pixels


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/owned.png",
        f"/{NAMES[0]}",
        "../../owned.png",
        f"{PART}/../../Alpha/character01/0001_05.png",
        "C:\\Windows\\owned.png",
        f"{PART}/Alpha/character01/../0001_05.png",
        f"{PART}//character01/0001_05.png",
        f"{PART}/Alpha/character٠١/0001_05.png",
        f"{PART}/Alpha/character01/0001_05\n.png",
        f"{PART}/Al\x1b[2J/character01/0001_05.png",
        f"{PART}/Al\u202epha/character01/0001_5.png/x.png",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(
    part, files, zipped, tmp_path, name
):
    path = zipped([*files.items(), (name, files[NAMES[0]])])
    message = refusal(read_part, part, path)
    assert message.startswith(f"{path}: ")
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


def test_a_link_in_a_zip_is_not_followed(part, files, zipped):
    entries = [*list(files.items())[:-1], link(NAMES[-1], "/etc/passwd")]
    assert "not an image" in refusal(read_part, part, zipped(entries))


def test_a_member_that_is_there_twice_is_refused(part, files, zipped):
    first, *others = files.items()
    for entries in ([first, first, *others], [first, first, *others[:-1]]):
        assert "is there twice" in refusal(read_part, part, zipped(entries))
    other_name = NAMES[0].removeprefix(f"{PART}/")
    assert "is there twice" in refusal(
        read_part, part, zipped([*files.items(), (other_name, first[1])])
    )


def spent(action, *arguments) -> int:
    """The most bytes of Python's that a refusal held at once."""
    tracemalloc.start()
    try:
        refusal(action, *arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked(part, files, zipped):
    path = zipped([*files.items(), (f"{PART}/Alpha/character01/0001_05.png", bytes(10**8))])
    assert spent(read_part, part, path) < 10**7
    assert "100,000,000 bytes unpacked, expected at most" in refusal(read_part, part, path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_bomb_that_lies_about_its_size_is_not_unpacked(part, files, zipped, compression):
    path = zipped([(NAMES[0], bytes(10**8)), *list(files.items())[1:]], compression)
    content = bytearray(path.read_bytes())
    size = struct.pack("<I", 10**8)
    assert content.count(size) >= 2
    path.write_bytes(content.replace(size, struct.pack("<I", 100)))
    assert spent(read_part, part, path) < 10**7


def test_members_that_go_on_and_on_are_not_read_to_their_end(part, files, zipped):
    """As in bombs of many small members: each of them may be there, all of them may not."""
    content = files[NAMES[0]]
    names = [f"{PART}/Alpha/character01/{number:04}_01.png" for number in range(1, 501)]
    path = zipped([(name, content) for name in names])
    read = []

    def progress(total, title):
        return read.append

    refusal(read_part, part, path, progress)
    assert part.images < len(read) <= 2 * part.images


def test_a_member_whose_bytes_are_those_of_another_is_refused(part, files, zipped):
    path = zipped(files.items())
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[start : content.index(b"PK\1\2", start + 1)]
    more = entry.replace(b"0001_01.png", b"0001_05.png")
    closing = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 5, 5, end - start + len(more), start, 0)
    path.write_bytes(content[:end] + more + closing)
    assert "0001_05.png" in refusal(read_part, part, path)


@pytest.mark.parametrize("flags", [0x1, 0x40, 0x20])
def test_an_encrypted_or_patched_member_is_refused(part, files, zipped, flags):
    path = zipped(files.items(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        content[content.index(mark) + place] |= flags
    path.write_bytes(content)
    assert str(path) in refusal(read_part, part, path)


BOMBS = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
"""What Python unpacks whole, however little of it is asked for."""


@pytest.mark.parametrize("compression", BOMBS)
def test_what_is_unpacked_whole_is_refused(part, files, zipped, compression):
    path = zipped(files.items(), compression)
    message = refusal(read_part, part, path)
    assert message.startswith(f"{path}: ") and "expected stored or deflated" in message
    content = bytearray(zipped([(NAMES[0], bytes(10**8))], compression).read_bytes())
    path.write_bytes(content.replace(struct.pack("<I", 10**8), struct.pack("<I", 100)))
    assert spent(read_part, part, path) < 10**7


@pytest.mark.parametrize("compression", BOMBS)
def test_arrays_that_are_unpacked_whole_are_refused(tmp_path, compression):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in {
            "images": np.zeros((9, 8, 8), np.uint8),
            "labels": np.arange(9),
        }.items():
            content = BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue())
    message = refusal(open_protocol, parse(f"images:{path}-between-2w1s"))
    assert message.startswith(f"images:{path}: ") and "expected stored or deflated" in message


@pytest.mark.parametrize("suffix", ["", ".zip"])
@pytest.mark.parametrize("kind", ["pipe", "loop", "nowhere", "device"])
def test_what_is_neither_file_nor_folder_is_not_opened(tmp_path, kind, suffix, empty_cache):
    path = tmp_path / f"{PART}{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"loop": path.name, "nowhere": "x", "device": "/dev/zero"}[kind])
    assert find(PART, tmp_path) is None
    assert "WAYSHOT_DATA" in refusal(load, PART, tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "loop", "nowhere", "device", "large"])
def test_a_folder_may_hold_anything(part, files, tmp_path, kind):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert read_part(part, tmp_path / PART).digest == part.pixels
    path = tmp_path / NAMES[1]
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to({"loop": path.name, "nowhere": "x", "device": "/dev/zero"}[kind])
    assert NAMES[1] in refusal(read_part, part, tmp_path / PART)


def test_an_image_elsewhere_may_be_linked_to(part, files, tmp_path):
    """People make data sets of links; what is read is an image or refused."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        elsewhere = tmp_path / "elsewhere" / name.rpartition("/")[2]
        elsewhere.parent.mkdir(exist_ok=True)
        elsewhere.write_bytes(content)
        (tmp_path / name).symlink_to(elsewhere)
    assert read_part(part, tmp_path / PART).digest == part.pixels


def test_members_are_read_one_at_a_time(files, zipped):
    reading = members(zipped(files.items()), (".png",))
    assert next(reading) == (NAMES[0], files[NAMES[0]])
    reading.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"run01/test/item01.png run02/training/class01.png", "unexpected line"),
        (b"run01/test/item00.png run01/training/class01.png", "unexpected line"),
        (b"run01/test/item01.png run01/training/class01.png\n" * 2, "is there twice"),
        ("run٠١/test/item01.png run٠١/training/class01.png".encode(), "unexpected line"),
        (b"\x1b[2J\xff\0" * 1000, "unexpected line"),
    ],
)
def test_labels_that_are_none_are_refused(text, says):
    assert says in refusal(read_labels, text)


class _Endless(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(bytes(2**16))

    def log_message(self, format, *args):
        pass


def test_a_download_without_end_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "LARGEST", 2**20)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        server.handle_error = lambda *_: None
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/"
            message = refusal(list, fetch.fetch(tmp_path / "data", address))
        finally:
            server.shutdown()
            thread.join()
    assert "more than 1,048,576 bytes came" in message
    assert list((tmp_path / "data").iterdir()) == []
