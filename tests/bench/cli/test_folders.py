"""Folders of anyone's images, from the command line."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image


def test_one_folder_by_any_path_is_one_stored_run(wayshot, characters, tmp_path):
    shutil.copytree(characters, tmp_path / "here" / "letters")
    shutil.copytree(characters, tmp_path / "there" / "others")
    here = tmp_path / "here" / "letters"
    paths = [here, f"{here.parent}/./letters/", tmp_path / "there" / "others"]
    tables = []
    for number, path in enumerate(paths):
        words = ("-s", "chance", "--episodes", 30, "--runs", tmp_path / "runs", "--json")
        status, out, err = wayshot("run", f"folder:{path}-within-5w1s", *words)
        assert status == 0
        assert ("1 of 1 runs were stored" in err) == (number > 0)
        assert ("was run as folder:letters-within-5w1s" in err) == (number == 2)
        tables.append(json.loads(out))
    assert tables[0] == tables[1] == tables[2]
    assert len(list((tmp_path / "runs").rglob("record.json"))) == 1


def test_what_is_left_out_of_a_folder_is_said_at_every_run(wayshot, characters, tmp_path):
    root = tmp_path / "letters"
    shutil.copytree(characters, root)
    (first, *_) = sorted(root.glob("*/*"))
    (first / "page.xyz").write_text("?")
    shutil.copy(next(first.glob("*.png")), first / "a copy of it.png")
    (root / first.parent.name / "empty").mkdir()
    Image.new("L", (50, 50), 255).save(first / "white.png")
    words = ("-s", "chance", "--episodes", 30, "--runs", tmp_path / "runs")
    for _ in range(2):
        err = wayshot("run", f"folder:{root}-within-5w1s", *words)[2]
        for remark in ("1 file ending in .xyz", "a copy of it.png are", "it is empty", "white.png"):
            assert remark in err
    said = json.loads(wayshot("describe", f"folder:{root}", "--json")[1])
    assert len(said["remarks"]) == 4
    assert said["ink"]["dark"] == said["images"] == 288
    assert "are the same picture" in wayshot("audit", "--protocol", f"folder:{root}-within-5w1s")[2]


def test_classes_that_are_too_small_are_left_out_on_request(wayshot, characters, tmp_path):
    root = tmp_path / "letters"
    shutil.copytree(characters, root)
    (first, *_) = sorted(root.glob("*/*"))
    for path in sorted(first.glob("*.png"))[1:]:
        path.unlink()
    words = ("-s", "chance", "--episodes", 30, "--runs", tmp_path / "runs")
    status, out, err = wayshot("run", f"folder:{root}-within-5w1s", *words)
    assert (status, out) == (2, "")
    assert f"{first.parent.name}/{first.name} has 1" in err and "-fitting" in err
    status, out, err = wayshot("run", f"folder:{root}-within-5w1s-fitting", *words)
    assert status == 0
    assert "classes with too few images left out" in " ".join(out.split())
    assert f"1 left out by -fitting, as they are too small: {first.parent.name}" in err


def test_a_sheet_of_a_folder_is_drawn(wayshot, characters, tmp_path):
    words = ("data", "sheet", f"folder:{characters}", "--images", 9)
    status, out, _ = wayshot(*words, "-o", tmp_path / "a.png")
    assert (status, out) == (0, f"{tmp_path / 'a.png'}: 9 images (9 clear)\n")
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > 1000
    said = json.loads(wayshot(*words, "-o", tmp_path / "b.png", "--json")[1])
    assert len(said["images"]) == 9
    for wrong in (
        ("data", "sheet", "letters"),
        ("data", "sheet", "lake-background"),
        ("data", "sheet", f"folder:{characters}@test"),
        ("data", "sheet", f"images:{characters}@0"),
        (*words, "-o", "x.jpg"),
        (*words, "-o", "no/x.png"),
    ):
        assert wayshot(*wrong)[0] == 2


def test_a_sheet_of_pictures_shows_each_class_as_scorers_get_it(wayshot, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (9, 10, 20, 3), dtype=np.uint8)
    for i, one in enumerate(pixels):
        (tmp_path / "birds" / f"c{i % 3}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(tmp_path / "birds" / f"c{i % 3}" / f"{i}.png")
    np.savez(tmp_path / "birds.npz", images=pixels, labels=np.arange(9) % 3)
    (tmp_path / "birds" / "test.txt").write_text("c1\n")
    for name, most, classes in (
        ("birds@16@gray", 3, {"c0", "c1", "c2"}),
        ("birds@test", 9, {"c1"}),
        ("birds.npz", 4, {"0", "1", "2"}),
    ):
        words = ("data", "sheet", f"images:{tmp_path / name}", "--images", most)
        status, out, _ = wayshot(*words, "-o", tmp_path / "a.png", "--json")
        said = json.loads(out)["images"]
        assert status == 0 and len(said) == min(most, 3 if classes == {"c1"} else most)
        assert {one["file"].split("/")[0] for one in said} == classes
        with Image.open(tmp_path / "a.png") as sheet:
            drawn = np.asarray(sheet)
        left, right = drawn[8:60, 8:113], drawn[8:60, 113:218]
        grays = [(one == one[..., :1]).all() for one in (left, right)]
        assert grays == ([False, True] if "gray" in name else [name == "birds.npz", False])


@pytest.mark.parametrize(
    "command",
    [
        ("episodes", "--out", "e.json"),
        pytest.param(("latency", "-s", "chance", "--queries", 1), marks=pytest.mark.slow),
    ],
)
def test_what_is_to_be_said_of_the_images_is_said_by_every_command(
    command, wayshot, characters, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "own"
    shutil.copytree(characters, root)
    first = next(root.rglob("*.png"))
    shutil.copy(first, first.with_name("a-long-name-of-a-copy.png"))
    name, *words = command
    status, _, err = wayshot(name, f"folder:{root}-within-2w1s", *words)
    assert status == 0
    assert "are the same picture, which is counted once" in err


RECIPE = """
name: mine
network: {backbone: "example_backbones:tiny", join: cosine, head: weighted}
data: lake-background
held_out: [Gujarati]
classes: {steps: 4, batch: 16, warmup_steps: 1}
pairs: {steps: 2, batch: 16}
validation_episodes: 20
"""


def divided(characters, root):
    """Divides the alphabets of a folder into three parts."""
    shutil.copytree(characters, root)
    alphabets = sorted(path for path in root.iterdir() if path.is_dir())
    some_of = {"train": alphabets[:-2], "validation": alphabets[-2:-1], "test": alphabets[-1:]}
    for part, some in some_of.items():
        names = [f"{one.name}/{of.name}" for one in some for of in sorted(one.iterdir())]
        (root / f"{part}.txt").write_text("\n".join(names))


def test_what_is_trained_on_one_part_is_tested_on_another(wayshot, characters, tmp_path):
    root, out = tmp_path / "letters", tmp_path / "out"
    divided(characters, root)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    words = ["train", tmp_path / "recipe.yaml", "--backbone", "example_backbones:tiny"]
    status, _, err = wayshot(*words, "--on", f"folder:{root}", "--out", out)
    assert status == 2 and f"train on folder:{root}@train" in err
    status, printed, _ = wayshot(*words, "--on", f"folder:{root}@train", "--out", out, "--json")
    card = json.loads(printed)
    tested = len(list(root.glob("*/*"))) - card["data"]["characters_seen"]
    assert status == 0 and tested > 0
    assert card["data"]["held_out_alphabets"] == [] and card["validation_ways"] <= 20
    assert "Omniglot" not in card["licence"] and set(card["validation"]) == {"between"}
    network = out / "mine.keras"
    options = ("-s", network, "--engine", "keras", "--episodes", 20, "--json")
    for part, leaked in (("test", 0), ("train", card["data"]["characters_seen"])):
        status, printed, _ = wayshot(
            "run", f"folder:{root}@{part}-between-3w1s", "--runs", tmp_path / "runs", *options
        )
        record = json.loads(printed)["results"][0]
        assert status == 0 and bool(record["leaked_characters"]) == bool(leaked), part


def test_a_scorer_that_does_not_take_colour_fails_alone(wayshot, tmp_path):
    for number in range(40):
        folder = tmp_path / "birds" / f"class{number % 8}"
        folder.mkdir(parents=True, exist_ok=True)
        shade = (number * 6, 255 - number * 6, 40 * (number % 8))
        picture = Image.new("RGB", (16, 16), shade)
        picture.putpixel((number % 16, 3), (255, 0, 0))
        picture.save(folder / f"{number}.png")
    words = ("-s", "hausdorff", "-s", "pixel-cosine", "--episodes", 20, "--runs", tmp_path / "runs")
    status, out, err = wayshot("run", f"images:{tmp_path / 'birds'}-between-5w1s", *words)
    assert status == 1 and "pixel-cosine" in out
    assert "hausdorff: failed: takes ink images, and these are in colour" in err
    assert "@gray" in err
    status, out, _ = wayshot("run", f"images:{tmp_path / 'birds'}@gray-between-5w1s", *words)
    assert status == 0 and "hausdorff" in out


def test_verification_on_one_alphabet_is_refused_before_anything_is_run(
    wayshot, characters, tmp_path
):
    (first, *_) = sorted(path for path in characters.iterdir() if path.is_dir())
    words = ("-s", "chance", "--episodes", 20, "--runs", tmp_path / "runs", "--verification")
    status, _, err = wayshot("run", f"folder:{first}-within-3w1s", *words)
    assert status == 2 and "in one alphabet" in err
    assert not (tmp_path / "runs").exists()


def test_data_are_looked_for_before_scorers_are_made(wayshot, tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text("raise RuntimeError('it was made')\n")
    monkeypatch.chdir(tmp_path)
    status, _, err = wayshot("run", "folder:nowhere-within-5w1s", "-s", "slow:One")
    assert status == 2 and "no such folder" in err and "was made" not in err
