from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from wayshot import results
from wayshot.bench import Evaluation, ScorerError, Settings, resolve
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


def bytes_of(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("trials.parquet")}


class Killed(BaseException):
    """As a SIGKILL, nothing of this project catches it."""


@pytest.mark.parametrize("place", [1, 4, 5, 6, 7, 8])
def test_killed_at_any_step_it_goes_on_and_leaves_no_smaller_run(
    evaluations, tmp_path, monkeypatch, place
):
    make, _ = evaluations
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    names = ("pixel-cosine", "chance")
    until_narrow(make(*names), 0.001, 2 * BLOCK)
    whole = bytes_of(tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs")
    steps = iter(range(100))

    def killing(function, after):
        def call(*args, **keywords):
            if not after and next(steps) == place:
                raise Killed
            answer = function(*args, **keywords)
            if after and next(steps) == place:
                raise Killed
            return answer

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "run", killing(Evaluation.run, after=True))
        patch.setattr(Evaluation, "adopt", killing(Evaluation.adopt, after=True))
        patch.setattr(results, "annotate", killing(results.annotate, after=False))
        with pytest.raises(Killed):
            until_narrow(make(*names), 0.001, 2 * BLOCK)
    with suppress(results.ResultError):
        for run in results.find([tmp_path / "runs"]):
            assert run.record["stopping"]["look"] == 2
    outcome = until_narrow(make(*names), 0.001, 2 * BLOCK)
    assert [run.record["stopping"]["look"] for run in outcome.runs] == [2, 2]
    assert bytes_of(tmp_path / "runs") == whole
    assert not list((tmp_path / "runs/.partial").iterdir())


def test_looks_that_were_done_before_a_kill_are_not_done_again(evaluations, tmp_path, monkeypatch):
    make, _ = evaluations
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    done: list[int] = []
    run = Evaluation.run

    def counting(evaluation):
        if len(done) == 1:
            done.append(0)
            raise KeyboardInterrupt
        done.append(evaluation.episodes)
        return run(evaluation)

    monkeypatch.setattr(Evaluation, "run", counting)
    with pytest.raises(KeyboardInterrupt):
        until_narrow(make("pixel-cosine"), 0.001, 2 * BLOCK)
    until_narrow(make("pixel-cosine"), 0.001, 2 * BLOCK)
    assert done == [BLOCK, 0, 2 * BLOCK]
    until_narrow(make("pixel-cosine"), 0.001, 2 * BLOCK)
    assert done == [BLOCK, 0, 2 * BLOCK]


def test_a_run_that_was_there_before_is_not_said_to_be_a_look(evaluations, tmp_path, monkeypatch):
    make, _ = evaluations
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    (before,) = make("pixel-cosine")(BLOCK)
    record = before.run().record
    until_narrow(make("pixel-cosine"), 0.001, 2 * BLOCK)
    assert before.stored().record == record


def test_four_processes_with_the_same_search_end_as_one(source, tmp_path, monkeypatch):
    root, said = tmp_path / "runs", list[str]()
    monkeypatch.setattr("wayshot.results.narrowest", lambda run: 0.0)
    one, episodes = resolve("pixel-cosine"), source("within-5w1s")

    def evaluate(count):
        settings = Settings(warn=said.append)
        return [Evaluation(*one, episodes, episodes=count, root=root, settings=settings)]

    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(until_narrow, evaluate, 0.001, 2 * BLOCK) for _ in range(4)]
        outcomes = [search.result() for search in searches]
    assert {run.record["episodes"] for outcome in outcomes for run in outcome.runs} == {2 * BLOCK}
    assert len(results.find([root])) == 1
    assert not list((root / ".partial").iterdir())
