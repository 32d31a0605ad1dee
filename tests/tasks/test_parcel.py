"""Episodes and their images are the same after a journey as files."""

import numpy as np
import pytest
from wayshot import tasks


def arrived(source, folder):
    for name, file in tasks.parcel_of(source).items():
        data = file if isinstance(file, bytes) else file.read_bytes()
        (folder / name).write_bytes(data)
    return tasks.unpack(folder, source.protocol, source.seed)


def assert_same(here, there):
    assert here.dataset.digest == there.dataset.digest
    assert here.dataset.name == there.dataset.name
    assert here.remarks == there.remarks
    count = here.episodes or 50
    assert tasks.episodes_digest(here, count) == tasks.episodes_digest(there, count)
    rows = np.arange(len(here.dataset))
    np.testing.assert_array_equal(here.dataset.images[rows], there.dataset.images[rows])
    np.testing.assert_array_equal(here.dataset.images.keys, there.dataset.images.keys)
    for name in ("alphabet", "character", "drawer"):
        ours, theirs = (one.dataset.table[name].cat for one in (here, there))
        assert [*ours.categories] == [*theirs.categories]
        np.testing.assert_array_equal(ours.codes, theirs.codes)


@pytest.mark.parametrize("name", ["glyphs-within-5w1s", "glyphs-between-5w2s-rot"])
def test_glyphs_arrive(tmp_path, name):
    source = tasks.open_protocol(tasks.parse(name), seed=3)
    assert_same(source, arrived(source, tmp_path))


@pytest.mark.parametrize("shape", [(40, 12, 12), (40, 12, 12, 3)])
def test_pictures_arrive(tmp_path, shape):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, shape).astype(np.uint8)
    data = tasks.from_arrays(images, [f"c{i // 4}" for i in range(40)])
    source = tasks.open_protocol(tasks.parse("arrays-between-5w1s"), data=data)
    assert_same(source, arrived(source, tmp_path))


def test_the_official_runs_arrive(tmp_path, omniglot):
    source = tasks.open_protocol(tasks.RUNS, data=omniglot)
    assert_same(source, arrived(source, tmp_path))
