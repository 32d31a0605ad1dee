from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from wayshot.tasks.data.decoding import decode, in_kind, is_coloured, shades, shapes, size_of


@pytest.fixture
def written(tmp_path):
    """Saves a picture of Pillow; gives its path."""

    def save(image, ending="png", **options):
        path = tmp_path / f"picture.{ending}"
        image.save(path, **options)
        return path

    return save


@pytest.fixture
def gray(draw):
    return draw(10, 20)


@pytest.fixture
def colour(draw):
    return draw(10, 20, 3)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "gif", "pgm"])
def test_shades_of_gray_come_back_to_the_bit(ending, gray, written):
    got = decode(written(Image.fromarray(gray), ending))
    np.testing.assert_array_equal(in_kind(got, "gray"), gray)
    assert not is_coloured(got) and got.dtype == np.uint8


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm"])
def test_colours_come_back_to_the_bit(ending, colour, written):
    got = decode(written(Image.fromarray(colour), ending))
    np.testing.assert_array_equal(got, colour)
    assert is_coloured(got)


def test_a_palette_is_applied(colour, gray, written):
    few = Image.fromarray(colour).quantize(8)
    np.testing.assert_array_equal(decode(written(few)), np.asarray(few.convert("RGB")))
    plain = decode(written(Image.fromarray(gray).convert("P")))
    np.testing.assert_array_equal(in_kind(plain, "gray"), gray)


def test_one_bit_is_black_and_white(gray, written):
    got = decode(written(Image.fromarray(gray > 99)))
    np.testing.assert_array_equal(got, np.where(gray > 99, 255, 0))


def test_what_is_transparent_is_white_and_half_of_it_half(written):
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0, :, 3] = 0, 102, 255
    got = decode(written(Image.fromarray(pixels)))
    np.testing.assert_array_equal(got, np.repeat([[[255], [153], [0]]], 3, axis=-1))
    gray_alpha = Image.fromarray(pixels[..., 2:].copy(), "LA")
    np.testing.assert_array_equal(decode(written(gray_alpha)), [[255, 153, 0]])


def test_a_transparent_shade_of_a_palette_or_of_gray_is_white(written):
    shades_of = Image.fromarray(np.array([[0, 40, 80]], dtype=np.uint8))
    got = decode(written(shades_of, transparency=40))
    np.testing.assert_array_equal(got, [[0, 255, 80]])
    got = decode(written(shades_of.convert("P"), "gif", transparency=40))
    np.testing.assert_array_equal(in_kind(got, "gray"), [[0, 255, 80]])


def test_sixteen_bits_lose_the_lower_eight(written):
    deep = np.arange(0, 65536, 13, dtype=np.uint16)[None]
    for ending in ("png", "tif"):
        got = decode(written(Image.fromarray(deep), ending))
        np.testing.assert_array_equal(got, deep >> 8)
        inverted = decode(written(Image.fromarray(65535 - deep), ending))
        np.testing.assert_array_equal(inverted, 255 - got)


def test_shades_up_to_255_in_wider_numbers_are_kept(gray, written):
    for wide in (gray.astype(np.uint16), gray.astype(np.int32), gray.astype(np.float32)):
        np.testing.assert_array_equal(decode(written(Image.fromarray(wide), "tif")), gray)


def test_numbers_from_0_to_1_are_shares_of_white(written):
    share = np.linspace(0, 1, 21, dtype=np.float32)[None]
    got = decode(written(Image.fromarray(share), "tif"))
    np.testing.assert_array_equal(got, np.rint(share * 255))


@pytest.mark.parametrize("value", [-1.0, 70000.0, np.nan, np.inf])
def test_numbers_that_are_no_shades_are_refused(value, written, refused):
    path = written(Image.fromarray(np.array([[0.5, value]], dtype=np.float32)), "tif")
    assert "expected shades from 0 to 1, 255 or 65535" in refused(decode, path)


def test_a_cmyk_picture_is_in_colour(colour, written):
    image = Image.fromarray(colour).convert("CMYK")
    got = decode(written(image, "tif"))
    np.testing.assert_array_equal(got, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
def test_the_orientation_of_a_camera_is_applied_and_known_before(ending, orientation, written):
    shade = np.kron(np.arange(6).reshape(2, 3) * 50, np.ones((8, 8))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    path = written(Image.fromarray(shade), ending, exif=exif, **options)
    expected = {
        1: shade,
        2: shade[:, ::-1],
        3: shade[::-1, ::-1],
        4: shade[::-1],
        5: shade.T,
        6: shade.T[:, ::-1],
        7: shade.T[::-1, ::-1],
        8: shade.T[::-1],
    }[orientation]
    got = in_kind(decode(path), "gray")
    assert size_of(path) == got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= (12 if ending == "jpg" else 1)


def test_the_size_is_known_without_decoding(gray, written, monkeypatch):
    path = written(Image.fromarray(gray))
    monkeypatch.setattr(
        "wayshot.tasks.data.decoding.decode", lambda path: pytest.fail("decoded the picture")
    )
    assert size_of(path) == (10, 20)


@pytest.mark.parametrize("find", [decode, size_of])
def test_what_is_no_picture_is_named(find, tmp_path, refused):
    path = tmp_path / "pi\x1bcture.png"
    path.write_bytes(b"hello")
    assert "pi\\x1bcture.png: not an image" in refused(find, path)
    assert "not a file" in refused(find, tmp_path / "none.png")


def test_a_truncated_picture_is_refused(gray, written, refused):
    path = written(Image.fromarray(gray))
    path.write_bytes(path.read_bytes()[:-40])
    assert "picture.png: damaged image" in refused(decode, path)


def test_a_picture_in_memory_is_read_as_its_file_but_not_turned(colour):
    image = Image.fromarray(colour)
    image.getexif()[0x0112] = 6
    np.testing.assert_array_equal(shades(image), colour)
    few = image.quantize(8)
    np.testing.assert_array_equal(shades(few), np.asarray(few.convert("RGB")))


def test_gray_is_the_luminance_and_colour_three_equal_channels(colour, gray):
    red, green, blue = np.moveaxis(colour.astype(float), -1, 0)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(in_kind(colour, "gray") - luminance).max() <= 0.51
    deep = in_kind(gray, "color")
    np.testing.assert_array_equal(deep, np.stack([gray, gray, gray], axis=-1))
    np.testing.assert_array_equal(in_kind(deep, "gray"), gray)
    assert in_kind(gray, "gray") is gray and in_kind(colour, "color") is colour


def test_one_pixel_makes_a_picture_coloured(gray):
    deep = in_kind(gray, "color").copy()
    assert not is_coloured(deep) and not is_coloured(gray)
    deep[4, 5, 2] ^= 1
    assert is_coloured(deep)


def test_sizes_are_said_from_the_smallest_to_the_largest():
    assert shapes([(30, 4), (5, 5), (200, 100), (5, 5)]) == "5 x 5 to 200 x 100"
