import os

import numpy as np
import PIL.Image
import pytest
from PIL import Image
from wayshot import tasks
from wayshot.tasks import TaskError
from wayshot.tasks.data import content, sheet
from wayshot.tasks.data.folder import load

pytestmark = pytest.mark.usefixtures("no_omniglot")


@pytest.fixture(scope="module")
def ink():
    """Four figures, no two alike."""
    figures = np.zeros((4, 105, 105), dtype=bool)
    for i, figure in enumerate(figures):
        figure[20:85, 20 + 10 * i : 40 + 10 * i] = figure[70:85, 20:80] = True
    return figures


def save(root, relative, ink, **options):
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(path, **options)
    return path


@pytest.fixture
def letters(tmp_path, ink):
    root = tmp_path / "letters"
    for i, name in enumerate(("Old/a/x.png", "Old/a/y.png", "Old/b/1.png", "New/a/9.png")):
        save(root, name, ink[i])
    return root


def test_alphabets_characters_and_images_are_read_in_the_order_of_names(letters, ink):
    dataset = load(str(letters))
    assert dataset.name == "folder:letters"
    assert [tuple(row) for row in dataset.table.astype(str).to_numpy()] == [
        ("New", "a", "9", "New/a/9.png"),
        ("Old", "a", "x", "Old/a/x.png"),
        ("Old", "a", "y", "Old/a/y.png"),
        ("Old", "b", "1", "Old/b/1.png"),
    ]
    np.testing.assert_array_equal(dataset.images[:], ink[[3, 0, 1, 2]])


def test_characters_without_alphabet_are_one_alphabet_wherever_the_folder_is(letters, monkeypatch):
    monkeypatch.chdir(letters / "Old")
    for path in (str(letters / "Old"), "."):
        table = load(path).table.astype(str)
        assert set(table["alphabet"]) == {"all"}
        assert list(table["character"]) == ["a", "a", "b"]
        assert list(table["file"]) == ["a/x.png", "a/y.png", "b/1.png"]


def test_the_home_folder_may_be_written_as_a_tilde(letters, monkeypatch):
    monkeypatch.setenv("HOME", str(letters.parent))
    assert len(load("~/letters")) == 4
    assert load("~/letters").digest == load(str(letters)).digest


@pytest.mark.parametrize("kind", ["folder", "images"])
def test_a_tilde_of_nobody_is_a_name_like_others(kind, letters, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    split = f"{kind}:~nobody-of-this-name"
    with pytest.raises(TaskError, match=f"{split}: no such folder"):
        tasks.load(split, "all")
    letters.rename("~nobody-of-this-name")
    assert len(tasks.load(split, "all")) == 4
    assert tasks.parse(f"{split}-within-2w1s").title == f"{split}-within-2w1s"


def test_formats_sizes_and_polarities_may_be_mixed(tmp_path, ink):
    # Another place for each file, as one picture in two formats would be there twice.
    figures = [np.roll(ink[0], (i, i), axis=(0, 1)) for i in range(8)]
    save(tmp_path, "a/1.png", figures[1])
    save(tmp_path, "a/2.JPG", figures[2], quality=95)
    save(tmp_path, "a/3.gif", figures[3])
    save(tmp_path, "a/4.png", np.kron(figures[4], np.ones((2, 2), dtype=bool)))
    save(tmp_path, "a/5.bmp", ~figures[5])
    deep = Image.fromarray(np.where(figures[6], 300, 50000).astype(np.uint16))
    deep.save(tmp_path / "a/6.png")
    alpha = np.where(figures[7], 255, 0)[..., None] * np.array([0, 0, 0, 1])
    Image.fromarray(alpha.astype(np.uint8)).save(tmp_path / "a/7.png")
    (tmp_path / "a/notes.txt").write_text("not an image, and not called one")
    dataset = load(str(tmp_path))
    assert list(dataset.table["drawer"]) == list("1234567")
    for i, (file, pixels) in enumerate(zip(dataset.table["file"], dataset.images[:], strict=True)):
        allowed = 0.02 * ink[0].sum() if file.endswith("JPG") else 0
        assert (pixels != figures[i + 1]).sum() <= allowed, file
    assert dataset.ink == {"dark": 6, "light": 1, "unclear": 0}


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "tif", "webp"])
def test_files_are_closed_after_reading(tmp_path, ink, kind):
    save(tmp_path, f"a/1.{kind}", ink[0])
    load(str(tmp_path))


def test_no_folder_an_empty_one_and_one_without_images_say_what_is_expected(tmp_path):
    (tmp_path / "empty" / "a").mkdir(parents=True)
    for path, reason in ((tmp_path / "none", "no such folder"), (tmp_path / "empty", "no images")):
        with pytest.raises(TaskError) as error:
            load(str(path))
        assert f"folder:{path}: {reason}" in str(error.value)
        assert "alphabet/character/*.png" in str(error.value)


@pytest.mark.parametrize("stray", ["top.png", "Old/a/deeper/x.png"])
def test_an_image_out_of_place_is_named(letters, ink, stray):
    save(letters, stray, ink[0])
    with pytest.raises(TaskError, match=f"{stray} is out of place; expected alphabet/character"):
        load(str(letters))


def test_a_file_that_only_ends_like_an_image_is_named(letters):
    (letters / "Old/b/2.png").write_text("hello")
    with pytest.raises(TaskError, match=r"Old/b/2\.png: not an image"):
        load(str(letters))


def test_a_name_that_is_not_utf8_is_an_error_of_the_user_not_of_the_program(letters):
    try:
        (letters / "Old/b/1.png").rename(letters / "Old/b" / os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    try:
        assert len(load(str(letters))) == 4
    except TaskError as error:
        assert "Old/b" in str(error)


def test_the_second_use_decodes_nothing(letters, monkeypatch):
    first = load(str(letters))
    real = PIL.Image.open

    def fail(*args, **kwargs):
        raise AssertionError("decoded again")

    monkeypatch.setattr(PIL.Image, "open", fail)
    assert load(str(letters)).digest == first.digest
    monkeypatch.setattr(PIL.Image, "open", real)


def test_a_changed_an_added_and_a_removed_image_are_noticed(letters, ink):
    digests = [load(str(letters)).digest]
    path = save(letters, "Old/b/1.png", ~ink[0] & ink[3])
    os.utime(path, ns=(1, 1))
    digests.append(load(str(letters)).digest)
    save(letters, "Old/b/2.png", ink[0].T)
    digests.append(load(str(letters)).digest)
    path.unlink()
    digests.append(load(str(letters)).digest)
    assert len(set(digests)) == 4


def test_the_digest_does_not_depend_on_where_the_folder_lies(letters):
    here = load(str(letters)).digest
    moved = letters.rename(letters.parent / "moved")
    assert load(str(moved)).digest == here


def test_hidden_files_are_no_images(tmp_path):
    image = Image.new("1", (20, 20), 1)
    image.putpixel((3, 3), 0)
    (tmp_path / "a" / "x").mkdir(parents=True)
    image.save(tmp_path / "a" / "x" / "1.png")
    for name in ("a/x/._1.png", ".checkpoints/x/1.png", "__MACOSX/x/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("litter")
    assert len(load(str(tmp_path))) == 1


def test_images_at_two_depths_are_refused(tmp_path):
    image = Image.new("1", (20, 20), 1)
    for name in ("a/x/1.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        image.save(tmp_path / name)
    with pytest.raises(TaskError, match="images lie at two depths"):
        load(str(tmp_path))


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    image = Image.new("L", (20, 20), 255)
    for column in range(5, 15):
        image.putpixel((column, 3), 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    images = []
    for name, picture, options in (
        ("plain", image, {}),
        ("turned", image.transpose(Image.Transpose.ROTATE_90), {"exif": exif}),
    ):
        (tmp_path / name / "x").mkdir(parents=True)
        picture.save(tmp_path / name / "x" / "1.png", **options)
        images.append(load(str(tmp_path / name)).images[0])
    np.testing.assert_array_equal(*images)


def said(root, word):
    """The remarks in which a word is."""
    return [remark for remark in load(str(root)).remarks if word in remark]


@pytest.mark.parametrize("ending", ["jfif", "ppm", "jpe", "pnm", "JPEG", "avif", "jp2"])
def test_every_ending_of_a_format_that_can_be_read_is_read(letters, ink, ending):
    try:
        save(letters, f"Old/c/1.{ending}", ink[0].T)
    except (OSError, KeyError, ValueError):
        # Not every Pillow writes every format; the name decides nothing but that it is tried.
        picture = Image.fromarray(np.where(ink[0].T, 0, 255).astype(np.uint8))
        picture.save(letters / f"Old/c/1.{ending}", "PNG")
    dataset = load(str(letters))
    assert ("Old", "c") in set(dataset.characters.itertuples(index=False, name=None))
    assert dataset.remarks == ()


def test_what_is_no_image_is_told_class_by_class_with_counts(letters, ink):
    for name in ("Old/a/one.xyz", "Old/a/two.xyz", "Old/heic/1.heic", ".dot/x/1.png"):
        (letters / name).parent.mkdir(parents=True, exist_ok=True)
        (letters / name).write_text("?")
    for name in ("__under/x/1.png", "__under/x/2.png", "Old/__c/1.png", "Old/a/.hidden.png"):
        save(letters, name, ink[0])
    (letters / "Old/empty").mkdir()
    (letters / "Bare").mkdir()
    for name in ("notes.txt", "README.md", "LICENSE", "Old/notes.txt"):
        (letters / name).write_text("Where no class is.")
    assert load(str(letters)).remarks == (
        "Bare: no class, as it has no images (it is empty)",
        "Old: not read are 1 file ending in .txt, which is no known ending of images",
        "Old/a: not read are 2 files ending in .xyz, which is no known ending of images",
        "Old/empty: no class, as it has no images (it is empty)",
        "Old/heic: no class, as it has no images (1 file ending in .heic)",
        ".dot: left out (1 file), as its name begins with . or __; rename it if it is to be read",
        "Old/__c: left out (1 file), as its name begins with . or __; rename it if it is to be "
        "read",
        "Old/a/.hidden.png: left out (1 file), as its name begins with . or __; rename it if it "
        "is to be read",
        "__under: left out (a folder of 2 files), as its name begins with . or __; rename it if "
        "it is to be read",
        "beside the classes: not read are 1 file without an ending, 1 file ending in .md, 1 file "
        "ending in .txt, which is no known ending of images",
    )


def test_what_systems_put_into_folders_is_no_remark(letters):
    for name in (".DS_Store", "Old/a/._x.png", "Old/a/Thumbs.db", "__MACOSX/a/x.png"):
        (letters / name).parent.mkdir(parents=True, exist_ok=True)
        (letters / name).write_text("?")
    assert load(str(letters)).remarks == ()


def test_remarks_come_from_the_cache_too_and_follow_the_folder(letters):
    (letters / "Old/empty").mkdir()
    assert load(str(letters)).remarks == load(str(letters)).remarks
    assert said(letters, "Old/empty")
    (letters / "Old/empty").rmdir()
    assert load(str(letters)).remarks == ()


def test_a_folder_that_cannot_be_opened_is_an_error_that_names_it(letters, monkeypatch):
    """As its owner would meet it; for an administrator every folder opens."""
    opened = os.scandir

    def refuse(path):
        if str(path).endswith("Old/b"):
            raise PermissionError(13, "Permission denied")
        return opened(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TaskError, match=r"Old/b cannot be opened \(Permission denied\)"):
        load(str(letters))


def test_images_that_show_nothing_are_counted_and_are_no_class(letters, ink):
    save(letters, "Old/white/1.png", ~ink[0] & ink[0])
    save(letters, "Old/white/2.png", np.zeros((30, 40), dtype=bool))
    save(letters, "Old/a/black.png", np.ones((30, 40), dtype=bool))
    save(letters, "Old/a/point.png", np.ones((1, 1), dtype=bool))
    shades = np.random.default_rng(0).normal(200, 3, (80, 80)).clip(0, 255).astype(np.uint8)
    Image.fromarray(shades).save(letters / "Old/a/noise.png")
    dataset = load(str(letters))
    assert len(dataset) == 4
    assert dataset.remarks == (
        "Old/a: 3 of 5 images left out (black.png, noise.png, point.png), which show nothing: one "
        "shade, or too small",
        "Old/white: 2 of 2 images left out (1.png, 2.png), which show nothing: one shade, or too "
        "small, so that it is no class",
    )


def test_a_folder_of_white_pages_is_refused(tmp_path):
    save(tmp_path, "a/1.png", np.zeros((30, 30), dtype=bool))
    with pytest.raises(TaskError, match="no image has ink, all 1 are of one shade"):
        load(str(tmp_path))


def test_the_same_picture_twice_in_a_class_is_counted_once(letters, ink):
    save(letters, "Old/b/1 (copy).png", ink[2])
    save(letters, "Old/b/1.bmp", np.kron(ink[2], np.ones((2, 2), dtype=bool)))
    dataset = load(str(letters))
    assert len(dataset) == 4
    assert dataset.remarks == (
        "Old/b/1.bmp and Old/b/1 (copy).png are the same picture, which is counted once",
        "Old/b/1.bmp and Old/b/1.png are the same picture, which is counted once",
    )


def test_the_same_picture_in_two_classes_is_refused(letters, ink):
    save(letters, "New/c/z.png", ink[1])
    match = "one picture is in two characters.*New/c/z.png and Old/a/y.png; remove it"
    with pytest.raises(TaskError, match=match):
        load(str(letters))


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "VAL"), ("train_images", "test_images")]
)
def test_training_and_test_folders_with_the_same_classes_are_refused(tmp_path, ink, train, test):
    for i, name in enumerate((f"{train}/a/1.png", f"{train}/b/1.png", f"{test}/a/2.png")):
        save(tmp_path, name, ink[i])
    with pytest.raises(TaskError) as error:
        load(str(tmp_path))
    for word in (f"{train}/a", f"{test}/a", f"folder:{tmp_path}/{test}", "rename"):
        assert word in str(error.value)
    assert len(load(str(tmp_path / train))) == 2


def test_classes_that_are_divided_into_training_and_test_are_refused(tmp_path, ink):
    for i, name in enumerate(("a/train/1.png", "a/test/1.png", "b/train/1.png")):
        save(tmp_path, name, ink[i])
    with pytest.raises(TaskError, match=r"a/test and a/train.*into one folder"):
        load(str(tmp_path))


def test_alphabets_of_other_names_may_have_characters_of_the_same_name(tmp_path, ink):
    for i, name in enumerate(("train/a/1.png", "test/b/1.png", "Greek/a/1.png", "Latin/a/1.png")):
        save(tmp_path, name, ink[i])
    assert len(load(str(tmp_path)).characters) == 4


@pytest.mark.parametrize(
    ("files", "drawers"),
    [
        (("a/ann.png", "a/bob.png", "b/ann.png", "b/bob.png"), ["ann", "bob", "ann", "bob"]),
        (
            ("a/0001_07.png", "a/0001_08.png", "b/0002_07.png", "b/0002_08.png"),
            ["07", "08", "07", "08"],
        ),
        (("a/x_1.png", "a/y_1.png", "b/z_1.png", "b/z_2.png"), ["x_1", "y_1", "z_1", "z_2"]),
        (("a/1.gif", "a/1.png", "b/1.png", "b/2.png"), ["1.gif", "1.png", "1.png", "2.png"]),
    ],
)
def test_drawers_are_read_from_names(tmp_path, ink, files, drawers):
    for figure, name in zip(ink, files, strict=True):
        save(tmp_path, name, figure)
    assert list(load(str(tmp_path)).table["drawer"]) == drawers


def test_content_decides_where_size_and_time_are_the_same(letters, ink):
    path = letters / "Old/b/1.pbm"
    digests = []
    for figure in (ink[0].T, ink[1].T):
        Image.fromarray(~figure).save(path)
        os.utime(path, ns=(0, 0))
        digests.append(load(str(letters)).digest)
    assert digests[0] != digests[1]


def test_what_has_not_changed_for_a_while_is_not_read_again(letters, monkeypatch):
    later = content.time.time() + 60
    monkeypatch.setattr(content.time, "time", lambda: later)
    reads = []
    read = content.hash_regular
    monkeypatch.setattr(content, "hash_regular", lambda *a: reads.append(a[0]) or read(*a))
    first = load(str(letters)).digest
    assert len(reads) == 4
    assert load(str(letters)).digest == first
    assert len(reads) == 4
    os.utime(letters / "Old/b/1.png", ns=(1, 1))
    assert load(str(letters)).digest == first
    assert len(reads) == 8


def test_a_listing_in_another_order_gives_the_same_table(letters, ink, monkeypatch):
    for i, name in enumerate(("Old/B/1.png", "Old/é/1.png", "old/a/1.png")):
        save(letters, name, ink[i].T)
    here = load(str(letters)).table.astype(str).to_numpy().tolist()
    opened = os.scandir

    class Listed(list):
        def __enter__(self):
            return iter(self)

        def __exit__(self, *stop):
            pass

    def backwards(path):
        with opened(path) as entries:
            return Listed(sorted(entries, key=lambda entry: entry.name.lower(), reverse=True))

    monkeypatch.setattr(os, "scandir", backwards)
    monkeypatch.setenv("WAYSHOT_CACHE", str(letters.parent / "another"))
    assert load(str(letters)).table.astype(str).to_numpy().tolist() == here
    assert [row[3] for row in here] == sorted(row[3] for row in here)


def test_a_line_in_the_folder_says_what_is_ink(letters, ink):
    (letters / "wayshot.yaml").write_text("ink: light\n")
    dataset = load(str(letters))
    np.testing.assert_array_equal(dataset.images[0], ~ink[3])
    assert dataset.ink == {"dark": 0, "light": 4, "unclear": 0}
    (letters / "wayshot.yaml").write_text("ink: dark\n")
    np.testing.assert_array_equal(load(str(letters)).images[0], ink[3])


@pytest.mark.parametrize("text", ["ink: red", "ink", "paper: white", "ink: [", "- ink: dark"])
def test_another_line_is_an_error_that_says_what_is_expected(letters, text):
    (letters / "wayshot.yaml").write_text(text)
    with pytest.raises(TaskError, match=r"wayshot\.yaml: .*(expected|cannot be read)"):
        load(str(letters))


def test_a_sheet_shows_unclear_images_first_and_some_of_each_class(letters, ink):
    frame = np.ones((60, 60), dtype=bool)
    frame[15:45, 15:45] = False
    save(letters, "Old/b/2.png", frame)
    save(letters, "Old/c/1.png", ~ink[0] & ink[0])
    shown = sheet.characters(str(letters), "all", most=5)
    assert [one.what for one in shown] == ["unclear", "blank", "clear", "clear", "clear"] or [
        one.what for one in shown
    ] == ["blank", "unclear", "clear", "clear", "clear"]
    assert {one.name.rpartition("/")[0] for one in shown} == {"New/a", "Old/a", "Old/b", "Old/c"}
    (framed,) = (one for one in shown if one.what == "unclear")
    assert (framed.seen[0] == 0).all() and framed.seen[52, 52] == 255
    assert sheet.drawn(shown).width > 1000


def test_photographs_are_told_from_characters(tmp_path):
    rng = np.random.default_rng(1)
    steps = np.linspace(-1, 1, 64)
    for one in range(3):
        for i in range(4):
            # Smooth shades in all directions, as of a face or a landscape.
            x, y = np.meshgrid(steps, steps * rng.uniform(0.5, 2))
            shades = 128 + 60 * np.sin(2 * x + one + i) + 60 * np.cos(y * (i + 1))
            save_shades(tmp_path / f"c{one}" / f"{i}.png", shades)
    dataset = load(str(tmp_path))
    assert "use images: in place of folder:" in dataset.remarks[0]
    assert dataset.remarks[0].startswith("12 of 12 images are not clearly strokes")
    assert "which is a guess" in dataset.remarks[-1] or dataset.ink["unclear"] == 0


def save_shades(path, shades):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shades.astype(np.uint8)).save(path)


def test_characters_are_not_taken_for_photographs(letters):
    assert not any("images: in place" in one for one in load(str(letters)).remarks)
