"""10,000 inputs a parser; `make fuzz` goes on from there, led by coverage."""

from __future__ import annotations

import importlib.util
import json
import random
import zipfile
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

_spec = importlib.util.spec_from_file_location("targets", Path(__file__).with_name("targets.py"))
targets = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(targets)

INPUTS = 10_000
EACH = 10
"""Inputs of one example: what Hypothesis does for an example takes longer than a parser."""

many = settings(
    max_examples=INPUTS // EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

WORDS = (
    *("lake", "vinyals", "meta", "glyphs", "small1", "folder:x", "folder:a/b-5w1s", "runs"),
    *("background", "evaluation", "test", "train", "validation", "within", "between", "all"),
    *("5w1s", "20w5s", "5to50w1s", "0w1s", "1w1s", "9to5w1s", "99999w99999s", "5w", "w1s"),
    *("q5", "q0", "q99999", "rot", "rotapart", "once", "samedrawer", "distinctdrawers"),
    *("x", "-", "", " ", "\n", "\x1b[2J", "٥w1s", "folder:", "folder:\ud7ff", "é"),
)
TEXT = [chr(place) for place in (*range(0x180), 0x202E, 0x2028, 0xD7FF, 0x1F600)]


def seeded(make):
    """Ten inputs of one number."""
    seeds = st.integers(0, 2**63 - 1)
    return seeds.map(lambda seed: [make(random.Random(seed + place)) for place in range(EACH)])


GRAMMAR = (WORDS[:8], ("", *WORDS[8:14]), ("", *WORDS[13:15]), WORDS[16:20], ("", *WORDS[25:]))


def some_name(draw):
    """Words in the order of a name's, or in none, or texts in their place."""
    kind = draw.random()
    if kind < 0.4:
        words = [word for choices in GRAMMAR if (word := draw.choice(choices))]
    else:
        words = draw.choices(WORDS, k=draw.randint(0, 7))
    if kind > 0.8:
        words.insert(draw.randint(0, len(words)), "".join(draw.choices(TEXT, k=3)))
    return "-".join(words).encode()


@pytest.mark.slow
@many
@given(seeded(some_name))
def test_names_of_protocols(inputs):
    for content in inputs:
        targets.protocol(content)


def places(value, before=()):
    """The places of all values in a dict of dicts."""
    for name, inner in value.items():
        yield (*before, name)
        if isinstance(inner, dict):
            yield from places(inner, (*before, name))


VALUES = (
    *(None, True, False, 0, 1, -1, 5, 10**9, 10**10, 2**63, 2**64, 10**40, 0.5, 1e300, -0.0),
    *(float("nan"), float("inf"), "", "x", "12", "conv-4", "os:abort", "adam", "cosine", "../x"),
    *("x\ny", "\x1b[2J", "\ud800", "\u202e", "x" * 300, [], [1], ["Latin"], [[[]]], [0.9, 1.1]),
    *({}, {"a": 1}, {"a": {"b": []}}, {"steps": 5}, {"name": "x", "digest": "d"}),
)


def changed(whole):
    """The whole in JSON, with up to three values exchanged, dropped or added."""
    there = list(places(whole))

    def change(draw):
        made = json.loads(json.dumps(whole))
        for _ in range(draw.randint(0, 3)):
            *above, last = draw.choice(there)
            part = made
            for name in above:
                part = part.get(name) if isinstance(part, dict) else None
            if not isinstance(part, dict):
                continue
            kind = draw.randrange(4)
            if kind == 0:
                part.pop(last, None)
            else:
                # A copy, as later changes may be made within it.
                value = deepcopy(draw.choice([*VALUES, draw.randint(-100, 100), draw.random()]))
                part[last if kind < 3 else draw.choice(["", "x", "x\ny", "\ud800"])] = value
        return json.dumps(made).encode()

    return change


def edited(text):
    """The bytes with some of them changed, dropped or doubled."""

    def edit(draw):
        content = bytearray(text)
        for _ in range(draw.randint(0, 4)):
            place, many = draw.randrange(len(content) + 1), draw.randint(1, 40)
            kind = draw.randrange(6)
            if kind < 2 and place < len(content):
                content[place] = draw.randrange(256)
            elif kind == 2:
                del content[place:]
            elif kind == 3:
                del content[place : place + many]
            elif kind == 4:
                content[place:place] = content[place : place + many]
            else:
                content[place:place] = draw.randbytes(draw.randint(1, 6))
        return bytes(content)

    return edit


def either(*makers):
    """One of some makers of inputs."""
    return lambda draw: draw.choice(makers)(draw)


PIECES = (
    *("name: x\n", "network: {backbone: conv-4}\n", "data: lake-background\n", "held_out: []\n"),
    *("pairs: {steps: 5}\n", "classes:\n", "  steps: 5\n", "- ", "? ", ": ", "&a ", "*a", "<<: "),
    *("!!python/name:os.system ", "!!binary ", "!!set ", "!!timestamp ", "| \n", ">\n", "%YAML 9"),
    *(
        "---\n",
        "...\n",
        "'",
        '"',
        "\\",
        "[",
        "]",
        "{",
        "}",
        "#",
        "\t",
        "\0",
        "\ufeff",
        "1:2:3",
        ".inf",
    ),
)


@pytest.mark.slow
@many
@given(
    seeded(
        either(
            changed(targets.RECIPE),
            edited(yaml.safe_dump(targets.RECIPE).encode()),
            lambda draw: "".join(draw.choices(PIECES, k=draw.randint(0, 8))).encode(),
        )
    )
)
def test_recipes(inputs):
    for content in inputs:
        targets.recipe(content)


@pytest.mark.slow
@many
@given(
    seeded(
        either(
            changed(targets.RECORD),
            changed(targets.RECORD),
            edited(json.dumps(targets.RECORD).encode()),
        )
    )
)
def test_records(inputs):
    for content in inputs:
        targets.record(content)


ENDS = ("\n", "\n", "\r\n", " ", "", "\x0b", "\u2028")


def some_lines(draw):
    """Lines like those of labels, about runs, items and classes that need not be."""
    numbers = [f"{draw.randint(0, 22):02}" for _ in range(4)]
    line = "run{}/test/item{}.png run{}/training/class{}.png"
    return "".join(
        line.format(*draw.choices(numbers, k=4)) + draw.choice(ENDS)
        for _ in range(draw.randint(0, 4))
    ).encode()


@pytest.mark.slow
@many
@given(seeded(either(edited(targets.LINES), some_lines)))
def test_class_labels(inputs):
    for content in inputs:
        targets.labels(content)


@pytest.mark.slow
@many
@given(seeded(either(edited(targets.zipped()), edited(targets.zipped(zipfile.ZIP_STORED)))))
def test_zips(inputs):
    for content in inputs:
        targets.archive(content)


@pytest.mark.slow
@many
@given(seeded(either(*map(edited, targets.pictures()))))
def test_images(inputs):
    for content in inputs:
        targets.image(content)


def test_inputs_are_as_many_as_promised_and_not_all_refused():
    """What is refused at its first byte says little of a parser."""
    assert many.max_examples * EACH == INPUTS
    makers = {
        "protocol": some_name,
        "recipe": changed(targets.RECIPE),
        "record": changed(targets.RECORD),
        "labels": either(edited(targets.LINES), some_lines),
        "archive": edited(targets.zipped()),
    }
    for name, make in makers.items():
        read = 0
        for seed in range(200):
            try:
                targets.READERS[name](make(random.Random(seed)))
                read += 1
            except ValueError:
                continue
        assert 5 < read < 195, (name, read)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_target_sees_what_a_parser_should_not_raise(name, monkeypatch):
    """Each would say so, if its parser raised another error or one of several lines."""
    parsers = {
        "protocol": "parse",
        "recipe": "recipes.decode",
        "record": "records.decode",
        "labels": "read_labels",
        "archive": "read_part",
        "image": "decode_any",
    }
    errors = {"recipe": targets.ModelError, "record": targets.ResultError}
    home, _, attribute = f"targets.{parsers[name]}".rpartition(".")
    owner = targets if home == "targets" else getattr(targets, home.split(".")[1])
    for error in (KeyError("x"), errors.get(name, targets.TaskError)("two\nlines")):

        def fails(*_, error=error):
            raise error

        monkeypatch.setattr(owner, attribute, fails)
        with pytest.raises((KeyError, AssertionError)):
            targets.TARGETS[name](b"x")
