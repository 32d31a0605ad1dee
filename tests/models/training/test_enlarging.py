from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from wayshot.models import ModelError
from wayshot.models.training.enlarging import enlarged
from wayshot.tasks import Dataset, Images, from_arrays, load_glyphs


@pytest.fixture(scope="module")
def few(background) -> Dataset:
    """Six characters of each of two alphabets, in ten drawings."""
    table = background.table.astype(str)
    number = table["character"].str[-2:].astype(int)
    alphabets = table["alphabet"].unique()[:2]
    keep = table["alphabet"].isin(alphabets) & (number <= 6) & (table["drawer"].astype(int) <= 10)
    return background.select(keep.to_numpy(), "few")


def new_rows(more: Dataset, few: Dataset) -> np.ndarray:
    return np.arange(len(few), len(more))


def test_without_options_nothing_is_added(recipe, few):
    assert enlarged(recipe(), few, 1) is few


def test_the_first_drawers_are_trained_on(recipe, few):
    kept = enlarged(recipe(drawers=3), few, 1)
    rows = np.flatnonzero(few.table["drawer"].astype(int) <= 3)
    assert len(rows) == 3 * len(few.characters)
    np.testing.assert_array_equal(kept.images[:], few.images[rows])


def test_the_first_drawers_are_redrawn_and_composed(recipe, few):
    more = enlarged(recipe(drawers=3, redrawn=2, composed=4, glyphs=1), few, 1)
    counts = np.bincount(more.character_codes)
    assert set(counts[:12]) == {9} and set(counts[12:]) == {3}
    # Redrawings are no further drawers, of whom only the first would count.
    assert len(more) > 12 * 9


@pytest.mark.parametrize("change", [{"redrawn": 2}, {"composed": 3}, {"glyphs": 1}])
def test_what_is_made_is_a_function_of_recipe_and_seed(change, recipe, few):
    first, again, other = (enlarged(recipe(**change), few, seed) for seed in (1, 1, 2))
    assert first.digest == again.digest
    # The made-up alphabets are the same for every seed.
    assert (first.digest == other.digest) == ("glyphs" in change)
    np.testing.assert_array_equal(first.images[np.arange(len(few))], few.images[:])
    assert first.table["file"].is_unique


def test_redrawn_images_are_further_drawings_of_the_same_characters(recipe, few):
    more = enlarged(recipe(redrawn=2), few, 1)
    assert len(more) == 3 * len(few) and len(more.characters) == len(few.characters)
    codes = more.character_codes.reshape(3, -1)
    assert (codes == codes[0]).all()
    assert (np.bincount(more.character_codes) == 30).all()


def to_nearest(ink: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean distance from the ink of each image to the nearest ink of each other image."""
    far = np.stack([ndimage.distance_transform_edt(~image) for image in other])
    shares = ink.reshape(len(ink), -1) / ink.sum(axis=(1, 2))[:, None]
    return shares @ far.reshape(len(other), -1).T


def test_a_redrawn_image_is_near_to_its_original_and_not_the_same(recipe, few):
    more = enlarged(recipe(redrawn=1), few, 1)
    originals, redrawn = more.images[np.arange(len(few))] > 0, more.images[new_rows(more, few)] > 0
    assert not (originals == redrawn).all(axis=(1, 2)).any()
    distances = to_nearest(redrawn, originals) + to_nearest(originals, redrawn).T
    own = np.diagonal(distances)
    assert 0.3 < own.mean() < 2.5 and own.max() < 6
    # No drawing of another character is as near, but for one in fifty images.
    others = few.character_codes[:, None] != few.character_codes
    nearest = np.where(others, distances, np.inf).min(axis=1)
    assert (own < nearest).mean() > 0.98
    # Pens differ more than before.
    assert redrawn.sum(axis=(1, 2)).std() > originals.sum(axis=(1, 2)).std()


def test_composed_characters_are_new_ones_of_the_same_alphabets(recipe, few):
    more = enlarged(recipe(composed=5), few, 1)
    rows = new_rows(more, few)
    table = more.table.iloc[rows].astype(str)
    sizes = table.groupby("alphabet")["character"].nunique()
    assert sizes.to_dict() == dict.fromkeys(few.characters["alphabet"].unique(), 5)
    assert set(table.groupby(["alphabet", "character"]).size()) == {10}
    own = few.characters.groupby("alphabet")["character"].agg(set)
    for alphabet, name in (
        table[["alphabet", "character"]].drop_duplicates().itertuples(index=False)
    ):
        first, kind, second = name.split(" ")
        assert {first, second} <= own[alphabet] and first != second
        assert kind in ("beside", "above", "over")
    assert (more.images[rows].sum(axis=(1, 2)) > 100).all()


def halves(image: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Cuts an image in two at the emptiest row or column near its middle."""
    turned = image if kind == "above" else image.T
    ink = turned.sum(axis=1)
    cut = 30 + int(np.argmin(ink[30:75]))
    return turned[:cut], turned[cut:]


def test_both_characters_are_in_a_composed_one_by_the_same_drawer(recipe):
    """A drawer of thick bars and one of thin ones; the characters are a bar and a cross."""
    images, rows = np.zeros((8, 105, 105), np.uint8), []
    for number in range(4):
        upright = slice(35, 65) if number % 2 else slice(10, 90)
        images[number, upright, 50:55] = 1
        images[4 + number, 48:53, 30:70] = 1
        images[4 + number, upright, 45:50] = 1
    for character in ("bar", "cross"):
        rows += [("A", character, f"{d}", f"{character}{d}") for d in range(4)]
    data = Dataset.build("bars", Images.of(images), rows)
    # All that can be composed of two: two beside, two above, one over the other.
    more = enlarged(recipe(composed=5), data, 1)
    made = more.table.iloc[8:].astype(str).reset_index(drop=True)
    pixels = more.images[np.arange(8, len(more))] > 0
    assert sorted(made["character"].unique()) == [
        "bar above cross",
        "bar beside cross",
        "bar over cross",
        "cross above bar",
        "cross beside bar",
    ]
    for row, image in zip(made.itertuples(), pixels, strict=True):
        kind = row.character.split(" ")[1]
        assert ndimage.label(image, np.ones((3, 3)))[1] == (1 if kind == "over" else 2)
        if kind == "beside":
            first, second = halves(image, kind)
            wide = {"bar": 8, "cross": 30}
            for half, name in zip((first, second), row.character.split(" beside "), strict=True):
                assert (np.ptp(np.flatnonzero(half.any(axis=1))) > wide["bar"]) == (name == "cross")
                tall = np.ptp(np.flatnonzero(half.any(axis=0)))
                # A drawer of short bars drew both.
                assert (tall < 50) == (row.drawer in "13")


def test_drawings_are_paired_in_their_order_where_no_drawer_drew_both(recipe, few):
    table = few.table.astype(str)
    table["drawer"] = table["file"]
    more = enlarged(recipe(composed=1), Dataset.build("few", few.images, table), 1)
    assert list(np.bincount(more.character_codes)[12:]) == [10, 10]


def test_made_up_alphabets_are_not_those_of_the_protocols(recipe, few):
    one, two = (enlarged(recipe(glyphs=count), few, 1) for count in (1, 2))
    rows = new_rows(two, few)
    made = two.table.iloc[rows]["alphabet"].astype(str)
    assert made.nunique() == 2 and made.str.endswith(" (made up)").all()
    assert not set(two.images.keys[rows].tolist()) & set(load_glyphs().images.keys.tolist())
    np.testing.assert_array_equal(two.images.bits[: len(one)], one.images.bits)


def test_too_many_composed_characters_are_refused(recipe, few):
    with pytest.raises(ModelError, match=r"76 characters .* the 6 of \w+, at most 75; lower"):
        enlarged(recipe(composed=76), few, 1)
    assert len(enlarged(recipe(composed=75), few, 1).characters) == 12 + 150


@pytest.mark.parametrize("change", [{"redrawn": 1}, {"composed": 1}, {"glyphs": 1}])
def test_pictures_are_refused(change, recipe):
    rng = np.random.default_rng(0)
    pictures = from_arrays(rng.integers(0, 255, (12, 20, 20), np.uint8), np.repeat([0, 1, 2], 4))
    (name,) = change
    with pytest.raises(ModelError, match=f"recipe tiny: {name} need images of ink, 105 x 105"):
        enlarged(recipe(**change), pictures, 1)
    assert len(enlarged(recipe(), pictures, 1)) == 12


def test_progress_is_shown_over_all_images(recipe, few):
    shown = []

    def progress(total, title):
        done = []
        shown.append((total, title, done))
        return done.append

    enlarged(recipe(redrawn=1, composed=3), few, 1, progress)
    assert [title for _, title, _ in shown] == ["Redrawing", "Composing"]
    assert all(sum(done) == total for total, _, done in shown)
