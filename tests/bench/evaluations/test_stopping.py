from __future__ import annotations

import json

import pytest
from wayshot import results
from wayshot.bench import Evaluation, ScorerError, resolve
from wayshot.bench.evaluations.stopping import looks, until_narrow
from wayshot.tasks import BLOCK


@pytest.fixture
def evaluations(source, tmp_path):
    """Evaluations of named scorers, and the numbers of episodes that were asked for."""
    asked: list[int] = []

    def make(*names: str, rest: str = "within-5w1s"):
        found = [resolve(name) for name in names]
        episodes = source(rest)

        def evaluate(count: int) -> list[Evaluation]:
            asked.append(count)
            return [
                Evaluation(*one, episodes, episodes=count, root=tmp_path / "runs") for one in found
            ]

        return evaluate

    return make, asked


def test_looks_are_whole_blocks_and_double():
    assert looks(1) == looks(BLOCK) == (BLOCK,)
    assert looks(2 * BLOCK) == (BLOCK, 2 * BLOCK)
    assert looks(5 * BLOCK + 1) == tuple(BLOCK * count for count in (1, 2, 4, 6))


def test_it_ends_at_the_first_look_where_all_intervals_are_narrow(evaluations, tmp_path):
    make, asked = evaluations
    outcome = until_narrow(make("pixel-cosine", "chance"), 0.4, 4 * BLOCK)
    assert asked == [BLOCK]
    assert outcome.missed == ()
    assert [run.scorer for run in outcome.runs] == ["pixel-cosine", "chance"]
    assert len({run.record["episodes_digest"] for run in outcome.runs}) == 1
    assert outcome.runs[0].record["stopping"] == {"halfwidth": 0.4, "look": 1, "looks": 3}


def test_it_goes_on_while_more_episodes_can_narrow_the_interval(evaluations, tmp_path, monkeypatch):
    make, asked = evaluations
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    outcome = until_narrow(make("pixel-cosine"), 0.001, 4 * BLOCK)
    assert asked == [BLOCK, 2 * BLOCK, 4 * BLOCK]
    assert "raise --max-episodes" in outcome.missed[0]
    stored = results.find([tmp_path / "runs"])
    assert [run.record["episodes"] for run in stored] == [4 * BLOCK]


def test_runs_that_were_there_before_are_kept(evaluations, tmp_path, monkeypatch):
    make, _ = evaluations
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    (before,) = make("pixel-cosine")(BLOCK)
    before.run()
    until_narrow(make("pixel-cosine"), 0.001, 2 * BLOCK)
    stored = results.find([tmp_path / "runs"])
    assert sorted(run.record["episodes"] for run in stored) == [BLOCK, 2 * BLOCK]


def test_it_says_when_the_alphabets_cannot_give_it(evaluations):
    make, asked = evaluations
    outcome = until_narrow(make("pixel-cosine"), 0.001, 64 * BLOCK)
    assert asked == [BLOCK]
    assert "no number of episodes gives less than" in outcome.missed[0]


def test_it_ends_where_the_images_do(evaluations):
    make, asked = evaluations
    outcome = until_narrow(make("pixel-cosine", rest="within-5w1s-once"), 0.001, 64 * BLOCK)
    assert asked == [BLOCK]
    assert outcome.runs[0].record["episodes"] < BLOCK


@pytest.mark.parametrize("halfwidth", [0, -0.1, 0.5, float("nan")])
def test_an_impossible_width_is_refused(evaluations, halfwidth):
    with pytest.raises(ScorerError, match="impossible"):
        until_narrow(evaluations[0]("chance"), halfwidth, BLOCK)


def test_the_interval_pays_for_the_looks_in_the_noise_of_the_episodes(evaluations):
    make, _ = evaluations
    (run,) = until_narrow(make("pixel-cosine"), 0.4, BLOCK).runs
    plain = results.estimate_run(run)
    looked = results.estimate_run(
        results.annotate(run, stopping={"halfwidth": 0.4, "look": 1, "looks": 8})
    )
    assert looked.high - looked.low > plain.high - plain.low
    assert looked.method.endswith("8 looks")
    assert looked.high - looked.low < 1.3 * (plain.high - plain.low)


def test_the_command_ends_with_status_1_where_intervals_stay_wide(wayshot, characters, tmp_path):
    words = ("run", f"folder:{characters}-within-5w1s", "-s", "pixel-cosine", "--out", tmp_path)
    status, out, err = wayshot(*words, "--until-halfwidth", "0.1", "--json")
    assert status == 1
    assert "no number of episodes" in err
    assert json.loads(out)["results"][0]["episodes"] == BLOCK
    status, out, err = wayshot(*words, "--until-halfwidth", "40")
    assert (status, err) == (0, "")


def test_of_one_alphabet_it_says_when_the_characters_cannot_give_it(
    wayshot, one_alphabet, tmp_path
):
    words = ("run", f"folder:{one_alphabet}-within-5w1s", "-s", "pixel-cosine", "--runs", tmp_path)
    status, out, err = wayshot(*words, "--until-halfwidth", "1")
    assert status == 1 and "1,024 episodes" in " ".join(out.split())
    assert "no number of episodes gives less than about" in err
    assert err.endswith("with these characters; add characters, or ask for a larger half-width\n")
    assert len(err.splitlines()) == 1


def test_without_an_interval_it_ends_at_once_and_says_why(wayshot, five_characters, tmp_path):
    words = ("run", f"folder:{five_characters}-within-5w1s", "-s", "pixel-cosine")
    status, out, err = wayshot(*words, "--until-halfwidth", "1", "--runs", tmp_path)
    assert status == 1 and "1,024 episodes" in " ".join(out.split())
    assert "no interval (5 characters are too few, expected at least 6)" in err
    assert err.endswith("add characters or alphabets, or leave --until-halfwidth out\n")
    assert len(err.splitlines()) == 1
