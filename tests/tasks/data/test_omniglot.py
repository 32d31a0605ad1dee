import re
import zipfile
from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wayshot.tasks import TaskError
from wayshot.tasks.data.omniglot import (
    PARTS,
    data_folder,
    find,
    load,
    load_runs,
    read_part,
    read_runs,
)

SMALL = "images_background_small1"
FIRST = f"{SMALL}/Alpha/character01/0001_01.png"


def put(folder, name, content):
    path = folder / f"{name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def flip(content, place, bits=1):
    damaged = bytearray(content)
    damaged[place] ^= bits
    return bytes(damaged)


def test_the_parts_are_known_by_the_official_digests(golden):
    truth = golden("omniglot")
    for name, part in truth["parts"].items():
        known = PARTS[name]
        assert (known.images, known.md5, known.pixels) == (
            part["images"],
            part["md5"],
            part["pixels"],
        )
    assert PARTS["all_runs"].md5 == truth["all_runs_md5"]
    assert set(PARTS) == {*truth["parts"], "all_runs"}


@pytest.mark.parametrize("name", ["images_background", "images_evaluation", SMALL])
def test_the_official_pixels_are_read(omniglot, golden, name):
    dataset = load(name)
    truth = golden("omniglot")["parts"][name]
    assert len(dataset) == truth["images"]
    assert dataset.digest == truth["pixels"]
    assert dataset.images.shape == (truth["images"], 105, 105)
    assert list(dataset.table["file"]) == sorted(dataset.table["file"])


@pytest.mark.parametrize("name", ["images_background", "images_evaluation"])
def test_twenty_drawers_drew_every_character_once(omniglot, name):
    table = load(name).table
    drawn = table.groupby(["alphabet", "character"], observed=True)["drawer"].agg(list)
    everyone = [f"{drawer:02}" for drawer in range(1, 21)]
    assert all(drawers == everyone for drawers in drawn)


def test_pixels_and_names_belong_together(omniglot):
    dataset = load("images_evaluation")
    row = int(dataset.table.index[dataset.table["file"].str.endswith("/0965_01.png")][0])
    name = dataset.table["file"][row]
    with zipfile.ZipFile(omniglot / "images_evaluation.zip") as archive, archive.open(name) as file:
        white = np.asarray(PIL.Image.open(file))
    assert tuple(dataset.table.iloc[row])[:3] == ("Angelic", "character01", "01")
    np.testing.assert_array_equal(dataset.images[row], ~white)


def test_the_two_equal_drawings_of_braille_are_equal(omniglot, golden):
    dataset = load("images_background")
    twins = [f"{name}.png" for name in golden("omniglot")["twins"]]
    rows = dataset.table.index[dataset.table["file"].str.rsplit("/", n=1).str[-1].isin(twins)]
    assert len(rows) == 2
    assert set(dataset.table["alphabet"][rows]) == {"Braille"}
    np.testing.assert_array_equal(*dataset.images[rows.to_numpy()])
    assert len(np.unique(dataset.images.keys)) < len(dataset)


def test_every_image_of_the_runs_is_in_the_evaluation_set_once(omniglot):
    runs = load_runs()
    evaluation = [bits.tobytes() for bits in load("images_evaluation").images.bits]
    used = np.concatenate([runs.support, runs.query], axis=1).reshape(800, -1)
    assert len({bits.tobytes() for bits in used}) == 800
    counts = [evaluation.count(bits.tobytes()) for bits in used[::40]]
    assert counts == [1] * 20
    assert {bits.tobytes() for bits in used} <= set(evaluation)


def test_an_unpacked_copy_is_the_same_data(omniglot, tmp_path):
    for name, target in ((SMALL, tmp_path), ("all_runs", tmp_path / "all_runs")):
        with zipfile.ZipFile(omniglot / f"{name}.zip") as archive:
            archive.extractall(target)
    packed, unpacked = load(SMALL), load(SMALL, tmp_path)
    assert find(SMALL, tmp_path) == tmp_path / SMALL
    assert unpacked.digest == packed.digest
    assert unpacked.table.equals(packed.table)
    for field in ("support", "query", "target"):
        np.testing.assert_array_equal(
            getattr(load_runs(tmp_path), field), getattr(load_runs(), field)
        )


@pytest.mark.parametrize(
    ("name", "member"),
    [
        (SMALL, f"{SMALL}/Greek/character07/0400_13.png"),
        ("all_runs", "run11/test/item05.png"),
        ("all_runs", "run20/training/class20.png"),
    ],
)
def test_an_altered_image_of_the_official_data_is_named(omniglot, zip_of, tmp_path, name, member):
    with zipfile.ZipFile(omniglot / f"{name}.zip") as archive:
        members = {file: archive.read(file) for file in archive.namelist()}
    pixels = np.array(PIL.Image.open(BytesIO(members[member])))
    pixels[40, 60] ^= True
    buffer = BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG")
    path = put(tmp_path, name, zip_of(members | {member: buffer.getvalue()}, zipfile.ZIP_STORED))
    read = read_runs if name == "all_runs" else partial(read_part, PARTS[name])
    with pytest.raises(TaskError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: {member}: not the official image")


@pytest.mark.usefixtures("no_omniglot")
def test_the_callers_folder_goes_before_the_environment_and_that_before_the_cache(
    monkeypatch, tmp_path
):
    assert data_folder() == tmp_path / "own-cache" / "omniglot"
    monkeypatch.setenv("WAYSHOT_DATA", str(tmp_path / "environment"))
    assert data_folder() == tmp_path / "environment"
    assert data_folder(tmp_path / "caller") == tmp_path / "caller"


@pytest.mark.usefixtures("no_omniglot")
@pytest.mark.parametrize("make", [load, lambda name, data: load_runs(data)])
def test_missing_data_say_where_they_were_looked_for_and_how_to_get_them(make, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(TaskError) as error:
            make("images_evaluation", folder)
        assert ".zip" in str(error.value)
        assert str(folder) in str(error.value)
        assert "WAYSHOT_DATA" in str(error.value)
        assert "wayshot data fetch" in str(error.value)
        assert "\n" not in str(error.value)


def test_a_part_is_read_with_its_names(small, tmp_path):
    dataset = read_part(small.part, put(tmp_path, SMALL, small.zip))
    assert list(dataset.table["file"]) == sorted(small.inks)
    for row, ink in zip(dataset.images, map(small.inks.get, sorted(small.inks)), strict=False):
        np.testing.assert_array_equal(row, ink)
    assert tuple(dataset.table.iloc[-1]) == (
        "Beta_(old)",
        "character03",
        "04",
        f"{SMALL}/Beta_(old)/character03/0006_04.png",
    )
    assert dataset.digest == small.part.pixels


def test_a_repacked_zip_with_litter_is_the_same_data(small, zip_of, tmp_path):
    litter = {
        f"__MACOSX/{SMALL}/Alpha/character01/._0001_01.png": b"\0\5\x16\7",
        f"{SMALL}/.DS_Store": b"\0",
        f"{SMALL}/": b"",
    }
    members = dict(reversed(small.members.items()))
    repacked = zip_of(litter | members, zipfile.ZIP_STORED)
    assert repacked != small.zip
    assert read_part(small.part, put(tmp_path, SMALL, repacked)).digest == small.part.pixels


def damaged_zips(small, zip_of, encode):
    """Name, zip, and what the message must say besides the zip's path."""
    members, other = small.members, small.inks[FIRST].copy()
    other[50, 50] ^= True
    stored = zip_of(members, zipfile.ZIP_STORED)
    inside = stored.index(members[FIRST]) + len(members[FIRST]) // 2
    middle = f"{SMALL}/Beta_(old)/character02/0005_03.png"
    stray = f"{SMALL}/Alpha/0001_01.png"
    return {
        "no zip": (b"<html>not found</html>", "damaged zip"),
        "empty": (b"", "damaged zip"),
        "truncated": (small.zip[: len(small.zip) // 2], "damaged zip"),
        "odd version": (flip(stored, stored.index(b"PK\1\2") + 6, 0x80), "damaged zip"),
        "flipped": (flip(stored, inside), FIRST),
        "other size": (zip_of(members | {middle: encode(other[:99, :99])}), f"{middle}: 99 x 99"),
        "no image": (zip_of(members | {middle: b"hello"}), f"{middle}: not an image"),
        "cut image": (zip_of(members | {middle: members[middle][:200]}), f"{middle}: damaged"),
        "stray name": (zip_of(members | {stray: members[FIRST]}), f"{stray}: unexpected name"),
        "too few": (zip_of({k: v for k, v in members.items() if k != middle}), "23 images"),
        "too many": (zip_of(members | {FIRST.replace("_01", "_05"): members[FIRST]}), "25 images"),
        "none": (zip_of({}), "0 images"),
        "one pixel": (zip_of(members | {FIRST: encode(other)}), "not the official"),
        "swapped": (zip_of(members | {FIRST: members[middle], middle: members[FIRST]}), "official"),
        "renamed": (
            zip_of({k.replace("Alpha", "Alfa"): v for k, v in members.items()}),
            "not the official",
        ),
    }


KINDS = [
    *(
        "no zip",
        "empty",
        "truncated",
        "odd version",
        "flipped",
        "other size",
        "no image",
        "cut image",
    ),
    *("stray name", "too few", "too many", "none", "one pixel", "swapped", "renamed"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_with_the_names_of_the_zip_and_the_file(
    small, zip_of, encode, tmp_path, kind
):
    content, reason = damaged_zips(small, zip_of, encode)[kind]
    path = put(tmp_path, SMALL, content)
    with pytest.raises(TaskError) as error:
        load(SMALL, tmp_path)
    assert str(error.value).startswith(f"{path}: ")
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_every_kind_of_damage_is_tried(small, zip_of, encode):
    assert list(damaged_zips(small, zip_of, encode)) == KINDS


@settings(max_examples=300)
@given(data=st.data())
def test_a_zip_with_a_changed_byte_gives_the_same_pixels_or_an_error_that_names_it(
    small_published, zip_of, digest_by_definition, tmp_path_factory, data
):
    inks = dict(sorted(small_published.inks.items())[:2])
    part = replace(small_published.part, images=2, pixels=digest_by_definition(inks))
    content = bytearray(zip_of({name: small_published.members[name] for name in inks}))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path = put(tmp_path_factory.getbasetemp() / "changed", SMALL, bytes(content))
    try:
        dataset = read_part(part, path)
    except TaskError as error:
        assert str(path) in str(error)
    else:
        np.testing.assert_array_equal(dataset.images[:], list(inks.values()))


def test_a_damaged_file_of_an_unpacked_copy_is_named(small, tmp_path):
    for name, content in small.members.items():
        put(tmp_path, "x", b"")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert load(SMALL, tmp_path).digest == small.part.pixels
    (tmp_path / FIRST).write_bytes(b"hello")
    with pytest.raises(TaskError, match=re.escape(f"{FIRST}: not an image")):
        load(SMALL, tmp_path)


def test_the_zip_goes_before_the_unpacked_copy(small, tmp_path):
    (tmp_path / SMALL).mkdir()
    path = put(tmp_path, SMALL, small.zip)
    assert find(SMALL, tmp_path) == path


def test_the_second_use_decodes_nothing(small, monkeypatch, tmp_path):
    put(tmp_path, SMALL, small.zip)
    first = load(SMALL, tmp_path)

    def fail(*args, **kwargs):
        raise AssertionError("decoded again")

    monkeypatch.setattr(PIL.Image, "open", fail)
    second = load(SMALL, tmp_path)
    assert second.digest == first.digest
    assert second.table.equals(first.table)
    np.testing.assert_array_equal(second.images[:], first.images[:])


def test_a_replaced_zip_is_read_anew(small, zip_of, encode, tmp_path):
    put(tmp_path, SMALL, small.zip)
    load(SMALL, tmp_path)
    put(tmp_path, SMALL, damaged_zips(small, zip_of, encode)["one pixel"][0])
    with pytest.raises(TaskError, match="not the official"):
        load(SMALL, tmp_path)


def test_progress_is_shown_for_every_image(small, tmp_path):
    seen = []

    def progress(total, title):
        seen.append((total, title))
        return seen.append

    read_part(small.part, put(tmp_path, SMALL, small.zip), progress)
    assert seen == [(24, f"Reading {SMALL}"), *[1] * 24]


def test_runs_are_read_with_their_labels(small_runs, tmp_path):
    runs = read_runs(put(tmp_path, "all_runs", small_runs.zip))
    np.testing.assert_array_equal(runs.target, small_runs.target)
    for array, name in ((runs.support, "training/class"), (runs.query, "test/item")):
        for run, item in ((0, 0), (3, 19), (19, 7)):
            ink = small_runs.inks[f"run{run + 1:02}/{name}{item + 1:02}.png"]
            np.testing.assert_array_equal(array[run, item], np.packbits(ink))


LABELS = "run07/class_labels.txt"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "", "class_labels.txt"),
        (lambda text: text.splitlines()[0] + "\n", "class_labels.txt"),
        (lambda text: text.replace("class01", "class02"), "class_labels.txt"),
        (lambda text: text.replace("class01", "class21"), f"{LABELS}: unexpected line"),
        (lambda text: text.replace("run07/training", "run08/training"), "unexpected line"),
        (lambda text: text + "and so on\n", f"{LABELS}: unexpected line 'and so on'"),
        (
            lambda text: (
                text.replace("class01", "x")
                .replace("class02", "class01")
                .replace("/x.", "/class02.")
            ),
            "not the official",
        ),
    ],
)
def test_wrong_labels_of_a_run_are_refused(small_runs, zip_of, tmp_path, change, reason):
    members = small_runs.members | {LABELS: change(small_runs.members[LABELS])}
    path = put(tmp_path, "all_runs", zip_of(members))
    with pytest.raises(TaskError) as error:
        read_runs(path)
    assert str(error.value).startswith(f"{path}: ")
    assert reason in str(error.value)


def test_a_run_beyond_the_twentieth_is_refused(small_runs, zip_of, tmp_path):
    members = {k.replace("run20/", "run21/"): v for k, v in small_runs.members.items()}
    with pytest.raises(TaskError, match="run21/"):
        read_runs(put(tmp_path, "all_runs", zip_of(members)))


def test_the_runs_are_found_where_their_zip_unpacks_to(tmp_path, omniglot):
    with zipfile.ZipFile(omniglot / "all_runs.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "images_evaluation").mkdir()
    (tmp_path / "images_evaluation" / "other.png").write_text("not of the runs")
    unpacked, zipped = load_runs(tmp_path), load_runs(omniglot)
    for field in ("support", "query", "target"):
        np.testing.assert_array_equal(getattr(unpacked, field), getattr(zipped, field))


def test_a_copy_of_the_public_repository_is_a_folder_of_omniglot(tmp_path):
    (tmp_path / "one-shot-classification").mkdir()
    (tmp_path / "one-shot-classification" / "all_runs.zip").touch()
    assert find("all_runs", tmp_path) == tmp_path / "one-shot-classification" / "all_runs.zip"
    assert find("images_evaluation", tmp_path) is None


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WAYSHOT_DATA", "~/there")
    assert data_folder() == tmp_path / "there"
    assert data_folder("~/here") == tmp_path / "here"
