from functools import cache

import numpy as np
import pytest
from wayshot.tasks import SPLITS, TaskError, load, splits

once = cache(load)
"""For the tests that only look."""


@pytest.fixture(scope="module")
def truth(golden):
    return golden("omniglot")


def classes(dataset):
    return set(dataset.characters.itertuples(index=False, name=None))


def alphabets(dataset):
    return set(dataset.characters["alphabet"])


@pytest.mark.usefixtures("omniglot")
class TestOmniglot:
    def test_parts_have_the_published_numbers_of_characters(self, truth):
        for name, count in truth["characters"].items():
            dataset = once(*name.split("-"))
            assert (name, len(dataset.characters)) == (name, count)
            assert len(dataset) == 20 * count

    def test_parts_have_the_published_numbers_of_alphabets(self, truth):
        counts = {name: len(alphabets(once(*name.split("-")))) for name in truth["alphabets"]}
        assert counts == truth["alphabets"]

    @pytest.mark.parametrize("split", ["small1", "small2"])
    def test_small_sets_have_the_published_alphabets(self, truth, split):
        assert alphabets(once(split, "background")) == set(truth[split])
        assert once(split, "evaluation").digest == truth["parts"]["images_evaluation"]["pixels"]

    def test_lake_is_the_official_files(self, truth):
        for part in ("background", "evaluation"):
            assert once("lake", part).digest == truth["parts"][f"images_{part}"]["pixels"]

    def test_vinyals_is_cut_as_released(self, truth):
        parts = {part: once("vinyals", part) for part in SPLITS["vinyals"].parts}
        assert alphabets(parts["validation"]) == set(truth["vinyals_validation"])
        for part, count in truth["vinyals_gurmukhi"].items():
            assert (parts[part].characters["alphabet"] == "Gurmukhi").sum() == count
        last = parts["train"].characters.query("alphabet == 'Gurmukhi'")["character"].max()
        first = parts["test"].characters.query("alphabet == 'Gurmukhi'")["character"].min()
        assert (last, first) == ("character41", "character42")

    def test_vinyals_train_holds_characters_of_the_evaluation_set(self, truth):
        leaked = classes(once("vinyals", "train")) & classes(once("lake", "evaluation"))
        assert len(leaked) == truth["leaked"]["characters"]

    def test_meta_validation_has_the_published_alphabets(self, truth):
        assert alphabets(once("meta", "validation")) == set(truth["meta_validation"])
        assert once("meta", "test").digest == once("lake", "evaluation").digest

    @pytest.mark.parametrize("split", ["lake", "vinyals", "meta", "small1", "small2"])
    def test_parts_share_no_character_and_no_file(self, split):
        parts = [once(split, part) for part in SPLITS[split].parts]
        assert sum(len(classes(part)) for part in parts) == len(set().union(*map(classes, parts)))
        files = np.concatenate([part.table["file"].to_numpy(str) for part in parts])
        assert len(np.unique(files)) == len(files)

    def test_background_alphabets_too_small_for_twenty_ways_are_known(self, truth):
        sizes = once("lake", "background").characters["alphabet"].value_counts()
        assert sizes[sizes < 20].to_dict() == truth["fewer_than_20_characters"]

    def test_an_unknown_split_is_refused(self):
        for part in ("evaluation", "test", "background"):
            with pytest.raises(TaskError, match="nosuch"):
                load("nosuch", part)

    def test_an_unknown_part_is_refused(self):
        for split, part in (("lake", "train"), ("vinyals", "nosuch"), ("meta", "evaluation")):
            with pytest.raises(TaskError, match=part):
                load(split, part)


@pytest.mark.usefixtures("no_omniglot")
@pytest.mark.parametrize("split", ["lake", "vinyals", "meta", "small1", "small2"])
def test_every_part_needs_the_data_and_says_so(split):
    for part in SPLITS[split].parts:
        with pytest.raises(TaskError, match="wayshot data fetch"):
            load(split, part)


def test_glyphs_are_cut_after_thirty_alphabets(monkeypatch, make_dataset):
    few = make_dataset((1,) * 10, 2)
    rows = [
        (f"{tens}{alphabet}", character, drawer, f"{tens}{file}")
        for tens in range(5)
        for alphabet, character, drawer, file in few.table.astype(str).to_numpy()
    ]
    images = splits.Images(np.tile(few.images.bits, (5, 1)))
    fifty = splits.Dataset.build("glyphs", images, rows)
    monkeypatch.setattr(splits, "load_glyphs", lambda progress: fifty)
    background, evaluation = load("glyphs", "background"), load("glyphs", "evaluation")
    assert len(alphabets(background)) == 30
    assert len(alphabets(evaluation)) == 20
    assert alphabets(background) | alphabets(evaluation) == alphabets(fifty)
    assert len(background) + len(evaluation) == len(fifty)


def test_a_folder_is_a_split_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(splits.folder, "load", lambda path, part, progress: (path, part))
    assert load(f"folder:{tmp_path}", "all") == (str(tmp_path), "all")
