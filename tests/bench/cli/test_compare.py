from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot import results, tasks
from wayshot.bench.cli import main
from wayshot.results import percent
from wayshot.results.statistics.comparison import compare
from wayshot.results.statistics.matching import disagreeing

SCORERS = ("pixel-cosine", "pixel-euclidean", "chance")


@pytest.fixture(scope="module")
def protocols(characters) -> list[str]:
    return [f"folder:{characters}-{rest}" for rest in ("within-5w1s", "between-5w1s-once")]


@pytest.fixture(scope="module")
def stored(protocols, tmp_path_factory) -> Path:
    """Runs of three scorers on two protocols, not to be changed."""
    root = tmp_path_factory.mktemp("runs")
    names = [word for name in SCORERS for word in ("-s", name)]
    main(["run", *protocols, *names, "--episodes", "60", "--runs", str(root)])
    return root


@pytest.fixture(scope="module")
def titles(protocols) -> list[str]:
    """The protocols as stored runs name them."""
    return [tasks.parse(name).title for name in protocols]


@pytest.fixture
def folder_of(stored):
    """The folder of a scorer's run on the first protocol, or the second."""

    def folder_of(scorer: str, place: int = 0) -> Path:
        (run,) = (
            run
            for run in results.find([stored])
            if run.scorer == scorer and ("-once" in run.protocol) == bool(place)
        )
        return run.folder

    return folder_of


def two(stored: Path, *more: object) -> tuple[object, ...]:
    return ("compare", "pixel-cosine", "chance", stored, *more)


def test_two_scorers_are_compared_in_words_on_every_protocol(wayshot, stored, titles):
    status, out, err = wayshot(*two(stored))
    assert (status, err) == (0, "")
    for protocol in titles:
        assert f"{protocol}: pixel-cosine against chance" in " ".join(out.split())
    for wanted in (
        *("difference", "points, 95 % interval", "jackknife by alphabet, 6", "p-value", "all 64"),
        *("McNemar", "takes trials as independent", "for pixel-cosine", "for chance"),
        *("smallest detectable", "80 % power at 5 %", "pixel-cosine is better", "--disagreements"),
    ):
        assert wanted in out
    assert out.count("takes trials as independent") == 1


@pytest.fixture(scope="module")
def of_one_alphabet(one_alphabet, tmp_path_factory) -> Path:
    """Runs of three scorers on one alphabet, not to be changed."""
    root = tmp_path_factory.mktemp("one")
    names = [word for name in SCORERS for word in ("-s", name)]
    protocol = f"folder:{one_alphabet}-within-5w1s"
    main(["run", protocol, *names, "--episodes", "2000", "--runs", str(root)])
    return root


def test_of_one_alphabet_a_verdict_is_for_its_characters(wayshot, of_one_alphabet):
    status, out, _ = wayshot(*two(of_one_alphabet))
    said = " ".join(out.split())
    assert status == 0 and "jackknife by character of one alphabet, 8" in said
    assert (
        "pixel-cosine is better, at the level of 5 %, for new characters of this alphabet" in said
    )
    assert "it says nothing about new alphabets." in said


def test_of_one_alphabet_many_episodes_do_not_tell_scorers_apart(wayshot, of_one_alphabet):
    words = ("compare", "pixel-cosine", "pixel-euclidean", of_one_alphabet)
    status, out, _ = wayshot(*words, "--disagreements", 0)
    said = " ".join(out.split())
    assert status == 0 and "They cannot be told apart" in said
    assert "these 8 characters limit it" in said
    assert "by character of one alphabet, all 256" in said
    status, out, _ = wayshot("compare", *SCORERS, of_one_alphabet)
    assert status == 0 and "Too few alphabets to rank on." in out


def test_of_too_few_characters_there_is_no_verdict(wayshot, five_characters, tmp_path):
    names = [word for name in SCORERS for word in ("-s", name)]
    protocol = f"folder:{five_characters}-within-5w1s"
    words = ("run", protocol, *names, "--episodes", 300, "--runs", tmp_path)
    status, shown, _ = wayshot(*words)
    assert status == 0 and "**" not in shown and "No bold in" in " ".join(shown.split())
    status, out, _ = wayshot(*two(tmp_path))
    said = " ".join(out.split())
    assert status == 0 and "points, no interval" in said
    assert "No verdict: 5 characters are too few, expected at least 6. Add characters" in said
    assert "better" not in said and "p-value" not in said and "McNemar" not in said
    status, out, _ = wayshot("compare", *SCORERS, tmp_path)
    assert status == 0 and "No verdict: 5 characters are too few" in " ".join(out.split())


def test_the_figures_are_those_of_the_library(wayshot, stored, folder_of, protocols):
    words = two(stored, "--json", "--protocol", protocols[0], "--level", 0.9)
    status, out, _ = wayshot(*words)
    (found,) = json.loads(out)["comparisons"]
    runs = [results.read(folder_of(name)) for name in ("pixel-cosine", "chance")]
    expected = json.loads(json.dumps(compare(*runs, level=0.9).as_json()))
    trials = found.pop("trials")
    assert (status, found) == (0, expected)
    listed = disagreeing(*runs)
    assert len(trials) == len(listed) == found["disagreements"] > 10
    assert set(trials[0]) == set(listed)
    assert [row["credit_first"] for row in trials] == listed["credit_first"].tolist()


@pytest.mark.parametrize("words", [("{stored}",), ("--runs", "{stored}"), ("--in", "{stored}")])
def test_the_folder_can_be_the_last_word_or_an_option(wayshot, stored, words):
    filled = [word.format(stored=stored) for word in words]
    status, out, _ = wayshot("compare", "pixel-cosine", "chance", *filled, "--json")
    assert status == 0 and len(json.loads(out)["comparisons"]) == 2


def test_by_default_runs_are_looked_for_in_runs(wayshot, stored, tmp_path, monkeypatch):
    shutil.copytree(stored, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    status, out, _ = wayshot("compare", "pixel-cosine", "chance", "--json")
    assert status == 0 and len(json.loads(out)["comparisons"]) == 2


def test_folders_of_runs_are_scorers_too(wayshot, stored, folder_of):
    one, other = folder_of("pixel-cosine"), folder_of("chance")
    status, out, _ = wayshot("compare", one, other, "--json")
    (found,) = json.loads(out)["comparisons"]
    assert (status, found["scorers"]) == (0, ["pixel-cosine", "chance"])
    # The last of three words is a run, and so no folder to look in.
    status, out, _ = wayshot("compare", one, other, folder_of("pixel-euclidean"), "--json")
    (found,) = json.loads(out)["rankings"]
    assert (status, found["scorers"]) == (0, ["pixel-cosine", "chance", "pixel-euclidean"])
    status, out, _ = wayshot("compare", one, "chance", "--runs", stored, "--json")
    assert len(json.loads(out)["comparisons"]) == 1


def test_a_protocol_is_chosen_by_its_whole_name_or_that_of_stored_runs(
    wayshot, stored, protocols, titles
):
    answers = [wayshot(*two(stored), "--protocol", name) for name in (protocols[0], titles[0])]
    assert answers[0] == answers[1] and answers[0][0] == 0
    assert answers[0][1].count("pixel-cosine against chance") == 1


@pytest.mark.parametrize("listed", [0, 1, 3])
def test_as_many_disagreements_are_listed_as_asked_for(wayshot, stored, protocols, listed):
    words = two(stored, "--protocol", protocols[0], "--disagreements", listed)
    _, out, _ = wayshot(*words)
    assert ("Trials on which they disagree" in out) == bool(listed)
    assert out.count("tied for 0.2 (+0)") == listed
    assert len(json.loads(wayshot(*words, "--json")[1])["comparisons"][0]["trials"]) == listed


def test_more_scorers_are_ranked(wayshot, stored, titles):
    status, out, err = wayshot("compare", *SCORERS, stored)
    assert (status, err) == (0, "")
    assert out.count("3 scorers") == 2
    for wanted in (
        *("pixel-cosine less pixel-euclidean", "corrected", "group", "mean rank"),
        *("Scorers that share a letter cannot be told apart", "Ranks over 6 alphabets"),
        *("Friedman", "Iman and Davenport", "Nemenyi: mean ranks differ at 5 %"),
    ):
        assert wanted in " ".join(out.split())
    status, out, _ = wayshot("compare", *SCORERS, stored, "--json")
    found = json.loads(out)["rankings"]
    assert sorted(one["protocol"] for one in found) == sorted(titles)
    assert all(len(one["pairs"]) == 3 and len(one["letters"]) == 3 for one in found)


@pytest.mark.parametrize("name", ["ranks.svg", "ranks.png"])
def test_critical_differences_are_drawn(wayshot, stored, protocols, tmp_path, name):
    words = ("compare", *SCORERS, stored, "--protocol", protocols[0], "--picture")
    status, _, err = wayshot(*words, tmp_path / "new" / name)
    assert (status, err) == (0, "")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_scorers_of_the_same_name_are_told_by_their_digests(wayshot, folder_of, tmp_path):
    shutil.copytree(folder_of("pixel-cosine"), tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "record.json").read_text())
    record["scorer"]["digest"] = "abcdef" * 10 + "0123"
    (tmp_path / "copy" / "record.json").write_text(json.dumps(record))
    words = ("compare", folder_of("pixel-cosine"), tmp_path / "copy")
    _, out, _ = wayshot(*words)
    assert "pixel-cosine (abcdefab)" in out
    assert "cannot be told, as all trials are alike" in out
    assert "They cannot be told apart at the level of 5 %." in out
    assert "Trials on which they disagree" not in out


def test_what_the_terminal_is_told_has_no_control_characters(wayshot, folder_of, tmp_path):
    shutil.copytree(folder_of("chance"), tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "record.json").read_text())
    record["scorer"] |= {"name": "x\x1b[2J\ny", "digest": "0" * 64}
    (tmp_path / "copy" / "record.json").write_text(json.dumps(record))
    three = (folder_of("pixel-cosine"), folder_of("pixel-euclidean"), tmp_path / "copy")
    for words in (three, three[1:]):
        _, out, _ = wayshot("compare", *words)
        assert "\x1b" not in out and "x\ufffd[2J\ufffdy" in out


def test_protocols_of_other_episodes_are_left_out_with_a_line(
    wayshot, stored, protocols, titles, tmp_path
):
    shutil.copytree(stored, tmp_path / "runs")
    for run in results.find([tmp_path / "runs"]):
        if run.scorer == "chance" and run.protocol == titles[0]:
            shutil.rmtree(run.folder)
    wayshot("run", protocols[0], "-s", "chance", "--episodes", 30, "--runs", tmp_path / "runs")
    status, out, err = wayshot("compare", "chance", "pixel-cosine", tmp_path / "runs", "--json")
    assert status == 0 and len(json.loads(out)["comparisons"]) == 1
    assert len(err.splitlines()) == 1 and err.startswith("left out: ")
    assert "episodes: 30 against 60" in err and "the first 30 episodes are the same" in err
    words = ("compare", "chance", "pixel-cosine", tmp_path / "runs", "--protocol", protocols[0])
    status, out, err = wayshot(*words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "the first 30 episodes are the same" in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["pixel-cosine", "--runs", "{stored}"], "expected at least two scorers"),
        (["chance", "chance", "{stored}"], "expected at least two scorers"),
        (["{run}", "{run}/"], "the same run twice"),
        (["chance", "chence", "{stored}"], "there are runs of chance, pixel-cosine"),
        (["chance", "pixel-cosine", "{empty}"], "no stored runs in"),
        (["chance", "pixel-cosine", "--runs", "nowhere"], "nowhere: no such folder"),
        (["chance", "pixel-cosine", "{stored}", "--protocol", "lake-runs"], "on lake-runs"),
        (["chance", "pixel-cosine", "{stored}", "--by", "run"], "ask for --by alphabet"),
        (["chance", "pixel-cosine", "{stored}", "--by", "drawer"], "'drawer' is not one of"),
        (["chance", "pixel-cosine", "{stored}", "--level", "95"], "95.0 is not in the range"),
        (["chance", "pixel-cosine", "{stored}", "--picture", "x.svg"], "at least three scorers"),
        ([*SCORERS, "{stored}", "--picture", "x.pdf"], "expected .png or .svg"),
        ([*SCORERS, "{stored}", "--picture", "x.svg"], "choose by --protocol from"),
        ([*SCORERS, "{stored}", "--disagreements", "3"], "goes with two scorers"),
        (["{run}", "{other}"], "protocol.structure: within against between"),
    ],
)
def test_wrong_input_ends_with_status_2_and_one_line(
    wayshot, stored, folder_of, tmp_path, words, problem
):
    known = {
        "stored": stored,
        "empty": tmp_path,
        "run": folder_of("chance"),
        "other": folder_of("pixel-cosine", 1),
    }
    status, out, err = wayshot("compare", *(word.format(**known) for word in words))
    assert (status, out) == (2, "")
    assert problem in err and len(err.splitlines()) == 1


def write_run(root: Path, scorer: str, credit: np.ndarray, fields: dict) -> None:
    """Stores a run of credits (alphabets, episodes), a query an episode."""
    alphabets, each = credit.shape
    n, zeros = credit.size, np.zeros(credit.size)
    names = pd.Categorical(np.repeat([f"alphabet{one}" for one in range(alphabets)], each))
    record = {
        "protocol": {"name": "lake-within-5w1s", "digest": "p", "fields": fields},
        "dataset": {"name": "omniglot", "digest": "d"},
        "scorer": {"name": scorer, "digest": scorer},
        "seed": 1,
        "episodes": n,
        "episodes_digest": "e" * 64,
        "environment": {},
        "timings": {},
    }
    columns = {
        "episode": np.arange(n),
        "query": zeros.astype(np.int32),
        **dict.fromkeys(("target", "predicted"), zeros.astype(np.int16)),
        "credit": credit.ravel().astype(float),
        **dict.fromkeys(("margin", "rank"), zeros.astype(np.float32)),
        **dict.fromkeys(("alphabet", "character", "drawer"), names),
    }
    results.write(root / scorer, record, [columns])


def first_of_40(*counts: int) -> np.ndarray:
    return (np.arange(40) < np.array(counts)[:, None]).astype(int)


LIMITED = first_of_40(40, 0, 0, 40, 0, 0), first_of_40(*[0] * 6)
NOISY = first_of_40(*[6] * 6), first_of_40(3, 7, 3, 7, 4, 6)[:, ::-1]
EVEN = first_of_40(*[4] * 6), first_of_40(*[4] * 6)[:, ::-1]
CLEAR = first_of_40(*[4] * 6), first_of_40(*[0] * 6)


@pytest.mark.parametrize(
    ("credits", "fields", "words"),
    [
        (LIMITED, {}, "No number of episodes would decide a difference as large as this one"),
        (LIMITED, {}, "these 6 alphabets limit it; it takes others, or more of them."),
        (NOISY, {}, "episodes would decide a difference as large as this one (80 % power)."),
        (NOISY, {"reuse": "once"}, "if there are images for so many"),
        (NOISY, {"structure": "runs"}, "The official runs are too few to decide"),
        (EVEN, {}, "They cannot be told apart at the level of 5 %. Trials"),
        (CLEAR, {}, "mine is better, at the level of 5 %. Trials"),
        (CLEAR[::-1], {}, "theirs is better, at the level of 5 %. Trials"),
    ],
)
def test_the_verdict_says_what_would_decide(wayshot, tmp_path, credits, fields, words):
    for name, credit in zip(("mine", "theirs"), credits, strict=True):
        write_run(tmp_path, name, credit, fields)
    status, out, _ = wayshot("compare", "mine", "theirs", tmp_path)
    assert status == 0
    assert words in " ".join(out.split())


def test_comparing_loads_no_deep_learning_library(stored):
    code = (
        "import sys; from wayshot.bench.cli import main; main(sys.argv[1:]); "
        "loaded = {'tensorflow', 'keras', 'torch', 'jax', 'matplotlib'} & set(sys.modules); "
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    words = ["compare", *SCORERS, str(stored)]
    answer = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_compare_and_table_round_the_same_number_the_same_way(wayshot, stored, monkeypatch):
    # As a float, 18.65 is a little less than that.
    monkeypatch.setattr(
        "wayshot.bench.cli.compare.compare",
        lambda *runs: replace(compare(*runs), accuracies=(0.1865, 0.2335)),
    )
    out = wayshot(*two(stored))[1]
    assert percent(0.1865) == "18.7" and percent(0.2335) == "23.4"
    assert re.search(r"pixel-cosine +18\.7 %", out) and re.search(r"chance +23\.4 %", out)


def test_labels_as_tables_print_them_are_compared(wayshot, tmp_path, characters):
    code = (
        "import numpy as np\n"
        "class Net:\n"
        "    name = 'ours'\n"
        "    def __init__(self, step): self.step = step\n"
        "    def embed(self, images):\n"
        "        return images[:, :: self.step].reshape(len(images), -1).astype(np.float32)\n"
        "    def compare(self, q, s): return q @ np.swapaxes(s, -1, -2)\n"
    )
    (tmp_path / "ours.py").write_text(code)
    specs = [f"{tmp_path}/ours.py:Net,step={step}" for step in (5, 15)]
    scorers = [word for spec in specs for word in ("-s", spec)]
    runs = ("--runs", tmp_path / "runs")
    wayshot("run", f"folder:{characters}-within-5w1s", *scorers, "--episodes", 30, *runs)
    names = re.findall(r"^ours \([0-9a-f]+\)", wayshot("table", tmp_path / "runs")[1], re.MULTILINE)
    assert len(set(names)) == 2
    status, out, err = wayshot("compare", *names, *runs, "--json")
    assert status == 0, err
    (found,) = json.loads(out)["comparisons"]
    for name, compared in zip(names, found["scorers"], strict=True):
        assert compared.startswith(name.removesuffix(")"))
    assert wayshot("table", tmp_path / "runs", "-s", names[0])[0] == 0


def test_equivalence_within_a_margin_is_said(wayshot, stored, protocols):
    words = ("compare", "pixel-cosine", "pixel-euclidean", "--runs", stored)
    words = (*words, "--protocol", protocols[0], "--disagreements", 0)
    wide = " ".join(wayshot(*words, "--margin", 90)[1].split())
    assert "They are as good as one another within 90 points, at the level of 5 %" in wide
    assert "(two one-sided tests, p " in wide and "; 90 % interval " in wide
    narrow = " ".join(wayshot(*words, "--margin", 0.01)[1].split())
    assert "It is not shown that they are equal within 0.01 points" in narrow
    assert "as one another" not in " ".join(wayshot(*words)[1].split())
    told = json.loads(wayshot(*words, "--margin", 90, "--json")[1])["comparisons"][0]["equivalence"]
    assert told["shown"] is True and told["margin"] == 0.9 and told["p_value"] < 0.05
    said = float(
        re.search(r"The smallest margin for which it is shown is ([\d.]+) points", wide)[1]
    )
    assert 0 <= said - 100 * told["smallest"] < 0.0101


def test_of_too_few_characters_no_margin_is_shown(wayshot, five_characters, tmp_path):
    root = tmp_path / "runs"
    names = ("-s", "pixel-cosine", "-s", "chance")
    protocol = f"folder:{five_characters}-within-5w1s"
    wayshot("run", protocol, *names, "--episodes", 30, "--runs", root)
    status, out, _ = wayshot("compare", "pixel-cosine", "chance", "--runs", root, "--margin", 99)
    assert status == 0
    assert "Nothing can be said about a margin of 99 points: there is no interval." in out


def test_a_margin_goes_with_two_scorers_and_a_level(wayshot, stored):
    three = wayshot("compare", *SCORERS, "--runs", stored, "--margin", 1)
    low = wayshot(*two(stored, "--margin", 1, "--level", 0.5))
    assert three[0] == 2 and "--margin goes with two scorers; name two" in three[2]
    assert low[0] == 2 and "--margin needs a --level above 0.5" in low[2]


def test_what_to_believe_of_a_difference_is_said(wayshot, stored, protocols):
    words = two(stored, "--protocol", protocols[1], "--disagreements", 0, "--rope", 1)
    status, out, _ = wayshot(*words)
    assert status == 0 and "they are within 1 points" in " ".join(out.split())
    (one,) = json.loads(wayshot(*words, "--json")[1])["comparisons"]
    shares = [one["practical"][key] for key in ("first_better", "equivalent", "second_better")]
    assert sum(shares) == pytest.approx(1) and one["practical"]["rope"] == 0.01
    text = wayshot("compare", "pixel-cosine", "pixel-euclidean", "chance", stored, "--rope", 1)[2]
    assert "--rope goes with two scorers" in text


def test_recipes_are_compared_beside_scorers(wayshot, stored, folder_of, tmp_path):
    """Two trainings of a recipe, made of the runs of two scorers, and two other scorers."""
    for seed, scorer in ((1, "pixel-cosine"), (2, "pixel-euclidean")):
        run = results.read(folder_of(scorer))
        record = {key: value for key, value in run.record.items() if key != "scores_digest"}
        said = {**record["scorer"], "name": "trained", "digest": f"{seed}" * 64}
        record["scorer"] = {**said, "training": {"recipe": "r" * 64, "seed": seed}}
        (tmp_path / f"{seed}").mkdir()
        shutil.copy(run.folder / "trials.parquet", tmp_path / f"{seed}")
        (tmp_path / f"{seed}" / "record.json").write_text(json.dumps(record))
    for scorer in ("chance", "pixel-cosine"):
        shutil.copytree(folder_of(scorer), tmp_path / scorer)
    words = "compare", "trained", "pixel-cosine", "chance", "--runs", tmp_path
    status, out, _ = wayshot(*words)
    said = " ".join(out.split())
    assert (
        status == 0 and "3 scorers" in said and "Differences of recipes cover new trainings" in said
    )
    assert "Warning: trained: Two trainings hardly tell" in said
    (one,) = json.loads(wayshot(*words, "--json")[1])["rankings"]
    assert one["pairs"][0]["seeds"] == [[1, 2], []] and "wins" in one["pairs"][2]
    text = wayshot("compare", "trained", "chance", "--runs", tmp_path, "--rope", 1)[1]
    assert "Warning: trained: Two trainings hardly tell" in text
