"""What can be listed can be described."""

from __future__ import annotations

import json

import pytest
import yaml
from wayshot import tasks
from wayshot.tasks import TaskError


@pytest.mark.parametrize("kind", ["protocols", "scorers", "datasets", "backbones", "recipes"])
def test_list_names_things_that_describe_knows(wayshot, kind):
    rows = json.loads(wayshot("list", kind, "--json")[1])[kind]
    assert rows
    for row in rows:
        name = row["name"].replace("WAYS", "5").replace("SHOTS", "1").replace("within|", "")
        name = name.replace("NAME", "MobileNetV3Small")
        if "PATH" in name or name == "MODULE:ATTRIBUTE":
            continue
        words = ("recipe", name) if kind == "recipes" else (name,)
        status, out, err = wayshot("describe", *words, "--json")
        assert status == 0, err
        assert json.loads(out)["name"] == name


def test_list_protocols_shows_every_suffix_that_a_name_can_have(wayshot):
    rows = json.loads(wayshot("list", "protocols", "--json")[1])["suffixes"]
    printed = wayshot("list", "protocols")[1]
    for row in rows:
        name = "glyphs-within-5w1s" + row["suffix"].replace("N", "3")
        assert tasks.parse(name).name == name
        assert f"{row['suffix']} " in printed and row["what"] in printed
    with pytest.raises(TaskError) as error:
        tasks.parse("glyphs-within-5w1s-nothing")
    # The message ends with all of them.
    known = str(error.value).rpartition("one of ")[2].split(", ")
    assert known == [row["suffix"] for row in rows]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("glyphs-within-200w1s", "200 ways are impossible"),
        ("glyphs-between-5w40s", "40 shots"),
        ("images:nowhere-within-5w1s", "no such folder"),
        ("glyphs-within-20w1s", None),
    ],
)
def test_a_protocol_that_cannot_be_run_says_so(wayshot, name, reason):
    status, out, _ = wayshot("describe", name, "--json")
    said = json.loads(out).get("cannot_be_run")
    assert status == 0 and json.loads(out)["name"] == name
    assert said is None if reason is None else reason in said
    assert ("cannot_be_run" in wayshot("describe", name)[1]) == (reason is not None)


def test_episodes_may_be_written_as_a_power_of_ten(wayshot, tmp_path):
    words = ("run", "glyphs-within-5w1s", "-s", "chance", "--runs", tmp_path, "--episodes")
    assert "50 episodes" in wayshot(*words, "5e1")[1]
    status, _, err = wayshot(*words, "many")
    assert status == 2 and "'many' is not a whole number; write it as 1000 or 1e3" in err


def test_describing_a_backbone_takes_it_apart(wayshot):
    facts = json.loads(wayshot("describe", "resnet18-eca", "--json")[1])
    assert facts["kind"] == "backbone"
    assert (facts["input"], facts["embedding"]) == ([32, 32, 3], 512)
    assert (facts["parameters"], facts["trainable_parameters"]) == (11_442_314, 11_434_506)
    assert (facts["join"], facts["head"]) == ("difference", "dense")
    assert facts["parameters_with_head"] == 11_705_483
    assert facts["flops_per_image"] == pytest.approx(1.11e9, rel=0.01)
    assert facts["flops_per_image"] == sum(layer["flops"] for layer in facts["layers"])
    assert facts["receptive_field"] == 32


def test_a_backbone_of_ones_own_is_described(wayshot):
    status, out, _ = wayshot("describe", "backbone", "example_backbones:tiny")
    facts = yaml.safe_load(out)
    assert status == 0 and (facts["input"], facts["embedding"]) == ([20, 20, 1], 32)


@pytest.mark.parametrize("name", ["koch", "qucy", "siamese-small"])
def test_describing_a_recipe_writes_every_default_out(wayshot, name, tmp_path):
    from wayshot.models.training import recipe

    out = wayshot("describe", "recipe", name)[1]
    facts = yaml.safe_load(out)
    assert facts.pop("kind") == "recipe"
    for part, kind in (("distortion", recipe.Distortion), ("network", recipe.Network)):
        assert list(facts[part]) == list(kind.__struct_fields__)
    assert list(facts) == list(recipe.Recipe.__struct_fields__)
    assert (facts["classes"] or facts["pairs"])["batch"] >= 32
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(facts))
    assert recipe.read(str(path)) == recipe.read(name)


def test_describing_the_bundled_network_gives_its_parameters(wayshot):
    facts = json.loads(wayshot("describe", "siamese-small", "--json")[1])
    assert facts["parameters"] == facts["card"]["parameters"] > 100_000
