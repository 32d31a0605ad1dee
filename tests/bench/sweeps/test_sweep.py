"""A file of a sweep is read and checked before anything is run."""

import pytest
from wayshot.bench.errors import ScorerError
from wayshot.bench.sweeps import Sweep


def sweep(tmp_path, text):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return Sweep.read(path)


def test_braces_stars_seeds_and_engines_stand_for_several(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.onnx", "a.onnx"):
        (tmp_path / name).touch()
    found = sweep(
        tmp_path,
        "scorers: ['*.onnx', chance, {scorer: 'm.py:Net', weights: a.onnx, label: me,"
        " resources: {GPU: 1}, files: [b.onnx]}]\n"
        "protocols: ['glyphs-within-{5,20}w{1..2}s']\n"
        "seeds: [7, '1..3']\nepisodes: 50\nengines: [auto, keras]\nlatency: true\n",
    )
    texts = [one.text for one in found.scorers if one.engine == "keras"]
    assert texts == ["a.onnx", "b.onnx", "chance", "me=m.py:Net,weights=a.onnx"]
    assert len(found.scorers) == 8
    assert found.scorers[-1].resources == (("GPU", 1),)
    assert found.scorers[-1].files == ("b.onnx",)
    assert [*found.protocols] == [f"glyphs-within-{n}w{k}s" for n in (5, 20) for k in (1, 2)]
    assert found.seeds == (7, 1, 2, 3)
    assert found.episodes == 50
    (line,) = found.left_out
    assert line.startswith("latency is left out: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("protocols: [lake-runs]", "expected the fields scorers and protocols"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nepisode: 5", "unknown field 'episode'"),
        ("scorers: []\nprotocols: [lake-runs]", "at least one"),
        ("scorers: [3]\nprotocols: [lake-runs]", "what is typed after -s"),
        ("scorers: ['*.nothing']\nprotocols: [lake-runs]", "no file is called so"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nseeds: [-1]", "from 0"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nseeds: [a]", "expected numbers"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nepisodes: 0", "episodes 0"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nengines: [fast]", "engine 'fast'"),
        ("scorers: [chance]\nprotocols: [lake-runs]\nscores: maybe", "true or false"),
        ("scorers: [chance]\nprotocols: ['lake-within-{1..9999999}w1s']", "more than"),
        ("scorers: [{scorer: chance, files: [none]}]\nprotocols: [lake-runs]", "no such file"),
        ("scorers: [{scorer: chance, resources: [1]}]\nprotocols: [lake-runs]", "resources"),
        ("scorers: [{scorer: 'a{1,2}', label: x}]\nprotocols: [lake-runs]", "one label for 2"),
        ("scorers: [chance\nprotocols:", "sweep.yaml"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, text, said):
    with pytest.raises(ScorerError, match=r"sweep\.yaml") as caught:
        sweep(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ScorerError, match="not a file"):
        Sweep.read(tmp_path / "none.yaml")
