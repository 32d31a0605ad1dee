import base64
import io

import numpy as np
import pytest
from PIL import Image
from wayshot.results.pictures import gathered
from wayshot.results.report.browsing import MOST_TRIALS, browsed
from wayshot.results.report.drawings import Sheet


def opened(url):
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_trial_says_what_every_scorer_chose(stored, drawn):
    runs = stored("good", "fair")
    material = gathered(runs)
    found = browsed(material, "lake-within-4w1s", (drawn(), "")).data
    trials = {name: run.trials for name, run in zip(("good", "fair"), runs, strict=True)}
    for number, scorer in enumerate(found["scorers"]):
        for place, (predicted, credit, margin) in enumerate(found["answers"][number]):
            row = trials[scorer].iloc[place]
            assert (predicted, credit) == (row["predicted"], row["credit"])
            assert margin == pytest.approx(row["margin"], rel=1e-3)
            assert found["scores"][str(number)][place][row["target"]] == pytest.approx(
                np.float64(runs[number].scores[place, row["target"]]), abs=1e-3
            )


def test_the_support_and_the_query_of_a_trial_are_its_images(stored, drawn):
    source = drawn()
    found = browsed(gathered(stored("good", "fair")), "lake-within-4w1s", (source, "")).data
    sheet = np.asarray(opened(found["sheet"]["url"]).convert("L"))

    def pixels(tile):
        row, column = divmod(tile, found["sheet"]["across"])
        return sheet[12 * row : 12 * row + 12, 12 * column : 12 * column + 12] == 0

    assert found["trials"]
    for episode, query, target, alphabet, character, _, tile in found["trials"]:
        support, queries = source.episode(episode)
        np.testing.assert_array_equal(pixels(tile), source.images[queries[query]])
        for way, (name, tiles) in enumerate(found["support"][str(episode)]):
            np.testing.assert_array_equal(pixels(tiles[0]), source.images[support[way, 0]])
            assert found["names"][name] == "/".join(source.names([support[way, 0]])[0][:2])
        assert character == found["support"][str(episode)][target][0]
        assert found["names"][character].startswith(found["names"][alphabet] + "/")


def test_confused_characters_come_with_all_their_drawings(stored, drawn):
    source = drawn()
    found = browsed(gathered(stored("good", "fair")), "lake-within-4w1s", (source, ""))
    assert found.confused
    for pair in found.confused:
        assert pair["names"][0] != pair["names"][1]
        assert [len(tiles) for tiles in pair["tiles"]] == [4, 4]


@pytest.mark.parametrize("images", [True, False])
def test_of_many_trials_the_errors_of_the_best_come_first(stored, drawn, images):
    runs = stored("good", "fair", "poor", episodes=600)
    source = (drawn(), "") if images else (None, "none")
    found = browsed(gathered(runs), "lake-within-4w1s", source)
    assert found.n == 2400 and found.shown <= MOST_TRIALS
    best = found.data["answers"][found.data["scorers"].index("good")]
    wrong = np.mean([credit < 1 for _, credit, _ in best])
    assert wrong > 1.5 * np.mean(runs[0].trials["credit"] < 1)
    places = [tuple(one[:2]) for one in found.data["trials"]]
    assert places == sorted(places)


def test_without_images_classes_are_named_by_the_queries(stored):
    found = browsed(gathered(stored("a", "b")), "lake-within-4w1s", (None, "none")).data
    for episode, _, target, _, character, *_ in found["trials"]:
        assert found["support"][str(episode)][target][0] == character
    assert found["sheet"] is None


def test_pictures_in_shades_are_made_small(drawn):
    source = drawn(ink=False)
    source.images = np.repeat(np.repeat(source.images, 20, axis=1), 20, axis=2)
    sheet = Sheet()
    for row in (5, 3, 5, -1):
        sheet.tile(row)
    assert sheet.rows == [5, 3]
    picture = opened(sheet.drawn(source)["url"])
    assert picture.size == (40 * 64, 64)


def test_a_sheet_of_ink_has_one_bit_a_pixel(drawn):
    sheet = Sheet()
    for row in range(90):
        sheet.tile(row)
    about = sheet.drawn(drawn())
    picture = opened(about["url"])
    assert picture.mode == "1" and picture.size == (40 * 12, 3 * 12)
    assert (about["across"], about["down"], about["aspect"]) == (40, 3, 1)
