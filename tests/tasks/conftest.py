import hashlib
import zipfile
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from wayshot.tasks.data.omniglot import PARTS, Part

SMALL = "images_background_small1"


def png(ink):
    """The file of a bool array with ink = True, black on white, one bit."""
    buffer = BytesIO()
    Image.fromarray(~ink).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def defined_digest(inks):
    """The digest of named pixels, word by word as it is defined."""
    digest = hashlib.sha256()
    for name in sorted(inks):
        digest.update(name.encode() + b"\0")
        digest.update(np.packbits((inks[name] == 0).ravel()).tobytes())
    return digest.hexdigest()


def published(name, inks, texts=(), labels=b"", folder=""):
    """A part of Omniglot as its authors publish it: files, zip, and what is known of them."""
    members = {file: png(ink) for file, ink in inks.items()} | dict(texts)
    content = zipped(members)
    pixels = defined_digest(inks)
    if labels:
        pixels = hashlib.sha256(pixels.encode() + hashlib.sha256(labels).digest()).hexdigest()
    part = Part(name, hashlib.md5(content).hexdigest(), pixels, len(inks), folder)
    return SimpleNamespace(part=part, inks=inks, members=members, zip=content)


@pytest.fixture(scope="session")
def small_published():
    rng = np.random.default_rng(11)
    names = [
        f"{SMALL}/{alphabet}/character{c:02}/{number + c:04}_{d:02}.png"
        for alphabet, number in (("Alpha", 0), ("Beta_(old)", 3))
        for c in (1, 2, 3)
        for d in (1, 2, 3, 4)
    ]
    return published(SMALL, {name: rng.random((105, 105)) < 0.02 for name in names})


@pytest.fixture(scope="session")
def runs_published():
    rng = np.random.default_rng(12)
    target = np.array([rng.permutation(20) for _ in range(20)])
    inks, texts = {}, {}
    for run in range(1, 21):
        for item in range(1, 21):
            for kind in ("training/class", "test/item"):
                inks[f"run{run:02}/{kind}{item:02}.png"] = rng.random((105, 105)) < 0.01
        texts[f"run{run:02}/class_labels.txt"] = "".join(
            f"run{run:02}/test/item{i + 1:02}.png run{run:02}/training/class{c + 1:02}.png\n"
            for i, c in enumerate(target[run - 1])
        )
    made = published(
        "all_runs", inks, texts, target.astype("<i2").tobytes(), "one-shot-classification/"
    )
    made.target = target
    return made


@pytest.fixture
def small(monkeypatch, no_omniglot, small_published):
    """A small set of 24 images stands in for an official part."""
    monkeypatch.setitem(PARTS, SMALL, small_published.part)
    return small_published


@pytest.fixture
def small_runs(monkeypatch, no_omniglot, runs_published):
    """Random images stand in for the official runs."""
    monkeypatch.setitem(PARTS, "all_runs", runs_published.part)
    return runs_published


@pytest.fixture(scope="session")
def encode():
    return png


@pytest.fixture(scope="session")
def zip_of():
    return zipped


@pytest.fixture(scope="session")
def digest_by_definition():
    return defined_digest
