"""What is fuzzed: each target takes bytes, and holds a parser to what it promises.

A parser reads an input, or refuses it with the package's own error in one line.
What it has read can be written, and is then read as the same. Anything else
that is raised is a finding.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from wayshot.models.errors import ModelError
from wayshot.models.training import recipe as recipes
from wayshot.results.errors import ResultError
from wayshot.results.store import record as records
from wayshot.tasks import Dataset, TaskError, parse
from wayshot.tasks.data.images import decode_any, pack, pixel_digest
from wayshot.tasks.data.omniglot import PARTS, read_labels, read_part

RECIPE = {
    "name": "x",
    "network": {"backbone": "conv-4", "join": "cosine"},
    "data": "lake-background",
    "held_out": ["Latin"],
    "drawers": 20,
    "distortion": {"scale": [0.9, 1.1], "rotation": 10.0},
    "classes": {"steps": 5, "teacher": None},
    "pairs": {"steps": 5, "optimizer": "sgd"},
}
RECORD = {
    "schema_version": 1,
    "protocol": {"name": "p", "digest": "d", "fields": {"ways": 5, "structure": "within"}},
    "dataset": {"name": "x", "digest": "d", "images": 3},
    "scorer": {
        "name": "s",
        "digest": "d",
        "parameters": 3,
        "flops": 2.5,
        "training": {"recipe": "r", "seed": 1},
    },
    "seed": 1,
    "episodes": 2,
    "episodes_digest": "e",
    "n": 10,
    "trials_digest": "t",
    "environment": {"machine": "m", "packages": {"numpy": "2"}},
    "timings": {"total_seconds": 1.5},
    "stopping": {"looks": 2},
    "audit": {"verdict": "passed"},
    "latency": {"p50_ms": 1.5},
}
LINES = "".join(
    f"run03/test/item{item:02}.png run03/training/class{21 - item:02}.png\n"
    for item in range(1, 21)
).encode()


def pictures() -> Iterator[bytes]:
    """A small picture in every format that is read."""
    picture = Image.linear_gradient("L").resize((12, 9))
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        buffer = BytesIO()
        picture.save(buffer, kind)
        yield buffer.getvalue()


def _is_one_line(error: Exception) -> None:
    message = str(error)
    assert message, repr(error)
    assert "\n" not in message, message
    assert message.isprintable(), message


def protocol(content: bytes) -> None:
    """Names of protocols."""
    text = content.decode(errors="replace")
    try:
        asked = parse(text)
    except TaskError as error:
        _is_one_line(error)
    else:
        assert parse(asked.name) == asked
        assert asked.describe() and len(asked.digest) == 64


def recipe(content: bytes) -> None:
    """Recipes."""
    try:
        read = recipes.decode(content)
    except ModelError as error:
        _is_one_line(error)
    else:
        written = yaml.safe_dump(read.to_dict())
        if len(written) <= recipes.LARGEST:
            assert recipes.decode(written.encode()) == read


def record(content: bytes) -> None:
    """Records of runs."""
    try:
        read = records.decode(content)
    except ResultError as error:
        _is_one_line(error)
    else:
        assert records.decode(json.dumps(read, allow_nan=False).encode()) == read


def labels(content: bytes) -> None:
    """Class labels of the official runs."""
    try:
        read = read_labels(content)
    except TaskError as error:
        _is_one_line(error)
    else:
        lines = []
        for (run, item), character in read.items():
            assert {run, item, character} <= set(range(20))
            item_name, class_name = f"test/item{item + 1:02}", f"training/class{character + 1:02}"
            lines.append(f"run{run + 1:02}/{item_name}.png run{run + 1:02}/{class_name}.png")
        assert read_labels("\n".join(lines).encode()) == read


PART = "images_background_small1"
NAMES = [f"{PART}/Alpha/character01/0001_{drawer:02}.png" for drawer in (1, 2)]


@cache
def inks() -> np.ndarray:
    """The images of a part of two."""
    return np.random.default_rng(3).random((2, 105, 105)) < 0.02


@cache
def zipped(compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The zip of the part of two images."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, ink in zip(NAMES, inks(), strict=True):
            image = BytesIO()
            Image.fromarray(~ink).save(image, "PNG")
            archive.writestr(name, image.getvalue())
    return buffer.getvalue()


@cache
def _path() -> Path:
    return Path(tempfile.mkdtemp(prefix="wayshot-fuzz-")) / f"{PART}.zip"


def _read_zip(content: bytes) -> Dataset:
    part = replace(PARTS[PART], images=2, pixels=pixel_digest(NAMES, pack(inks())))
    _path().write_bytes(content)
    return read_part(part, _path())


def archive(content: bytes) -> None:
    """Zips of Omniglot."""
    try:
        read = _read_zip(content)
    except TaskError as error:
        _is_one_line(error)
        assert str(_path()) in str(error)
    else:
        np.testing.assert_array_equal(read.images[:], inks())


def image(content: bytes) -> None:
    """Images of any format."""
    try:
        assert decode_any(content, "x").shape == (105, 105)
    except TaskError as error:
        _is_one_line(error)


TARGETS = {one.__name__: one for one in (protocol, recipe, record, labels, archive, image)}
READERS = {
    "protocol": lambda content: parse(content.decode(errors="replace")),
    "recipe": recipes.decode,
    "record": records.decode,
    "labels": read_labels,
    "archive": _read_zip,
}
"""What the targets call, to see what is read and what is refused."""


def samples(name: str) -> list[bytes]:
    """Sound inputs of a target, to begin with."""
    return {
        "protocol": [
            *(b"lake-runs", b"vinyals-validation-5w5s-q15-rotapart", b"meta-5to50w1s"),
            *(b"lake-between-5w1s-rotapart-once", b"folder:/a b-within-5w2s-samedrawer"),
        ],
        "recipe": [yaml.safe_dump(RECIPE).encode(), json.dumps(RECIPE).encode()],
        "record": [json.dumps(RECORD).encode()],
        "labels": [LINES, LINES[:60]],
        "archive": [zipped(), zipped(zipfile.ZIP_STORED)],
        "image": list(pictures()),
    }[name]
