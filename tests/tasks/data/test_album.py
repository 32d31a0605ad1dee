from __future__ import annotations

import os

import numpy as np
import PIL.Image
import pytest
from PIL import Image
from wayshot.tasks import episodes_digest, open_protocol, parse
from wayshot.tasks.data import album, content
from wayshot.tasks.data.album import load, read_spec
from wayshot.tasks.data.settings import Settings

pytestmark = pytest.mark.usefixtures("no_omniglot")


def entries(cache):
    return list((cache / "datasets").iterdir()) if (cache / "datasets").exists() else []


@pytest.mark.parametrize("deep", [(), (3,)])
def test_pictures_are_what_the_files_are_class_by_class(classes, draw, deep):
    pixels = draw(12, 8, 10, *deep)
    dataset = load(str(classes(pixels)))
    assert dataset.name == "images:set"
    assert dataset.images.kind == ("color" if deep else "gray")
    assert isinstance(dataset.images.pixels, np.memmap)
    for row, file in enumerate(dataset.table["file"]):
        np.testing.assert_array_equal(dataset.images[row], pixels[int(file[2:6])])
    assert dataset.table["character"].tolist() == sorted(list("0123") * 3)
    assert dataset.remarks == ()


def test_the_order_in_a_class_does_not_depend_on_names(classes, draw):
    pixels = draw(12, 8, 8)
    first, second = (
        load(str(classes(pixels[order], name=name)))
        for name, order in (("a", np.arange(12)), ("b", np.arange(12).reshape(3, 4)[::-1].ravel()))
    )
    assert first.digest == second.digest
    np.testing.assert_array_equal(first.images[:], second.images[:])
    assert first.numbers.tolist() == second.numbers.tolist()


def test_one_picture_with_a_colour_makes_the_set_colour(classes, draw, monkeypatch):
    # Far fewer than all are looked at before.
    monkeypatch.setattr(album, "_SAMPLE", 2)
    pixels = np.repeat(draw(12, 8, 8, 1), 3, axis=-1)
    root = classes(pixels)
    assert load(str(root)).images.kind == "gray"
    pixels[5, 3, 3, 0] ^= 4
    dataset = load(str(classes(pixels)))
    assert dataset.images.kind == "color"
    found = sorted(one.tobytes() for one in dataset.images[:])
    assert found == sorted(one.tobytes() for one in pixels)


@pytest.mark.parametrize("sides", [(8, 8), (8, 12)])
def test_gray_files_among_colours_are_counted(sides, classes, draw, save):
    root = classes(draw(6, sides[0], sides[0], 3))
    for i, gray in enumerate(draw(4, sides[1], sides[0], seed=1)):
        # Some in one channel, some in three.
        save(root / f"{i}" / "gray.png", np.stack([gray] * 3, axis=-1) if i % 2 else gray)
    said = [one for one in load(str(root)).remarks if "gray" in one]
    assert len(said) == 1
    assert said[0].startswith("4 of 10 pictures are gray, and shown in colour beside the others; ")
    assert "kind: gray" in said[0]
    for kind in ("gray", "color"):
        assert not [one for one in load(f"{root}@{kind}").remarks if "are gray" in one]


def test_a_set_of_one_kind_has_no_remark_on_colours(classes, draw):
    assert load(str(classes(draw(8, 8, 8, 3)))).remarks == ()
    assert load(str(classes(draw(8, 8, 8), name="gray"))).remarks == ()


def test_gray_files_in_three_channels_are_those_in_one(classes, draw):
    pixels = draw(12, 8, 8)
    deep = np.repeat(pixels[..., None], 3, axis=-1)
    assert load(str(classes(deep, name="a"))).digest == load(str(classes(pixels, name="b"))).digest


def test_pictures_of_other_sizes_are_fitted_and_that_is_said(classes, draw, save):
    root = classes(draw(8, 20, 30))
    save(root / "0" / "tall.png", draw(40, 10))
    dataset = load(str(root))
    assert dataset.images.shape == (9, 84, 84)
    assert dataset.remarks == (
        "pictures of 40 x 10 to 20 x 30 pixels are fitted into 84 x 84; images:PATH@SIZE names "
        "another size",
    )
    small = load(f"{root}@16")
    assert small.images.shape == (9, 16, 16) and small.remarks == ()


@pytest.mark.parametrize("deep", [(), (3,)])
def test_the_aspect_is_kept_with_paper_around(classes, deep):
    paper = (200, 210, 220) if deep else 200
    pixels = np.zeros((8, 20, 40, *deep), dtype=np.uint8)
    pixels[:] = paper
    for i, one in enumerate(pixels):
        one[6:14, 6 + 3 * i : 14 + 3 * i] = (9, 99, 3 * i) if deep else 3 * i
    dataset = load(f"{classes(pixels)}@20")
    for row, file in enumerate(dataset.table["file"]):
        picture = pixels[int(file[2:6])].astype(float)
        middle = picture.reshape(10, 2, 20, 2, *deep).mean(axis=(1, 3))
        expected = np.full((20, 20, *deep), paper, dtype=float)
        expected[5:15] = middle
        assert np.abs(dataset.images[row] - expected).max() <= 1
    assert dataset.images.paper == (paper if deep else (paper,))


def test_colour_turns_to_gray_by_luminance_and_gray_to_three_channels(classes, draw):
    pixels = draw(8, 9, 9, 3)
    root = classes(pixels)
    gray = load(f"{root}@gray")
    expected = pixels @ [0.299, 0.587, 0.114]
    for row, file in enumerate(gray.table["file"]):
        assert np.abs(gray.images[row] - expected[int(file[2:6])]).max() <= 0.51
    root = classes(gray.images[:], name="gray")
    deep = load(f"{root}@12@color").images
    assert deep.shape == (8, 12, 12, 3)
    assert (deep[:] == deep[:][..., :1]).all()


def test_a_file_of_settings_says_the_same_as_the_name_and_the_name_wins(classes, draw):
    root = classes(draw(8, 9, 9, 3))
    (root / "wayshot.yaml").write_text("kind: gray\nsize: 12\nink: light\n")
    said = load(str(root))
    assert said.images.shape == (8, 12, 12) and said.images.ink == "light"
    assert said.remarks == ()
    named = load(f"{root}@10@color")
    assert named.images.shape == (8, 10, 10, 3)


@pytest.mark.parametrize(
    ("spec", "path", "asked"),
    [
        ("a/b", "a/b", Settings()),
        ("a@84", "a", Settings(size=84)),
        ("a@gray", "a", Settings(kind="gray")),
        ("a@84@color", "a", Settings(size=84, kind="color")),
        ("me@home/a@8", "me@home/a", Settings(size=8)),
        ("a@84x", "a@84x", Settings()),
    ],
)
def test_a_name_has_path_size_and_kind(spec, path, asked):
    root, found = read_spec(spec)
    assert (str(root), found) == (path, asked)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("a@0", "size 0, expected 1 to 4096 pixels"),
        ("a@4097", "size is 4097"),
        ("", "no path, expected images:PATH"),
        ("@gray", "no path, expected images:PATH"),
        ("a\nb", "images:a\\nb: no such folder; expected group/class"),
    ],
)
def test_an_impossible_name_is_refused(spec, reason, refused):
    assert reason in refused(load, spec)


def test_ink_is_told_by_the_paper_or_by_the_settings(classes, draw):
    white = np.full((8, 9, 9), 250, dtype=np.uint8)
    white[:, 3:6, 3:6] = draw(8, 3, 3)
    for pixels, ink in ((white, "dark"), (255 - white, "light")):
        assert load(str(classes(pixels, name=ink))).images.ink == ink
    root = classes(white, name="said")
    (root / "wayshot.yaml").write_text("ink: light")
    said = load(str(root))
    assert said.images.ink == "light"
    # Scorers may be given other pixels, and episodes have another order.
    assert said.digest != load(str(root.parent / "dark")).digest


def test_the_digest_and_the_episodes_do_not_depend_on_where_the_folder_lies(classes, draw):
    root = classes(draw(24, 8, 8))
    digests = []
    for _ in range(2):
        source = open_protocol(parse(f"images:{root}-within-3w1s"))
        digests.append((source.dataset.digest, episodes_digest(source, 20)))
        root = root.rename(root.parent / "moved")
    assert digests[0] == digests[1]


def test_the_second_use_decodes_nothing_and_a_changed_picture_is_noticed(
    classes, draw, save, monkeypatch
):
    root = classes(draw(8, 9, 9))
    first = load(str(root))
    with monkeypatch.context() as patch:
        patch.setattr(PIL.Image, "open", lambda *a, **k: pytest.fail("decoded again"))
        assert load(str(root)).digest == first.digest
    save(root / "0" / "0000.png", draw(9, 9, seed=5))
    os.utime(root / "0" / "0000.png", ns=(1, 1))
    assert load(str(root)).digest != first.digest


def test_a_folder_that_has_not_changed_is_not_listed_again(classes, draw, save, monkeypatch):
    # As if all had been written long ago.
    monkeypatch.setattr(content, "_SETTLED", -60)
    root = classes(draw(12, 9, 9))
    (root / "test.txt").write_text("1\n")
    whole, test = load(str(root)), load(str(root), "test")
    with monkeypatch.context() as patch:
        patch.setattr(album, "listed", lambda *a: pytest.fail("listed again"))
        for part, first in (("all", whole), ("test", test)):
            again = load(str(root), part)
            assert (again.digest, again.name, again.remarks) == (
                first.digest,
                first.name,
                first.remarks,
            )
            assert again.table.astype(str).equals(first.table.astype(str))
    (root / "test.txt").write_text("2\n")
    assert set(load(str(root), "test").table["character"]) == {"2"}
    save(root / "2" / "new.png", draw(9, 9, seed=7))
    assert len(load(str(root))) == 13
    (root / "wayshot.yaml").write_text("size: 4")
    assert load(str(root)).images.side == 4


def test_copies_are_counted_once_and_blank_pictures_left_out(classes, draw, save):
    pixels = draw(8, 9, 9)
    root = classes(pixels)
    save(root / "1" / "copy of it.bmp", pixels[1])
    save(root / "2" / "white.png", np.full((9, 9), 255, np.uint8))
    save(root / "9" / "black.png", np.zeros((9, 9), np.uint8))
    dataset = load(str(root))
    assert len(dataset) == 8
    assert dataset.remarks == (
        "2: 1 of 3 images left out (white.png), which show nothing: one shade, or too small",
        "9: 1 of 1 images left out (black.png), which show nothing: one shade, or too small, so "
        "that it is no class",
        "1/0001.png and 1/copy of it.bmp are the same picture, which is counted once",
    )
    assert load(str(root)).remarks == dataset.remarks


def test_a_blank_picture_is_one_though_paper_is_put_around_it(classes, draw, save):
    root = classes(draw(8, 9, 9))
    save(root / "0" / "blank.png", np.full((4, 9), 3, np.uint8))
    dataset = load(f"{root}@12")
    assert len(dataset) == 8 and "blank.png" in dataset.remarks[0]


def test_one_picture_in_two_classes_is_refused_and_leaves_nothing(
    classes, draw, save, refused, empty_cache
):
    pixels = draw(8, 9, 9)
    root = classes(pixels)
    save(root / "3" / "same.png", pixels[1])
    message = refused(load, str(root))
    assert "one picture is in two characters" in message and "remove it from one" in message
    assert "1/0001.png" in message and "3/same.png" in message
    assert entries(empty_cache) == []


def test_a_folder_of_blank_pictures_is_refused(classes, refused, empty_cache):
    root = classes(np.zeros((4, 9, 9), np.uint8))
    assert "all 4 pictures are of one shade; put pictures there" in refused(load, str(root))
    assert entries(empty_cache) == []


def test_nothing_is_left_when_decoding_fails_in_the_middle(
    classes, draw, refused, empty_cache, monkeypatch
):
    monkeypatch.setattr(album, "_SAMPLE", 1)
    root = classes(draw(12, 9, 9))
    path = root / "2" / "0006.png"
    path.write_bytes(path.read_bytes()[:-30])
    assert "2/0006.png: damaged image" in refused(load, str(root))
    assert entries(empty_cache) == []
    path.unlink()
    assert len(load(str(root))) == 11


def test_an_interrupt_in_the_middle_leaves_nothing(classes, draw, empty_cache, monkeypatch):
    real, calls = album.decode, []

    def stop(path):
        calls.append(path)
        if len(calls) > 16:
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(album, "decode", stop)
    with pytest.raises(KeyboardInterrupt):
        load(str(classes(draw(12, 9, 9))))
    assert entries(empty_cache) == []


def test_too_many_pixels_are_refused_before_they_are_written(classes, draw, refused, monkeypatch):
    monkeypatch.setattr(album, "_MOST", 12 * 81 - 1)
    root = classes(draw(12, 9, 9))
    message = refused(load, str(root))
    assert "12 pictures of 9 x 9 pixels are too many" in message
    assert f"images:{root}@84" in message


def test_progress_is_shown_picture_by_picture(classes, draw):
    seen = {}

    def progress(total, title):
        seen[title] = [total, 0]
        return lambda done: seen[title].__setitem__(1, seen[title][1] + done)

    load(str(classes(draw(8, 9, 9))), progress=progress)
    assert seen == {"Measuring images:set": [8, 8], "Reading images:set": [8, 8]}


def test_pictures_that_are_not_square_cannot_be_turned(classes, draw, refused):
    asked = f"images:{classes(draw(24, 6, 8))}-within-3w1s"
    assert len(open_protocol(parse(asked)).block(0)) > 0
    message = refused(open_protocol, parse(f"{asked}-rot"))
    assert "6 x 8 pixels cannot be turned; make them square" in message


def test_a_link_to_a_picture_is_read_and_one_to_nowhere_is_named(classes, draw, save, refused):
    root = classes(draw(8, 9, 9))
    outside = save(root.parent / "outside.png", draw(9, 9, seed=3))
    link = root / "0" / "link.png"
    link.symlink_to(outside)
    assert len(load(str(root))) == 9
    outside.unlink()
    assert "0/link.png is no file but a link to nowhere" in refused(load, str(root))


def test_a_picture_larger_than_allowed_is_refused(classes, draw, refused):
    root = classes(draw(4, 9, 9))
    Image.new("1", (5000, 5000)).save(root / "0" / "large.png")
    assert "0/large.png: 5000 x 5000 pixels, expected at most" in refused(load, str(root))
