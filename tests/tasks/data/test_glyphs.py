import hashlib
from collections import Counter

import numpy as np
import pytest
from wayshot.tasks.data import glyphs

# Of the first two alphabets at seed 0. When drawings change on purpose, so must glyphs.VERSION.
FROZEN = (1, "19c7eea39944ad68504466f379bad84e079930a36345e92cd49698b45ee32c2e")

OMNIGLOT_NAMES = {
    *("Alphabet_of_the_Magi", "Angelic", "Anglo-Saxon_Futhorc", "Arcadian", "Armenian"),
    *("Asomtavruli_(Georgian)", "Atemayar_Qelisayer", "Atlantean", "Aurek-Besh", "Avesta"),
    *("Balinese", "Bengali", "Blackfoot_(Canadian_Aboriginal_Syllabics)", "Braille"),
    *("Burmese_(Myanmar)", "Cyrillic", "Early_Aramaic", "Futurama", "Ge_ez", "Glagolitic"),
    *("Grantha", "Greek", "Gujarati", "Gurmukhi", "Hebrew", "Japanese_(hiragana)"),
    *("Inuktitut_(Canadian_Aboriginal_Syllabics)", "Japanese_(katakana)", "Kannada", "Keble"),
    *("Korean", "Latin", "Malay_(Jawi_-_Arabic)", "Malayalam", "Manipuri", "Mongolian"),
    *("Mkhedruli_(Georgian)", "N_Ko", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Oriya"),
    *("Old_Church_Slavonic_(Cyrillic)", "Sanskrit", "Sylheti", "Syriac_(Estrangelo)"),
    *("Syriac_(Serto)", "Tagalog", "Tengwar", "Tibetan", "Tifinagh", "ULOG"),
}


@pytest.fixture(scope="module")
def two():
    return glyphs.generate(0, 2)


@pytest.fixture(scope="module")
def three():
    return glyphs.generate(0, 3)


@pytest.fixture(scope="module")
def many():
    """Rows of 31 alphabets, and what progress was told."""
    done: list[int] = []
    _, rows = glyphs.generate(249, 31, progress=lambda total, title: done.append)
    return rows, done


@pytest.fixture(scope="module")
def images(three):
    bits, _ = three
    return np.unpackbits(bits, axis=1, count=105 * 105).reshape(-1, 105, 105)


def alphabets_of(rows):
    return list(dict.fromkeys(alphabet for alphabet, _, _ in rows))


def test_drawings_are_the_frozen_ones_of_this_version(two):
    bits, _ = two
    assert (glyphs.VERSION, hashlib.sha256(bits.tobytes()).hexdigest()) == FROZEN


def test_smaller_set_is_the_beginning_of_a_larger_one(two, three):
    bits, rows = two
    assert 0 < len(rows) < len(three[1])
    assert rows == three[1][: len(rows)]
    np.testing.assert_array_equal(bits, three[0][: len(bits)])


def test_global_random_state_is_neither_read_nor_changed():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, _ = glyphs.generate(5, 1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(glyphs.generate(5, 1)[0], first)


def test_other_seed_gives_other_drawings_and_names(three):
    bits, rows = glyphs.generate(1, 1)
    assert not {row.tobytes() for row in bits} & {row.tobytes() for row in three[0]}
    assert alphabets_of(rows) != alphabets_of(three[1])[:1]


def test_bits_are_packed_images_with_one_row_each(three):
    bits, rows = three
    assert bits.dtype == np.uint8
    assert bits.shape == (len(rows), 1379)
    # 105 * 105 = 11025 pixels leave seven bits of the last byte empty.
    assert not np.any(bits[:, -1] & 0b01111111)


def test_rows_name_twenty_drawers_of_each_character_in_order(three):
    _, rows = three
    expected = []
    for alphabet in alphabets_of(rows):
        count = len({character for name, character, _ in rows if name == alphabet})
        assert 14 <= count <= 55
        expected += [
            (alphabet, f"character{character:02d}", f"{drawer:02d}")
            for character in range(1, count + 1)
            for drawer in range(1, 21)
        ]
    assert rows == expected


def test_every_image_has_a_sane_amount_of_ink_that_touches_no_edge(images):
    ink = images.sum(axis=(1, 2))
    assert ink.min() >= 40
    assert ink.max() <= 4000
    # Omniglot's mean is 930 on the evaluation set and 856 on the background set.
    assert 650 < ink.mean() < 1150
    assert not images[:, [0, -1], :].any()
    assert not images[:, :, [0, -1]].any()


def test_characters_are_spread_about_the_middle_of_the_image(images):
    place = np.arange(105)
    for axis in (1, 2):
        ink = images.sum(axis=axis)
        centre = ink @ place / ink.sum(axis=1)
        assert 46 < centre.mean() < 55
        assert 3 < centre.std() < 10


def test_no_two_drawings_are_equal(three):
    bits, _ = three
    assert len(np.unique(bits, axis=0)) == len(bits)


def test_drawings_of_a_character_resemble_each_other(three, images):
    _, rows = three
    first = [index for index, row in enumerate(rows) if row[0] == rows[0][0]]
    centred = []
    for image in images[first]:
        middle = np.argwhere(image).mean(axis=0).round().astype(int)
        centred.append(np.roll(image, tuple(52 - middle), axis=(0, 1)).ravel())
    drawn = np.array(centred, dtype=np.float64).reshape(-1, 20, 105 * 105)
    some, others = drawn[:, :10].mean(axis=1), drawn[:, 10:].mean(axis=1)
    distances = (others**2).sum(axis=1) - 2 * some @ others.T
    correct = distances.argmin(axis=1) == np.arange(len(drawn))
    # Averages of ten drawings find their character among all of the alphabet.
    assert len(drawn) >= 14
    assert correct.mean() > 0.7


def test_alphabet_names_are_unique_file_names_that_omniglot_does_not_have():
    names: list[str] = []
    for seed in range(300):
        rng = np.random.Generator(np.random.PCG64(seed))
        names.append(glyphs._name(rng, names))
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isascii() for name in names)
    assert all(name.replace("_", "").isalpha() for name in names)
    assert not set(names) & OMNIGLOT_NAMES


def test_names_of_a_set_are_unique(many):
    rows, _ = many
    assert len(alphabets_of(rows)) == 31


def test_progress_counts_the_alphabets_done(many):
    _, done = many
    assert done == [1] * 31


def test_evaluation_alphabets_hold_at_least_twenty_characters(many):
    rows, _ = many
    classes = list(dict.fromkeys((alphabet, character) for alphabet, character, _ in rows))
    counts = list(Counter(alphabet for alphabet, _ in classes).values())
    assert 14 <= min(counts[:30]) < 20
    # The seed is one whose thirty-first alphabet would have fewer.
    assert counts[30] == 20


@pytest.mark.parametrize(
    ("seed", "alphabets", "message"),
    [(-1, 1, r"seed of glyphs must be 0 or more, got -1"), (0, 0, r"at least 1 alphabet, got 0")],
)
def test_impossible_request_is_refused_and_says_how_to_mend_it(seed, alphabets, message):
    with pytest.raises(ValueError, match=message):
        glyphs.generate(seed, alphabets)
