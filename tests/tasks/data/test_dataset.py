import numpy as np
import pytest
from wayshot.tasks import Dataset
from wayshot.tasks.data.dataset import concatenate


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
