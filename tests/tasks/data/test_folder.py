import os

import numpy as np
import PIL.Image
import pytest
from PIL import Image
from wayshot.tasks import TaskError
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
        ("New", "a", "01", "New/a/9.png"),
        ("Old", "a", "01", "Old/a/x.png"),
        ("Old", "a", "02", "Old/a/y.png"),
        ("Old", "b", "01", "Old/b/1.png"),
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


def test_formats_sizes_and_polarities_may_be_mixed(tmp_path, ink):
    figure = ink[0]
    save(tmp_path, "a/1.png", figure)
    save(tmp_path, "a/2.JPG", figure, quality=95)
    save(tmp_path, "a/3.gif", figure)
    save(tmp_path, "a/4.png", np.kron(figure, np.ones((2, 2), dtype=bool)))
    save(tmp_path, "a/5.bmp", ~figure)
    Image.fromarray(np.where(figure, 300, 50000).astype(np.uint16)).save(tmp_path / "a/6.png")
    alpha = np.where(figure, 255, 0)[..., None] * np.array([0, 0, 0, 1])
    Image.fromarray(alpha.astype(np.uint8)).save(tmp_path / "a/7.png")
    (tmp_path / "a/notes.txt").write_text("not an image, and not called one")
    dataset = load(str(tmp_path))
    assert list(dataset.table["drawer"]) == [f"{i:02}" for i in range(1, 8)]
    for file, pixels in zip(dataset.table["file"], dataset.images[:], strict=True):
        allowed = 0.02 * figure.sum() if file.endswith("JPG") else 0
        assert (pixels != figure).sum() <= allowed, file


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
    save(letters, "Old/b/2.png", ink[0])
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
    (tmp_path / "x").mkdir()
    image.save(tmp_path / "x" / "1.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "x" / "2.png", exif=exif)
    plain, turned = load(str(tmp_path)).images[:]
    np.testing.assert_array_equal(plain, turned)
