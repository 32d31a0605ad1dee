"""Images, and folders of them, that someone else put together."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps
from wayshot.tasks import TaskError
from wayshot.tasks.data import decoding, folder
from wayshot.tasks.data.images import LARGEST_IMAGE, decode_any, decode_exact, decoded

KINDS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]


def encoded(image, kind="PNG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG of one bit whose header may say anything."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def figure():
    ink = np.zeros((105, 105), dtype=bool)
    ink[15:90, 30:40] = ink[80:90, 30:80] = True
    return ink


@pytest.fixture(scope="module")
def grey(figure):
    return Image.fromarray(np.where(figure, 0, 255).astype(np.uint8))


def refusal(decode, content, name="a/b.png") -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TaskError) as caught:
            decode(content, name)
    message = str(caught.value)
    assert message.isprintable(), message
    assert len(message) < 500
    return message


def as_it_is(content: bytes, name: str) -> np.ndarray:
    return decoding.shades(decoded(content))


@pytest.mark.parametrize("decode", [decode_any, decode_exact])
@pytest.mark.parametrize(
    ("width", "height"),
    [(4097, 4096), (10_000, 10_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (1, 2**24 + 1)],
)
def test_a_picture_is_not_decoded_that_says_it_is_enormous(decode, width, height):
    content = png(width, height, bytes(1000))
    tracemalloc.start()
    message = refusal(decode, content)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
    assert "pixels, expected at most" in message


def test_the_largest_picture_is_decoded():
    side = int(LARGEST_IMAGE**0.5)
    rows = (b"\0" + b"\xff" * (side // 8)) * side
    assert not decode_any(png(side, side, rows), "x").any()


def test_a_large_file_is_refused_by_its_size(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(2**40)
    assert "bytes, expected at most" in refusal(decode_any, tmp_path / "x.png")


@pytest.mark.parametrize("size", [0, 1, 8, 33, 50, -20, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_picture_is_refused(grey, kind, size):
    content = encoded(grey, kind)
    cut = content[:size]
    if size < 0:
        # Where only a mark of the end is missing, all of the picture is there.
        try:
            assert (decode_any(cut, "x") != decode_any(content, "x")).mean() < 0.01
        except TaskError as error:
            assert str(error).isprintable()
    else:
        refusal(decode_any, cut)


@pytest.mark.parametrize("extra", [b"", b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"acTL"])
def test_other_parts_of_a_picture_do_no_harm(extra):
    bomb = zlib.compress(bytes(10**7))
    content = b"k\0\0" + bomb if extra in (b"zTXt", b"iCCP") else b"k\0\1\0\0\0" + bomb
    check = struct.pack(">I", zlib.crc32(extra + content))
    chunk = struct.pack(">I", len(content)) + extra + content + check if extra else b""
    rows = (b"\0" + b"\xff" * 14) * 105
    tracemalloc.start()
    try:
        assert not decode_any(png(105, 105, rows, chunk), "x").any()
    except TaskError as error:
        assert str(error).isprintable()
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_several_pictures_in_one_file_are_refused_whatever_it_is_called(grey, kind):
    others = [grey.transpose(Image.Transpose.ROTATE_90), grey.rotate(180)]
    content = encoded(grey, kind, save_all=True, append_images=others)
    assert "several pictures" in refusal(decode_any, content)


def test_a_gif_called_png_is_a_picture_among_pictures_and_no_official_one(grey, figure):
    content = encoded(grey, "GIF")
    np.testing.assert_array_equal(decode_any(content, "x.png"), figure)
    assert "not an image" in refusal(decode_exact, content)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "L", "I;16"])
def test_an_official_picture_may_have_come_through_another_mode(grey, figure, mode):
    other = (
        Image.fromarray(np.where(figure, 0, 65535).astype(np.uint16))
        if mode == "I;16"
        else grey.convert(mode)
    )
    np.testing.assert_array_equal(decode_exact(encoded(other), "x"), figure)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "F", "I", "1"])
def test_modes_that_are_rare_are_read_or_refused(grey, mode):
    other = grey.convert("RGB").convert("LAB" if mode == "LAB" else mode) if mode != "F" else grey
    content = encoded(other.convert(mode) if mode == "F" else other, "TIFF")
    try:
        assert decode_any(content, "x").shape == (105, 105)
    except TaskError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_shade_is_refused(value):
    shades = np.ones((20, 20), np.float32)
    shades[3, 4] = value
    assert "NaN or infinite" in refusal(decode_any, encoded(Image.fromarray(shades), "TIFF"))


def test_no_program_is_started_for_a_picture(tmp_path):
    """Pillow would call Ghostscript for a page of PostScript, whatever its file is called."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    (tmp_path / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 105 105\n%%EndComments\nshowpage\n"
    )
    code = (
        "import sys; from pathlib import Path; from wayshot.tasks.data.images import decode_any\n"
        "decode_any(Path(sys.argv[1]), 'x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x.png"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert "not an image" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_with_changed_bytes_is_read_or_refused(grey, kind):
    content, generator = encoded(grey, kind), np.random.default_rng(KINDS.index(kind))
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            changed[generator.integers(min(len(changed), 400))] = generator.integers(256)
        try:
            assert decode_any(bytes(changed), "x").shape == (105, 105)
        except TaskError as error:
            assert str(error).isprintable(), error
            refused += 1
    assert refused


@pytest.fixture
def characters(tmp_path, grey):
    """A folder of two characters by two drawers."""
    for turn, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png")):
        (tmp_path / "letters" / name).parent.mkdir(parents=True, exist_ok=True)
        grey.rotate(90 * turn).save(tmp_path / "letters" / name)
    return tmp_path / "letters"


def folder_refusal(path) -> str:
    with pytest.raises(TaskError) as caught:
        folder.load(str(path))
    message = str(caught.value)
    assert message.isprintable(), message
    return message


@pytest.mark.usefixtures("empty_cache")
class TestFolders:
    @pytest.mark.parametrize("kind", ["pipe", "loop", "nowhere", "device"])
    def test_what_is_called_an_image_and_is_no_file_is_named(self, characters, kind):
        path = characters / "b" / "3.png"
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to({"loop": path.name, "nowhere": "x", "device": "/dev/zero"}[kind])
        assert "b/3.png" in folder_refusal(characters)

    def test_a_linked_image_is_read_and_its_change_noticed(self, characters, tmp_path, grey):
        before = folder.load(str(characters)).digest
        target = tmp_path / "elsewhere.png"
        ImageOps.mirror(grey).save(target)
        (characters / "b" / "3.png").symlink_to(target)
        first = folder.load(str(characters))
        ImageOps.flip(grey).save(target)
        os.utime(target, ns=(1, 1))
        second = folder.load(str(characters))
        assert len(first) == len(second) == 5
        assert len({before, first.digest, second.digest}) == 3

    @pytest.mark.parametrize("target", [".", "..", "a"])
    def test_a_linked_folder_is_named_and_not_followed(self, characters, target):
        (characters / "c").symlink_to(target, target_is_directory=True)
        assert "c is a link to a folder" in folder_refusal(characters)

    def test_a_text_that_a_link_leads_to_is_not_shown(self, characters, tmp_path):
        (tmp_path / "secret").write_text("not to be shown")
        (characters / "b" / "3.png").symlink_to(tmp_path / "secret")
        message = folder_refusal(characters)
        assert "b/3.png: not an image" in message and "shown" not in message

    @pytest.mark.parametrize(
        "name", ["b/x\n.png", "b/\x1b[2J.png", "b/\u202egnp.png", "b/" + "x" * 240 + ".png"]
    )
    def test_odd_names_of_sound_images_are_read(self, characters, grey, name):
        ImageOps.mirror(grey).save(characters / name)
        assert len(folder.load(str(characters))) == 5

    @pytest.mark.parametrize(
        "name", ["b/x\n.png", "b/\x1b[2J.png", "x\ny/b/c/d.png", "a\n\r/x.png"]
    )
    def test_odd_names_are_shown_as_text(self, characters, name):
        path = characters / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no image")
        folder_refusal(characters)

    def test_an_empty_file_is_named(self, characters):
        (characters / "b" / "2.png").write_bytes(b"")
        assert "b/2.png: not an image" in folder_refusal(characters)

    def test_what_was_refused_leaves_nothing_in_the_cache(self, characters, empty_cache):
        (characters / "b" / "2.png").write_bytes(b"")
        folder_refusal(characters)
        assert not list(empty_cache.rglob("*.npy"))


@pytest.mark.parametrize("said", ["Token too long: 255\x00\x1b[2J", "two\nlines", "\u202e", ""])
def test_what_a_library_says_of_an_image_is_shown_as_a_line_of_text(monkeypatch, said):
    """It may repeat what it has read."""

    def fails(*_, **__):
        raise ValueError(said)

    monkeypatch.setattr(Image, "open", fails)
    with pytest.raises(TaskError) as raised:
        decode_any(b"P6 255", "x")
    assert str(raised.value).isprintable()
    assert str(raised.value).startswith("x: damaged image (")
    assert "()" not in str(raised.value)


def jpeg(side: int, scans: int = 0, comments: bytes = b"") -> bytes:
    """A progressive JPEG with more scans and comments than a program writes."""
    content = encoded(Image.new("L", (side, side), "white"), "JPEG", progressive=True)
    starts = [found.start() for found in re.finditer(b"\xff\xda", content)]
    scan = content[starts[1] : starts[2]]
    return content[:2] + comments + content[2:-2] + scans * scan + content[-2:]


def comments(length: int, each: int) -> bytes:
    return length // (each + 4) * (b"\xff\xfe" + struct.pack(">H", each + 2) + bytes(each))


def png_chunks(length: int) -> bytes:
    return length // 12 * (b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt")))


def gif(comment: bytes, side: int = 105) -> bytes:
    content = encoded(Image.new("L", (side, side)), "GIF")
    place = content.index(b",")
    return content[:place] + b"!\xfe" + comment + b"\0" + content[place:]


def test_a_progressive_picture_is_read():
    assert not decode_any(jpeg(105, scans=50), "x").any()


@pytest.mark.parametrize("decode", [decode_any, as_it_is])
@pytest.mark.parametrize("scans", [120, 100_000])
def test_a_picture_of_very_many_scans_is_refused_before_they_are_decoded(
    decode, scans, monkeypatch
):
    content = jpeg(4096, scans)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    assert f"{scans + 6:,} scans, expected at most 100" in refusal(decode, content)


@pytest.mark.parametrize(
    "content",
    [
        jpeg(105, comments=comments(2**18, 65_000)),
        jpeg(105, comments=comments(2**18, 65_000).replace(b"\xff\xfe", b"\xff\xe7")),
        gif(2**10 * (b"\xff" + 255 * b"x")),
        png(105, 105, extra=png_chunks(2**18)),
        png(105, 105) + bytes(2**18),
        b"P5\n#" + 2**18 * b"x" + b"\n105 105\n255\n" + bytes(105 * 105),
    ],
    ids=["comments", "parts", "gif", "chunks", "trailer", "ppm"],
)
def test_a_file_that_is_long_for_its_pixels_is_refused(content, monkeypatch):
    monkeypatch.setattr("wayshot.tasks.data.patience.ROOM", 2**16)
    monkeypatch.setattr("wayshot.tasks.data.patience.BYTES_A_PIXEL", 10)
    message = refusal(decode_any, content)
    assert "bytes for 105 x 105 pixels, expected at most" in message
    assert "save the picture anew" in message


@pytest.mark.parametrize(
    "content",
    [
        jpeg(105, comments=comments(2**22, 0)),
        gif(2**20 * b"\1x"),
        png(105, 105, extra=png_chunks(2**22)),
        b"P5\n#" + 2**22 * b"x" + b"\n105 105\n255\n" + bytes(105 * 105),
    ],
    ids=["jpeg", "gif", "png", "ppm"],
)
def test_a_file_whose_reading_does_not_end_is_given_up(content, monkeypatch, tmp_path):
    monkeypatch.setattr("wayshot.tasks.data.patience.SECONDS", 0.02)
    assert "takes longer than 0.02 seconds to read" in refusal(decode_any, content)
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(TaskError, match="takes longer than"):
        decoding.size_of(tmp_path / "x.png")


def test_notes_of_a_camera_and_a_profile_do_not_make_a_file_too_long():
    profile = np.random.default_rng(1).bytes(2**22)
    content = encoded(Image.new("RGB", (105, 105), "white"), "JPEG", icc_profile=profile)
    assert not decode_any(content, "x").any()
