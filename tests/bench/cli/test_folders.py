"""Folders of anyone's images, from the command line."""

import json
import shutil

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
        (*words, "-o", "x.jpg"),
        (*words, "-o", "no/x.png"),
    ):
        assert wayshot(*wrong)[0] == 2
