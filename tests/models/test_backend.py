"""What a user sets for Keras does not reach this project's networks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wayshot.models.backend import some_home

CODE = """
import hashlib, numpy as np
from wayshot.models import bundle
images = (np.random.default_rng(0).random((2, 105, 105)) < 0.1).astype("uint8")
model = bundle("siamese-small").build()
print(hashlib.sha256(model.embed(images).tobytes()).hexdigest())
import keras
print(keras.config.image_data_format(), keras.config.floatx())
"""


def embedded(home, **settings) -> list[str]:
    home.mkdir()
    (home / "keras.json").write_text(json.dumps({"backend": "tensorflow", **settings}))
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"KERAS_HOME": str(home), "PATH": "", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "settings",
    [
        {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3},
        pytest.param({"image_data_format": "channels_first"}, marks=pytest.mark.slow),
        pytest.param({"floatx": "float16", "epsilon": 1e-3}, marks=pytest.mark.slow),
    ],
)
def test_settings_of_the_user_change_no_embedding_and_stay_as_they_were(tmp_path, settings):
    usual, other = embedded(tmp_path / "usual"), embedded(tmp_path / "other", **settings)
    assert usual[0] == other[0]
    assert other[1:] == [
        settings.get("image_data_format", "channels_last"),
        settings.get("floatx", "float32"),
    ]


def test_libraries_have_a_home_folder_while_they_are_imported(monkeypatch):
    def unknown(*_):
        raise KeyError("nobody")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path.home()
    with some_home():
        assert Path.home().is_dir()
    assert "HOME" not in os.environ
    monkeypatch.setenv("HOME", "/mine")
    with some_home():
        assert Path.home() == Path("/mine")
    assert os.environ["HOME"] == "/mine"
