from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_lowest_versions_are_those_that_the_package_asks_for():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = dict(
        line.split(">=") for line in setup["options"]["install_requires"].split() if ">=" in line
    )
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    held = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert held.keys() == asked.keys()
    for name, lowest in asked.items():
        assert re.sub(r"(\.0)+$", "", held[name]) == re.sub(r"(\.0)+$", "", lowest), name
