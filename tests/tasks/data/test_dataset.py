import numpy as np
import pytest
from wayshot.tasks import Dataset, Pictures
from wayshot.tasks.data.dataset import concatenate
from wayshot.tasks.data.pictures import keys_of


def files_of(dataset):
    return list(dataset.table["file"].astype(str))


def test_the_table_has_a_row_an_image(tiny):
    assert len(tiny) == len(tiny.table) == len(tiny.images) == 300
    assert list(tiny.table.columns) == ["alphabet", "character", "drawer", "file"]
    assert tiny.table["file"].is_unique
    for column in ("alphabet", "character", "drawer"):
        assert tiny.table[column].dtype == "category"


def test_characters_are_pairs_of_alphabet_and_name_in_order_of_appearance(tiny):
    pairs = list(dict.fromkeys(zip(tiny.table["alphabet"], tiny.table["character"], strict=True)))
    assert list(tiny.characters.itertuples(index=False, name=None)) == pairs
    assert len(pairs) == 6 + 7 + 8 + 9


def test_character_codes_are_rows_of_characters_whatever_the_order(tiny):
    order = np.random.default_rng(0).permutation(len(tiny))
    rows = [tuple(row) for row in tiny.table.astype(str).to_numpy()[order]]
    shuffled = Dataset.build("shuffled", tiny.images, rows)
    assert shuffled.character_codes.dtype == np.int32
    assert list(shuffled.character_codes[:1]) == [0]
    named = shuffled.characters.iloc[shuffled.character_codes]
    assert list(named["alphabet"]) == list(shuffled.table["alphabet"])
    assert list(named["character"]) == list(shuffled.table["character"])


def test_the_digest_is_that_of_the_named_pixels(tiny, digest_by_definition):
    inks = dict(zip(files_of(tiny), tiny.images[:], strict=True))
    assert tiny.digest == digest_by_definition(inks)


def test_selection_keeps_pixels_and_names_together(tiny):
    keep = (tiny.table["alphabet"] == "C").to_numpy()
    chosen = tiny.select(keep, "C alone")
    assert chosen.name == "C alone"
    assert files_of(chosen) == [file for file in files_of(tiny) if file.startswith("C/")]
    np.testing.assert_array_equal(chosen.images[:], tiny.images[np.flatnonzero(keep)])
    assert list(chosen.table["alphabet"].cat.categories) == ["C"]
    assert len(chosen.characters) == 8
    assert chosen.digest != tiny.digest


def test_joined_parts_are_the_whole(tiny):
    first = tiny.table["alphabet"].isin(["A", "B"]).to_numpy()
    whole = concatenate([tiny.select(first, "1"), tiny.select(~first, "2")], "whole")
    assert whole.name == "whole"
    assert whole.digest == tiny.digest
    assert files_of(whole) == files_of(tiny)
    np.testing.assert_array_equal(whole.images[:], tiny.images[:])


@pytest.mark.parametrize("count", [1, 2])
def test_joined_data_sets_have_the_name_given(tiny, count):
    first = tiny.table["alphabet"].isin(["A", "B"]).to_numpy()
    parts = [tiny.select(first, "1"), tiny.select(~first, "2")]
    assert concatenate(parts[:count], "joined").name == "joined"


def gray(pixels, labels, ink="dark"):
    pictures = Pictures(pixels, np.arange(len(pixels)), keys_of(pixels), (255,), ink)
    rows = [("all", label, "", f"{label}/{i}") for i, label in enumerate(labels)]
    return Dataset.build("pictures", pictures, rows)


def test_the_digest_of_pictures_is_that_of_classes_pixels_size_and_ink(draw):
    pixels, labels = draw(8, 6, 6), np.array(list("aabbccdd"))
    one, order = gray(pixels, labels), np.random.default_rng(0).permutation(8)
    assert gray(pixels[order], labels[order]).digest == one.digest
    changed = pixels.copy()
    changed[3, 2, 1] ^= 1
    others = [
        gray(changed, labels),
        gray(pixels, labels[::-1]),
        gray(pixels, labels, ink="light"),
        gray(pixels.reshape(8, 4, 9), labels),
        gray(np.repeat(pixels[..., None], 3, axis=-1), labels),
        gray(pixels[:7], labels[:7]),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 7


def test_ink_means_nothing_for_colour(draw):
    pixels, labels = draw(4, 6, 6, 3), list("aabb")
    assert gray(pixels, labels, "light").digest == gray(pixels, labels).digest


def test_a_picture_has_one_number_wherever_it_is_listed(draw):
    pixels, labels = draw(8, 6, 6), np.array(list("aabbccdd"))
    order = np.random.default_rng(0).permutation(8)
    numbers = gray(pixels, labels).numbers
    assert numbers.dtype == np.uint64 and len(set(numbers.tolist())) == 8
    assert (numbers & np.uint64(3) == 0).all()
    assert gray(pixels[order], labels[order]).numbers.tolist() == numbers[order].tolist()


def test_ink_has_numbers_by_the_names_of_files(tiny):
    order = np.random.default_rng(0).permutation(len(tiny))
    rows = [tuple(row) for row in tiny.table.astype(str).to_numpy()[order]]
    shuffled = Dataset.build("shuffled", tiny.images, rows)
    assert shuffled.numbers.tolist() == tiny.numbers[order].tolist()
    assert len(set(tiny.numbers.tolist())) == len(tiny)


def test_a_selection_of_pictures_keeps_pixels_ink_and_paper(draw):
    pixels, labels = draw(8, 6, 6), list("aabbccdd")
    chosen = gray(pixels, labels, "light").select(np.arange(8) >= 4, "some")
    np.testing.assert_array_equal(chosen.images[:], pixels[4:])
    assert (chosen.images.ink, chosen.images.paper) == ("light", (255,))
    assert chosen.digest == gray(pixels[4:], labels[4:], "light").digest
