"""Stopping: more episodes until intervals are narrow enough.

The number of interim looks is fixed before the first episode: after one block,
two, four and so on. The looks differ in their episodes, so that the error
probability of the episodes' noise is divided by the number of looks
(Bonferroni's correction). The alphabets are the same at every look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ... import results
from ...models import ModelError
from ...tasks import BLOCK
from ..errors import ScorerError
from ..scorers import Failure
from .evaluation import Evaluation
from .unfinished import UnfinishedRun


def looks(most: int) -> tuple[int, ...]:
    """Gives the numbers of episodes of the interim looks: whole blocks, doubled each time.

    Args:
        most: The largest number of episodes, rounded up to whole blocks.
    """
    blocks = -(-most // BLOCK)
    return tuple(BLOCK * min(2**i, blocks) for i in range((blocks - 1).bit_length() + 1))


@dataclass(frozen=True)
class Outcome:
    """The end of a search for narrow intervals.

    Attributes:
        runs: A run of each scorer that has not failed, all of the same episodes.
        missed: For each scorer whose interval is too wide, the reason in words.
        failures: The scorers that have failed.
    """

    runs: tuple[results.Run, ...]
    missed: tuple[str, ...]
    failures: tuple[Failure, ...]


def _limit(run: results.Run, found: results.Estimate, narrowest: float) -> str:
    """Says why no number of episodes is enough, and what to do instead."""
    if found.halfwidth is None:
        reason = found.method.removeprefix("none ")
        return (
            f"no interval {reason}, and more episodes give none; add characters or "
            "alphabets, or leave --until-halfwidth out"
        )
    what = "characters" if "character" in found.method else "alphabets"
    return (
        f"± {100 * found.halfwidth:.2f} after {run.record['episodes']:,} episodes; no number of "
        f"episodes gives less than about ± {100 * narrowest:.2f} with these {what}; add {what}, "
        "or ask for a larger half-width"
    )


class _Search:
    """The looks of some scorers at the same episodes, which go on where a process was killed.

    Runs of looks are kept in a hidden folder. Only those of the last look become runs of the
    user, so that no smaller run is ever found beside them.
    """

    def __init__(self, first: Sequence[Evaluation], halfwidth: float, planned: Sequence[int]):
        self._first, self._halfwidth, self._planned = first, halfwidth, planned
        parts = (halfwidth, *planned, *(one.folder.name for one in first), first[0].settings.scores)
        name = hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:32]
        self._root = first[0].root
        self._kept = UnfinishedRun(self._root / ".partial" / f"looks-{name}")

    def locked(self) -> AbstractContextManager[None]:
        """Keeps other processes away that search for the same."""
        one = self._first[0]
        return self._kept.locked(
            lambda: one.settings.warn(
                f"{one.source.protocol.name}: waiting for another process that does the same"
            )
        )

    def stopping(self, look: int) -> dict[str, float]:
        """Gives what the records of runs of a look, from 1, say of it."""
        return {"halfwidth": self._halfwidth, "look": look, "looks": len(self._planned)}

    def ended(self) -> dict[int, results.Run]:
        """Gives the runs with which the same search has ended before; none if it has not."""
        for look, episodes in enumerate(self._planned, start=1):
            runs = [one.elsewhere(self._root, episodes).stored() for one in self._first]
            found = [
                run for run in runs if run and run.record.get("stopping") == self.stopping(look)
            ]
            if len(found) == len(runs):
                return dict(enumerate(found))
        return {}

    def run(self, evaluation: Evaluation, look: int) -> results.Run:
        """Gives the run of a look, which is made if it is not there."""
        hidden = evaluation.elsewhere(self._kept.folder, evaluation.episodes)
        run = evaluation.stored() or hidden.stored() or hidden.run()
        return results.Run(run.folder, {**run.record, "stopping": self.stopping(look)})

    def store(self, evaluation: Evaluation, run: results.Run) -> results.Run:
        """Makes the run of the last look one of the user's."""
        stopping = run.record["stopping"]
        if self._kept.folder in run.folder.parents:
            run = results.annotate(results.read(run.folder), stopping=stopping)
            run = evaluation.adopt({path.name: path for path in run.folder.iterdir()})
        return results.annotate(results.read(run.folder), stopping=stopping)

    def end(self) -> None:
        """Removes the runs of all looks."""
        self._kept.remove()


def until_narrow(
    evaluate: Callable[[int], Sequence[Evaluation]], halfwidth: float, most: int
) -> Outcome:
    """Runs all scorers on the same episodes until all intervals are narrow.

    It ends early if no number of episodes is enough, because the alphabets, or
    of few alphabets the characters, are too few and too different. If it is
    killed or interrupted, the same call goes on where it stopped, and several
    processes that do the same wait for one another.

    Args:
        evaluate: Gives the evaluations for a number of episodes.
        halfwidth: The half-width of the population interval to reach, as a
            fraction.
        most: The largest number of episodes.

    Raises:
        ScorerError: The half-width is not between 0 and 0.5.
        ResultError, KeyboardInterrupt: As `Evaluation.run`.
    """
    if not 0 < halfwidth < 0.5:
        raise ScorerError(
            f"half-width {100 * halfwidth:g} is impossible, expected between 0 and 50 points"
        )
    planned = looks(most)
    evaluations = evaluate(planned[0])
    if not evaluations:
        return Outcome((), (), ())
    search = _Search(evaluations, halfwidth, planned)
    with evaluations[0].writing(), search.locked():
        runs = search.ended()
        if runs:
            search.end()
            return Outcome(tuple(runs.values()), tuple(_missed(runs, halfwidth)[0].values()), ())
        # By the index of their scorer.
        failures: dict[int, Failure] = {}
        missed: dict[int, str] = {}
        for look, episodes in enumerate(planned, start=1):
            evaluations = evaluations if look == 1 else evaluate(episodes)
            for place, evaluation in enumerate(evaluations):
                if place in failures:
                    continue
                try:
                    runs[place] = search.run(evaluation, look)
                except (ScorerError, ModelError) as error:
                    failures[place] = evaluation.failure(error)
                    runs.pop(place, None)
            missed, limited = _missed(runs, halfwidth)
            if limited == len(missed) or any(
                run.record["episodes"] < episodes for run in runs.values()
            ):
                break
        for place in list(runs):
            try:
                runs[place] = search.store(evaluations[place], runs[place])
            except ScorerError as error:
                failures[place] = evaluations[place].failure(error)
                missed.pop(place, None)
                del runs[place]
        # What a scorer that has failed did before need not be done again.
        if not failures:
            search.end()
    return Outcome(tuple(runs.values()), tuple(missed.values()), tuple(failures.values()))


def _missed(runs: Mapping[int, results.Run], halfwidth: float) -> tuple[dict[int, str], int]:
    """Gives the reasons of too wide intervals, and how many no number of episodes can narrow."""
    missed, limited = {}, 0
    for place, run in runs.items():
        found, narrowest = results.estimate_run(run), results.narrowest(run)
        if found.halfwidth is None or found.halfwidth > halfwidth:
            reason = (
                f"± {100 * (found.halfwidth or 0):.2f} after {run.record['episodes']:,} "
                "episodes; more episodes would narrow it: raise --max-episodes"
            )
            if narrowest > halfwidth:
                limited += 1
                reason = _limit(run, found, narrowest)
            missed[place] = f"{run.protocol}, {run.scorer}: {reason}"
    return missed, limited
