from io import BytesIO
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from wayshot.tasks import SIDE, Images, TaskError
from wayshot.tasks.data.images import decode_any, decode_exact, pack, pixel_digest

squares = st.integers(1, 12).flatmap(
    lambda side: hnp.arrays(bool, st.tuples(st.integers(1, 5), st.just(side), st.just(side)))
)


def file_of(image, kind="PNG", **options):
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def figure():
    """Thick strokes that touch no border and that no turn or mirror leaves as they are."""
    ink = np.zeros((SIDE, SIDE), dtype=bool)
    ink[15:90, 30:40] = ink[80:90, 30:80] = ink[15:25, 30:60] = True
    return ink


@pytest.fixture(scope="module")
def shades(figure):
    return np.where(figure, 0, 255).astype(np.uint8)


@given(squares, st.data())
def test_unpacking_and_turning_equal_plain_pixels_turned_one_by_one(pixels, data):
    images = Images(pack(pixels), pixels.shape[1])
    rows = data.draw(hnp.arrays(np.int32, (2, 3), elements=st.integers(0, 4 * len(pixels) - 1)))
    got = images[rows]
    assert got.dtype == np.uint8
    assert got.shape == (2, 3, *pixels.shape[1:])
    for place, row in np.ndenumerate(rows):
        turns, image = divmod(int(row), len(pixels))
        np.testing.assert_array_equal(got[place], np.rot90(pixels[image], turns))


@given(squares)
def test_slices_and_array_conversion_give_unturned_pixels(pixels):
    images = Images(pack(pixels), pixels.shape[1])
    assert images.shape == pixels.shape
    np.testing.assert_array_equal(images[:], pixels)
    np.testing.assert_array_equal(images[1::2], pixels[1::2])
    np.testing.assert_array_equal(images[-1], pixels[-1])
    assert np.asarray(images, dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(np.asarray(images), pixels)


def test_no_rows_give_no_pixels():
    images = Images(pack(np.ones((2, 3, 3), dtype=bool)), 3)
    assert images[np.array([], dtype=int)].shape == (0, 3, 3)


def test_a_row_beyond_the_fourth_orientation_is_refused():
    images = Images(pack(np.ones((2, 3, 3), dtype=bool)), 3)
    with pytest.raises(IndexError):
        images[[8]]


def test_iteration_ends():
    images = Images(pack(np.ones((2, 3, 3), dtype=bool)), 3)
    assert len(list(islice(iter(images), 100))) < 100


def test_a_mask_selects_or_is_refused_but_is_not_taken_for_row_numbers():
    pixels = np.arange(3 * 9).reshape(3, 3, 3) % 4 == 0
    images = Images(pack(pixels), 3)
    try:
        selected = images[np.array([False, True, True])]
    except (IndexError, TypeError):
        return
    np.testing.assert_array_equal(selected, pixels[1:])


def test_memory_mapped_bits_are_read_the_same(tmp_path):
    pixels = np.random.default_rng(0).random((4, SIDE, SIDE)) < 0.5
    np.save(tmp_path / "bits.npy", pack(pixels))
    images = Images(np.load(tmp_path / "bits.npy", mmap_mode="r"))
    np.testing.assert_array_equal(images[[5, 0]], [np.rot90(pixels[1]), pixels[0]])


@given(squares)
def test_keys_are_equal_exactly_where_the_pixels_are(pixels):
    keys = Images(pack(pixels), pixels.shape[1]).keys
    same_keys = keys[:, None] == keys[None]
    same_pixels = (pixels[:, None] == pixels[None]).all(axis=(2, 3))
    np.testing.assert_array_equal(same_keys, same_pixels)


def test_keys_tell_sizes_apart_whose_packed_bits_agree():
    two, three = (Images(np.zeros((1, 1), np.uint8), side) for side in (1, 2))
    assert two.keys[0] != three.keys[0]


@given(squares, st.data())
def test_pixel_digest_is_as_defined_and_free_of_the_order(digest_by_definition, pixels, data):
    names = data.draw(
        st.lists(
            st.text(st.characters(codec="utf-8")),
            min_size=len(pixels),
            max_size=len(pixels),
            unique=True,
        )
    )
    side = pixels.shape[1]
    digest = pixel_digest(names, pack(pixels), side)
    assert digest == digest_by_definition(dict(zip(names, pixels, strict=True)))
    assert digest == pixel_digest(names[::-1], pack(pixels[::-1]), side)


def test_pixel_digest_changes_with_a_pixel_and_with_a_name():
    bits = pack(np.zeros((2, SIDE, SIDE), dtype=bool))
    other = bits.copy()
    other[1, 700] ^= 4
    digests = {
        pixel_digest(["a", "b"], bits),
        pixel_digest(["a", "b"], other),
        pixel_digest(["a", "c"], bits),
    }
    assert len(digests) == 3


def test_exact_decoding_gives_the_ink(encode, figure):
    np.testing.assert_array_equal(decode_exact(encode(figure), "x"), figure)


def test_exact_decoding_names_the_file_and_both_sizes():
    with pytest.raises(TaskError, match=r"^a/b\.png: 28 x 30 pixels, expected 105 x 105$"):
        decode_exact(file_of(Image.new("1", (28, 30))), "a/b.png")


@pytest.mark.parametrize("decode", [decode_exact, decode_any])
def test_what_is_no_image_is_refused_by_name(decode, encode, figure):
    with pytest.raises(TaskError, match=r"^x\.png: not an image"):
        decode(b"GIF, honestly", "x.png")
    with pytest.raises(TaskError, match=r"^x\.png: damaged image"):
        decode(encode(figure)[:100], "x.png")
    with pytest.raises(TaskError, match=r"^x\.png: "):
        decode(b"", "x.png")


def colours(ink, mode):
    image = Image.fromarray(np.where(ink, 0, 255).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray(np.where(ink, 1000, 60000).astype(np.uint16))
    if mode == "RGB, red on blue":
        return Image.fromarray(np.where(ink[..., None], (250, 80, 80), (0, 0, 90)).astype(np.uint8))
    if mode == "RGBA, transparent paper":
        alpha = np.where(ink, 255, 0)[..., None] * np.array([0, 0, 0, 1])
        return Image.fromarray(alpha.astype(np.uint8))
    if mode == "RGBA, opaque":
        return image.convert("RGBA")
    return image.convert(mode)


MODES = ["1", "L", "P", "LA", "RGB", "I;16", "RGB, red on blue", "RGBA, opaque"]


@pytest.mark.parametrize("mode", [*MODES, "RGBA, transparent paper"])
def test_every_kind_of_png_gives_the_same_ink(figure, mode):
    np.testing.assert_array_equal(decode_any(file_of(colours(figure, mode)), "x"), figure)


@pytest.mark.parametrize("mode", [*MODES, "I;16"])
def test_light_on_dark_gives_the_same_ink_as_dark_on_light(figure, mode):
    np.testing.assert_array_equal(decode_any(file_of(colours(~figure, mode)), "x"), figure)


def test_light_ink_on_transparent_paper_is_ink(figure):
    pixels = np.full((SIDE, SIDE, 4), 255, dtype=np.uint8)
    pixels[..., 3] = np.where(figure, 255, 0)
    np.testing.assert_array_equal(decode_any(file_of(Image.fromarray(pixels)), "x"), figure)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_lossless_formats_give_the_same_ink(figure, shades, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = file_of(Image.fromarray(shades), kind, **options)
    np.testing.assert_array_equal(decode_any(content, "x"), figure)


def test_jpeg_gives_nearly_the_same_ink(figure, shades):
    got = decode_any(file_of(Image.fromarray(shades), "JPEG", quality=90), "x")
    assert (got != figure).sum() < 0.02 * figure.sum()


@pytest.mark.parametrize("factor", [2, 3])
def test_an_enlarged_picture_gives_the_original_ink(figure, factor):
    large = np.kron(~figure, np.ones((factor, factor), dtype=bool))
    np.testing.assert_array_equal(decode_any(file_of(Image.fromarray(large)), "x"), figure)


def test_a_small_picture_is_enlarged(figure):
    small = figure[::3, ::3]
    large = np.kron(small, np.ones((3, 3), dtype=bool))
    got = decode_any(file_of(Image.fromarray(~small)), "x")
    assert (got != large).sum() < 0.02 * large.sum()


def test_a_wide_picture_keeps_its_proportions_and_is_centred():
    ink = np.zeros((30, 210), dtype=bool)
    ink[10:20, 100:110] = True
    rows, columns = np.nonzero(decode_any(file_of(Image.fromarray(~ink)), "x"))
    assert np.ptp(rows) == np.ptp(columns) == 4
    assert abs(rows.mean() - 52) <= 1
    assert abs(columns.mean() - 52) <= 1


def test_faint_ink_counts_and_a_blank_picture_has_none(figure):
    faint = Image.fromarray(np.where(figure, 190, 200).astype(np.uint8))
    np.testing.assert_array_equal(decode_any(file_of(faint), "x"), figure)
    blank = decode_any(file_of(Image.new("L", (40, 60), 77)), "x")
    assert blank.shape == (SIDE, SIDE)
    assert not blank.any()
