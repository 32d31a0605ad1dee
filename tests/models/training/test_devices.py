import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wayshot.models import ModelError
from wayshot.models.training import use_devices

PROGRAM = """
import json, sys
from pathlib import Path
from wayshot.models import ModelError, Training
from wayshot.models.training import keep_compiled, recipe, use_devices
from wayshot.tasks import load

folder, losses = Path(sys.argv[1]), []
keep_compiled()
found = recipe.read(str(folder / "tiny.yaml"))
for devices in (1, 2):
    use_devices(devices)
    training = Training(found, load("glyphs", "background"), seed=1)
    out = folder / str(devices)
    out.mkdir()
    losses.append([report.loss for report in training.run(out)])
    weight = training.siamese.tower.trainable_variables[0].value
    sharded = len(weight.sharding.device_set)
try:
    use_devices(3)
except ModelError as error:
    said = str(error)
print(json.dumps([losses, sharded, said]))
"""

# Alphabets with an odd number of characters cannot be divided into equal parts.
TINY = """
name: tiny
network: {backbone: conv-4, join: cosine, head: weighted}
data: glyphs-background
held_out: []
classes: {steps: 3, batch: 16, warmup_steps: 1}
pairs: {steps: 6, batch: 64, fitted: true}
"""


def test_other_backends_than_jax_say_what_several_devices_need():
    with pytest.raises(ModelError, match=r"need the backend JAX, not \w+; set KERAS_BACKEND=jax"):
        use_devices(2)
    use_devices(1)


def test_two_devices_train_as_one_does(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "tiny.yaml").write_text(TINY)
    two = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": two},
        cwd=Path(__file__).parents[2] / "bench",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (one, other), sharded, said = json.loads(done.stdout)
    assert other == pytest.approx(one, rel=1e-3)
    assert sharded == 2
    assert said == "3 devices were asked for, and there are cpu:0, cpu:1"
