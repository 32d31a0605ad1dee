"""Arrays: images and labels that are in memory, or in files of NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ..errors import TaskError
from ..progress import Progress, followed, quiet
from ..text import readable, reason
from . import npy, parts
from .array_names import NAMES, named
from .content import digest
from .dataset import Dataset
from .decoding import in_kind, is_coloured, shades
from .listing import ALPHABET, File
from .pictures import (
    Pictures,
    batch_size,
    batches,
    border_shades,
    check,
    paper_of,
    resized,
)
from .screening import Seen, mixed_remarks, of_part
from .settings import Settings
from .store import cached_pictures
from .words import are_missing, words_of

_LARGEST = 2**40

_NAMED = 5

HOW = (
    "expected arrays images, uint8 of shape (n, height, width) or (n, height, width, 3), and "
    "labels, of shape (n,), or x_train, y_train, x_test, y_test; tasks.from_arrays takes arrays "
    "of any name"
)


def is_at(root: Path) -> bool:
    """Tells whether a path is a `.npz` file, or a folder with images and labels as `.npy`."""
    if root.is_file():
        return root.suffix.lower() == ".npz"
    stems = _stems(root)
    return "images" in stems or bool(named(stems))


def _stems(folder: Path) -> list[str]:
    return [path.stem for path in sorted(folder.glob("*.npy")) if path.is_file()]


def from_arrays(
    images: Any,
    labels: Sequence[Any] | np.ndarray,
    groups: Sequence[Any] | np.ndarray | None = None,
    *,
    drawers: Sequence[Any] | np.ndarray | None = None,
    name: str = "arrays",
    size: int = 0,
    kind: str = "",
    ink: str = "auto",
    split: Mapping[str, Sequence[Any]] | None = None,
    part: str = "all",
    progress: Progress = quiet,
) -> Dataset:
    """Makes a data set of images and labels that some other library has loaded.

    Args:
        images: uint8 ndarray (n, height, width) or (n, height, width, 3), in memory or
            memory-mapped, which is not copied; or float, 0 to 1; or any sequence of such arrays
            or of pictures of Pillow, also of different sizes.
        labels: The class of each image: a name or a number, none of them missing.
        groups: The group of classes that each image's class is in, as alphabets are; None, or
            None for every image, for one group.
        drawers: Who drew or took each image; None, or None for every image, where that is unknown.
        name: What tables call it.
        size: Height and width in pixels, into which images are fitted; 0 for what they have.
        kind: `gray` or `color`; "" for what they are.
        ink: Whether the ink of gray images is `dark` or `light`; `auto` finds it out.
        split: Names of classes of the parts `train`, `validation` and `test`.
        part: The part to give; `all` for all.
        progress: Shows the progress of looking at all images.

    Raises:
        TaskError: The arrays are of other kinds, or do not fit each other.

    Examples:
        >>> import numpy as np
        >>> from wayshot import tasks
        >>> rng = np.random.default_rng(1)
        >>> images = rng.integers(0, 255, (40, 28, 28), dtype=np.uint8)
        >>> data = tasks.from_arrays(images, np.arange(40) % 8)
        >>> data.images.kind, len(data.characters)
        ('gray', 8)
    """
    asked = Settings(ink, kind, size)
    pixels = _pixels(images, asked)
    dataset = _Reading(name, name, [labels, groups, drawers], asked, progress).look(pixels)
    pictures = dataset.images
    assert isinstance(pictures, Pictures)
    names = {one: [str(of) for of in some] for one, some in (split or {}).items()}
    unknown = [str(one) for one in names if one not in parts.PARTS]
    if unknown:
        raise TaskError(
            f"{name}: split names {', '.join(map(readable, unknown))}, expected some of the parts "
            f"{', '.join(parts.PARTS)}"
        )
    said = parts.divide(_classes(dataset), names)
    return of_part(dataset, part, said, name)


def _classes(dataset: Dataset) -> list[tuple[str, str]]:
    both = dataset.characters
    return list(zip(both["alphabet"], both["character"], strict=True))


def load(
    root: Path, where: str, asked: Settings, part: str = "all", progress: Progress = quiet
) -> Dataset:
    """Gives the pictures of arrays in files.

    Args:
        root: A `.npz` file with arrays of the names of `array_names.named`, or a folder with
            `images.npy`, `labels.npy` and so on, whose images are memory-mapped and not copied.
        where: What it is called in errors.
        asked: Size, kind and ink.
        part: `all`, or one of `parts.PARTS`.
        progress: Shows the progress.

    Raises:
        TaskError: An array is missing, or of another kind.
    """
    name = f"images:{root.resolve().stem}"
    top = root.parent if root.is_file() else root
    try:
        own, remarks = _of_part(root, where, part)
        others = [_read(root, own.get(one)) for one in NAMES[1:]]
        reading = _Reading(name, where, others, asked, progress, remarks)
        paths = [root] if root.is_file() else [root / f"{one}.npy" for one in own.values()]
        known = digest([(path.name, path) for path in paths], _LARGEST)
        key = f"arrays 5 {asked} {own} {remarks} {known}"
        if root.is_file():
            dataset = cached_pictures(
                key, name, lambda file: reading.unpack(file, root, own["images"])
            )
        else:
            images = npy.mapped(paths[0])
            pixels = _unchanged(images, asked)
            dataset = cached_pictures(
                key,
                name,
                lambda file: reading.store(
                    file, _pixels(images, asked) if pixels is None else pixels
                ),
                pixels,
            )
        if "" not in named(_all(root)):
            return replace(dataset, name=name if part == "all" else f"{name} {part}")
        said = parts.divide(_classes(dataset), parts.read(top))
    except TaskError as error:
        line = str(error)
        raise TaskError(line if line.startswith(where) else f"{where}: {line}") from None
    except npy.DAMAGES as error:
        raise TaskError(f"{where}: cannot be read ({reason(error)}); {HOW}") from None
    return of_part(dataset, part, said, where)


def _all(root: Path) -> list[str]:
    """Gives the names of all arrays of a file or folder."""
    if root.is_dir():
        return _stems(root)
    with npy.Archive(root) as arrays:
        return arrays.names


def _of_part(root: Path, where: str, part: str) -> tuple[dict[str, str], list[str]]:
    """Gives the names of the arrays of one part, and remarks on them.

    Raises:
        TaskError: There are no images and labels, or it is not told which part is meant.
    """
    has = _all(root)
    there = named(has)
    if not there:
        some = ", ".join(map(readable, has[:_NAMED]))
        what = "no array labels" if "images" in has else f"has the arrays {some or 'none'}"
        raise TaskError(f"{what}; {HOW}")
    if "" in there:
        return there[""], []
    if part == "all" and len(there) == 1:
        return next(iter(there.values())), []
    if part not in there:
        ways = " or ".join(f"{where}@{one}" for one in there)
        raise TaskError(f"has arrays of the parts {', '.join(there)}; name one part, {ways}")
    others = {one: set(_labels(root, names)) for one, names in there.items() if one != part}
    own = set(_labels(root, there[part]))
    remarks = [
        f"{len(own & classes)} of its {len(own)} classes are in {one}, too: what is trained on "
        f"{one} has seen them"
        for one, classes in others.items()
        if own & classes
    ]
    return there[part], remarks


def _labels(root: Path, names: Mapping[str, str]) -> list[str]:
    labels = np.asarray(_read(root, names["labels"]))
    return words_of(labels, labels.size, "labels")


def _read(root: Path, name: str | None) -> np.ndarray | None:
    """Reads an array of labels; None where there is none."""
    if name is None:
        return None
    if root.is_dir():
        return npy.read(root / f"{name}.npy")
    with npy.Archive(root) as arrays:
        return arrays.read(name)


@dataclass(frozen=True)
class _Reading:
    """Images that are looked at, on their way to a data set.

    Attributes:
        name: What the data set is called.
        where: What it is called in errors.
        others: Labels, groups and drawers; None for those that are missing.
        asked: Size, kind and ink.
        progress: Shows the progress.
        remarks: What is to be said of them already.
    """

    name: str
    where: str
    others: Sequence[Any]
    asked: Settings
    progress: Progress
    remarks: Sequence[str] = ()

    def unpack(self, file: BinaryIO, root: Path, name: str) -> Dataset:
        """Unpacks the images of a `.npz` file, which cannot be memory-mapped."""
        with npy.Archive(root) as arrays:
            head = arrays.header(name)
            if head.dtype != np.uint8:
                return self.store(file, _pixels(arrays.read(name, _LARGEST), self.asked))
            deep = len(head.shape) == 4 and head.shape[-1] == 1
            arrays.unpack(name, file, head.shape[:-1] if deep else head.shape)
        file.flush()
        own = npy.mapped(Path(file.name))
        pixels = _unchanged(own, self.asked)
        return self.store(file, _pixels(own, self.asked) if pixels is None else pixels)

    def store(self, file: BinaryIO, pixels: np.ndarray) -> Dataset:
        """Writes pixels that had to be changed; others stay in the file in which they are."""
        if not npy.is_mapped(pixels):
            file.seek(0)
            file.truncate()
            np.save(file, pixels)
        return self.look(pixels)

    def look(self, pixels: np.ndarray) -> Dataset:
        """Looks at all images, and makes the data set."""
        count = len(pixels)
        labels, groups, drawers = (
            None if what != "labels" and are_missing(one) else words_of(one, count, what)
            for one, what in zip(self.others, NAMES[1:], strict=True)
        )
        assert labels is not None
        files = [
            File(
                f"{labels[i]}/{i}",
                Path(),
                groups[i] if groups else ALPHABET,
                labels[i],
                drawers[i] if drawers else "",
            )
            for i in range(count)
        ]
        seen, total = Seen(), -(-count // batch_size(pixels))
        title = f"Reading {readable(self.name)}"
        gray = 0
        for part in followed(batches(pixels), total, title, self.progress):
            seen.add(part)
            if pixels.ndim == 4 and not self.asked.kind:
                gray += int((part == part[..., :1]).all(axis=(1, 2, 3)).sum())
        remarks = [*self.remarks, *(mixed_remarks(gray, count) if gray < count else ())]
        return seen.screened(self.name, self.where, files, pixels, self.asked.ink, remarks)


def _unchanged(images: np.ndarray, asked: Settings) -> np.ndarray | None:
    """Gives images that already are what is asked for, without a copy; None for others."""
    if images.dtype != np.uint8:
        return None
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    check(images, "images")
    kind = asked.kind or ("gray" if images.ndim == 3 else "color")
    size = (asked.size, asked.size) if asked.size else images.shape[1:3]
    same = (kind == "gray") == (images.ndim == 3) and size == images.shape[1:3]
    return images if same else None


def _pixels(images: Any, asked: Settings) -> np.ndarray:
    """Gives images as one uint8 array of the kind and size that are asked for."""
    if isinstance(images, np.ndarray) and images.dtype != object:
        found = _of_bytes(images)
        same = _unchanged(found, asked)
        if same is not None:
            return same
        if found.ndim == 4 and found.shape[-1] == 1:
            found = found[..., 0]
        check(found, "images")
        kind = asked.kind or ("gray" if found.ndim == 3 else "color")
        size = (asked.size, asked.size) if asked.size else found.shape[1:3]
    else:
        found = [_of_one(one) for one in images]
        if not found:
            raise TaskError(f"images: none; {HOW}")
        kind = asked.kind or ("color" if any(map(is_coloured, found)) else "gray")
        sizes = {one.shape[:2] for one in found}
        size = (asked.size, asked.size) if asked.size else found[0].shape[:2]
        if len(sizes) > 1 and not asked.size:
            raise TaskError(f"images of {len(sizes)} sizes; say size=84, for example")
    turned = [in_kind(np.asarray(one), kind) for one in found]
    paper = paper_of([border_shades(one[None]) for one in turned])
    return np.stack([resized(one, size, paper) for one in turned])


def _of_one(image: Any) -> np.ndarray:
    """Gives one of a sequence of images as uint8, (height, width) or (height, width, 3)."""
    if isinstance(image, Image.Image):
        try:
            return shades(image)
        except TaskError as error:
            raise TaskError(f"images: {error}") from None
    pixels = _of_bytes(np.asarray(image))
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    check(pixels[None], "images")
    return pixels


def _of_bytes(images: np.ndarray) -> np.ndarray:
    """Gives pixels as uint8: bool and numbers from 0 to 1 are multiplied by 255."""
    kind = images.dtype.kind
    if images.dtype == np.uint8 or kind not in "bfiu" or not images.size:
        return images
    if kind == "b":
        return images.astype(np.uint8) * np.uint8(255)
    low, high = images.min(), images.max()
    if not 0 <= low <= high <= (1 if kind == "f" else 255):
        raise TaskError(
            f"images: {images.dtype} from {low:g} to {high:g}, expected whole numbers from 0 to "
            "255, or others from 0 to 1"
        )
    if kind == "f":
        return np.rint(images * 255).astype(np.uint8)
    return images.astype(np.uint8, copy=False)
