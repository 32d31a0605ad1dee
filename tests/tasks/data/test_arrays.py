from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from wayshot.tasks import Sampler, episodes_digest, from_arrays, open_protocol, parse
from wayshot.tasks.data import album, arrays

pytestmark = pytest.mark.usefixtures("no_omniglot")

WORDS = np.array(["x", "y", "z", "ä"])


def shuffled(count, seed=1):
    return np.random.default_rng(seed).permutation(count)


@pytest.fixture
def stored(tmp_path):
    """Writes arrays as a `.npz` file or a folder of `.npy` files; gives the path."""

    def write(kind: str, name: str = "set", **said) -> str:
        if kind == "npz":
            np.savez_compressed(tmp_path / f"{name}.npz", **said)
            return str(tmp_path / f"{name}.npz")
        (tmp_path / name).mkdir(exist_ok=True)
        for one, array in said.items():
            np.save(tmp_path / name / f"{one}.npy", array)
        return str(tmp_path / name)

    return write


def as_folder(root, pixels, labels, save):
    for i, one in enumerate(pixels):
        save(root / labels[i] / f"{i}.png", one)
    return album.load(str(root))


def as_csv(root, pixels, labels, save):
    rows = []
    for i in shuffled(len(pixels)):
        save(root / "images" / f"p{i}.png", pixels[i])
        rows.append(f"p{i}.png,{labels[i]}\n")
    (root / "labels.csv").write_text("filename,label\n" + "".join(rows))
    return album.load(str(root))


@pytest.mark.parametrize("deep", [(), (3,)])
def test_every_way_to_the_same_pictures_gives_the_same_episodes(deep, tmp_path, draw, save, stored):
    pixels, labels = draw(48, 8, 8, *deep), WORDS[np.arange(48) % 4]
    order = shuffled(48)
    said = {"images": pixels[order], "labels": labels[order]}
    ways = [
        as_folder(tmp_path / "folder", pixels, labels, save),
        as_folder(tmp_path / "other" / "place", pixels[order], labels[order], save),
        as_csv(tmp_path / "csv", pixels, labels, save),
        album.load(stored("npz", **said)),
        album.load(stored("npy", **said)),
        from_arrays(pixels, labels),
        from_arrays([Image.fromarray(one) for one in pixels[order]], labels[order].tolist()),
        from_arrays(pixels[order] / 255, labels[order]),
    ]
    protocol = parse("arrays-between-3w2s-q2-rot")
    sources = [Sampler(protocol, way) for way in ways]
    first, block = ways[0], sources[0].block(0)
    for way, source in zip(ways, sources, strict=True):
        assert way.digest == first.digest
        assert way.images.ink == first.images.ink and way.images.paper == first.images.paper
        assert episodes_digest(source, 30) == episodes_digest(sources[0], 30)
        again = source.block(0)
        np.testing.assert_array_equal(way.images[again.support], first.images[block.support])
        np.testing.assert_array_equal(way.images[again.query], first.images[block.query])
        assert (again.target == block.target).all()


def test_protocols_of_pictures_and_of_arrays_have_one_digest(tmp_path, draw, stored):
    said = {"images": draw(40, 8, 8), "labels": np.arange(40) % 5}
    path = stored("npz", **said)
    sources = [
        open_protocol(parse(f"images:{path}-within-3w1s")),
        open_protocol(parse("arrays-within-3w1s"), data=from_arrays(*said.values())),
    ]
    assert len({source.protocol.digest for source in sources}) == 1
    assert len({episodes_digest(source, 20) for source in sources}) == 1


@pytest.mark.parametrize("seed", range(4))
def test_paper_and_ink_of_many_pictures_do_not_depend_on_their_order(seed, draw):
    pixels, labels = draw(400, 5, 5), np.arange(400) % 10
    order = shuffled(400, seed)
    one, other = from_arrays(pixels, labels), from_arrays(pixels[order], labels[order])
    assert (one.images.paper, one.images.ink) == (other.images.paper, other.images.ink)
    np.testing.assert_array_equal(one.images[:], other.images[:])


@pytest.mark.parametrize("seed", range(10))
def test_a_set_and_its_negative_have_one_order(seed, draw):
    pixels, labels = draw(30, 5, 5, seed=seed), np.arange(30) % 3
    one, other = from_arrays(pixels, labels), from_arrays(255 - pixels, labels)
    np.testing.assert_array_equal(one.images[:], 255 - other.images[:])
    assert {one.images.ink, other.images.ink} == {"dark", "light"}


def test_pixels_in_memory_or_mapped_are_not_copied(draw, tmp_path, stored):
    pixels = draw(12, 8, 8)
    assert from_arrays(pixels, np.arange(12) % 3).images.pixels is pixels
    path = stored("npy", images=pixels, labels=np.arange(12) % 3)
    found = album.load(path).images.pixels
    assert isinstance(found, np.memmap) and found.filename == tmp_path / "set" / "images.npy"


@pytest.mark.parametrize("kind", ["npz", "npy"])
@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: pixels[..., None],
        lambda pixels: pixels.astype(np.int64),
        lambda pixels: pixels.astype(np.uint16)[..., None],
        lambda pixels: pixels / 255,
        lambda pixels: np.asfortranarray(pixels),
        lambda pixels: pixels.astype(">i4"),
    ],
)
def test_pixels_in_other_numbers_or_with_one_channel_are_the_same(kind, change, draw, stored):
    pixels, labels = draw(24, 8, 8), np.arange(24) % 3
    expected = from_arrays(pixels, labels)
    path = stored(kind, images=change(pixels), labels=labels)
    for _ in range(2):
        found = album.load(path)
        assert found.digest == expected.digest and found.images.kind == "gray"
        assert found.images[:].dtype == np.uint8
        np.testing.assert_array_equal(found.images[:], expected.images[:])


def test_black_and_white_become_0_and_255(draw):
    ink = draw(12, 8, 8) > 128
    found = from_arrays(ink, np.arange(12) % 3).images[:]
    assert set(np.unique(found)) == {0, 255}
    assert found.sum() == 255 * ink.sum()


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_size_and_kind_are_changed_as_asked(kind, draw, stored):
    path = stored(kind, images=draw(12, 8, 8, 3), labels=np.arange(12) % 3)
    assert album.load(path).images.shape == (12, 8, 8, 3)
    assert album.load(f"{path}@20@gray").images.shape == (12, 20, 20)
    assert album.load(f"{path}@4").images.shape == (12, 4, 4, 3)


def test_a_sequence_may_have_pictures_of_several_sizes_and_modes(draw, refused):
    colour = Image.fromarray(draw(9, 9, 3))
    some = [colour.quantize(8), colour.convert("RGBA"), draw(5, 9), draw(9, 9, 1) / 255]
    message = refused(from_arrays, some, list("aabb"))
    assert "images of 2 sizes; say size=84" in message
    found = from_arrays(some, list("aabb"), size=9)
    assert found.images.shape == (4, 9, 9, 3)
    palette = np.asarray(colour.quantize(8).convert("RGB"))
    assert any((one == palette).all() for one in found.images[:])


@pytest.mark.parametrize("kind", [list, np.array])
def test_gray_pictures_among_colours_are_counted(kind, draw):
    colours, gray = draw(6, 8, 8, 3), draw(2, 8, 8, seed=1)
    pixels = kind([*colours, *np.repeat(gray[..., None], 3, axis=-1)])
    (said,) = from_arrays(pixels, list("abababab")).remarks
    assert said.startswith("2 of 8 pictures are gray")
    assert from_arrays(pixels, list("abababab"), kind="gray").remarks == ()
    assert from_arrays(colours, list("ababab")).remarks == ()
    assert from_arrays(np.repeat(gray[..., None], 3, axis=-1), list("ab")).remarks == ()


def test_groups_and_drawers_are_those_given(draw):
    labels, drawers = list("abab") * 3, list("112233445566")
    groups = ["g" if label == "a" else "h" for label in labels]
    table = from_arrays(draw(12, 8, 8), labels, groups, drawers=drawers).table
    assert set(zip(table["alphabet"], table["character"], strict=True)) == {("g", "a"), ("h", "b")}
    assert sorted(table["drawer"]) == drawers
    assert set(from_arrays(draw(12, 8, 8), labels).table["alphabet"]) == {"all"}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([b"a", b"\xc3\xa4"] * 2), {"a", "ä"}),
        (np.array([[3], [4], [3], [4]]), {"3", "4"}),
        ([True, False] * 2, {"True", "False"}),
    ],
)
def test_labels_may_be_bytes_numbers_or_a_column(labels, names, draw):
    assert set(from_arrays(draw(4, 8, 8), labels).table["character"]) == names


def test_parts_are_named_by_classes_which_may_be_numbers(draw, refused):
    pixels, labels = draw(40, 8, 8), np.arange(40) % 8
    split = {"train": range(5), "test": [5, 6]}
    test = from_arrays(pixels, labels, split=split, part="test")
    assert set(test.table["character"]) == {"5", "6"} and test.name == "arrays test"
    whole = from_arrays(pixels, labels, split=split)
    assert len(whole) == 40
    assert "has the parts train, test" in refused(
        from_arrays, pixels, labels, split=split, part="validation"
    )
    assert "9 is the name of no class" in refused(from_arrays, pixels, labels, split={"test": [9]})
    message = refused(from_arrays, pixels, labels, split={"train": [1], "test": [1]})
    assert "class 1 is in train and in test" in message
    assert "split names val, expected" in refused(from_arrays, pixels, labels, split={"val": [1]})


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.full((4, 3, 3), 1.01), "float64 from 1.01 to 1.01, expected whole numbers from 0"),
        (np.full((4, 3, 3), -0.5), "others from 0 to 1"),
        (np.full((4, 3, 3), np.nan), "from nan to nan"),
        (np.full((4, 3, 3), 256), "int64 from 256 to 256"),
        (np.full((4, 3, 3), -1), "int64 from -1"),
        (np.zeros((4, 3, 3, 4), np.uint8), "shape (4, 3, 3, 4), expected uint8 of shape (n,"),
        (np.zeros((4, 3), np.uint8), "shape (4, 3)"),
        (np.zeros((0, 3, 3), np.uint8), "holds no pictures"),
        (np.zeros((4, 3, 3), complex), "complex128"),
        (np.array(["a"] * 4), "<U1"),
        ([], "images: none; expected arrays images, uint8"),
        ([np.zeros((3, 3, 4), np.uint8)] * 4, "shape (1, 3, 3, 4)"),
        ([np.zeros((3, 3), np.uint8), None], "images: object"),
    ],
)
def test_what_are_no_images_is_refused(images, reason, refused):
    assert reason in refused(from_arrays, images, list("abcd"))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (list("abc"), "3 labels for 4 images, expected one for each"),
        (np.zeros((4, 10)), "40 labels for 4 images"),
        ([[1, 2], [3], [4], [5]], "labels: expected a name for each image"),
        (["a", "b", "", "c"], "labels: one is empty or has a NUL"),
        (["a", "b", "x\0y", "c"], "labels: one is empty or has a NUL"),
        (["a", "b", "\ud800", "c"], "labels: expected a name for each image"),
        (np.array([b"\xff"] * 4), "labels: expected a name for each image"),
    ],
)
def test_what_are_no_labels_is_refused(labels, reason, draw, refused):
    assert reason in refused(from_arrays, draw(4, 8, 8), labels)


def test_lengths_of_groups_and_drawers_are_checked(draw, refused):
    pixels = draw(4, 8, 8)
    assert "1 groups for 4 images" in refused(from_arrays, pixels, list("abcd"), ["g"])
    message = refused(from_arrays, pixels, list("abcd"), drawers=["1"] * 5)
    assert "5 drawers for 4 images" in message


@pytest.mark.parametrize("option", [{"ink": "blue"}, {"kind": "rgb"}, {"size": -1}, {"size": 1.5}])
def test_an_impossible_wish_is_refused(option, draw, refused):
    message = refused(from_arrays, draw(4, 8, 8), list("abcd"), **option)
    assert message.startswith(f"{next(iter(option))} is ") and "expected" in message


def test_one_picture_in_two_classes_is_refused_and_a_copy_in_one_is_said(draw, refused):
    pixels = draw(4, 8, 8)[[0, 1, 2, 0]]
    assert "one picture is in two characters" in refused(from_arrays, pixels, list("abcd"))
    remarks = from_arrays(pixels, list("abca")).remarks
    assert remarks == ("a/0 and a/3 are the same picture, which is counted once",)


def test_names_of_classes_are_harmless_in_messages(draw, refused):
    pixels = draw(4, 8, 8)
    pixels[3] = 0
    labels = ["a\x1b[2J", "b", "c", "</script>\n\u202e"]
    (remark,) = from_arrays(pixels, labels).remarks
    assert remark.isprintable() and remark.startswith("</script>\\n\\u202e: 1 of 1 images left out")
    refused(from_arrays, pixels[[0, 1, 2, 0]], labels)


def test_an_array_that_is_missing_is_named(stored, draw, refused, tmp_path):
    images = draw(4, 8, 8)
    assert "no array labels; expected arrays images" in refused(
        album.load, stored("npz", images=images)
    )
    assert "no array labels" in refused(album.load, stored("npy", images=images))
    message = refused(album.load, stored("npz", "other", pictures=images, labels=list("abcd")))
    assert "has the arrays pictures, labels; expected arrays images" in message


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_a_file_of_parts_beside_the_arrays_is_read(kind, stored, draw, tmp_path, refused):
    path = stored(kind, images=draw(12, 8, 8), labels=np.arange(12) % 3)
    assert "has no parts; write the names of classes" in refused(album.load, path, "test")
    (tmp_path / ("set" if kind == "npy" else "") / "test.txt").write_text("2\n")
    assert set(album.load(path, "test").table["character"]) == {"2"}
    assert len(album.load(path)) == 12


def test_an_npz_is_unpacked_once(stored, draw, monkeypatch):
    path = stored("npz", images=draw(12, 8, 8), labels=np.arange(12) % 3)
    first = album.load(path)
    monkeypatch.setattr(arrays._Reading, "unpack", lambda *a: pytest.fail("unpacked again"))
    assert album.load(path).digest == first.digest


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_parts_are_told_from_the_names_of_arrays(kind, stored, draw, refused):
    train, test = draw(30, 8, 8), draw(20, 8, 8, seed=2)
    path = stored(
        kind,
        x_train=train,
        y_train=np.arange(30) % 3,
        x_test=test,
        y_test=np.arange(20)[:, None] % 4,
    )
    assert f"images:{path}@train or images:{path}@test" in refused(album.load, path)
    assert "parts train, test" in refused(album.load, path, "validation")
    tested = album.load(path, "test")
    assert tested.digest == from_arrays(test, np.arange(20) % 4).digest
    assert tested.name.endswith(" test")
    assert tested.remarks == (
        "3 of its 4 classes are in train, too: what is trained on train has seen them",
    )
    assert album.load(path, "train").digest == from_arrays(train, np.arange(30) % 3).digest


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_of_one_part_need_no_part(kind, stored, draw):
    path = stored(kind, test_images=draw(20, 8, 8), test_labels=np.arange(20) % 4)
    assert len(album.load(path).characters) == 4
    assert len(album.load(path, "test").characters) == 4


def test_labels_of_another_part_may_change(stored, draw):
    said = {"x_train": draw(8, 8, 8), "x_test": draw(8, 8, 8, seed=2), "y_test": ["a"] * 8}
    path = stored("npy", **said, y_train=["a"] * 8)
    assert album.load(path, "test").remarks
    stored("npy", **said, y_train=["b"] * 8)
    assert not album.load(path, "test").remarks
