"""Stopping: more episodes until intervals are narrow enough.

The number of interim looks is fixed before the first episode: after one block,
two, four and so on. The looks differ in their episodes, so that the error
probability of the episodes' noise is divided by the number of looks
(Bonferroni's correction). The alphabets are the same at every look.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ... import results
from ...models import ModelError
from ...tasks import BLOCK
from ..errors import ScorerError
from ..scorers import Failure
from .evaluation import Evaluation


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


def _remove(run: results.Run) -> None:
    # Renamed first, so that an interrupt does not leave half a run.
    gone = run.folder.with_name(f".new-{run.folder.name}-gone")
    run.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def until_narrow(
    evaluate: Callable[[int], Sequence[Evaluation]], halfwidth: float, most: int
) -> Outcome:
    """Runs all scorers on the same episodes until all intervals are narrow.

    It ends early if no number of episodes is enough, because the alphabets, or
    of few alphabets the characters, are too few and too different.

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
    # All by the index of their scorer.
    runs: dict[int, results.Run] = {}
    new: set[int] = set()
    failures: dict[int, Failure] = {}
    missed: dict[int, str] = {}
    for look, episodes in enumerate(planned, start=1):
        stopping = {"halfwidth": halfwidth, "look": look, "looks": len(planned)}
        for place, evaluation in enumerate(evaluate(episodes)):
            if place in failures:
                continue
            stored = evaluation.stored()
            try:
                run = stored or evaluation.run()
            except (ScorerError, ModelError) as error:
                failures[place] = evaluation.failure(error)
                runs.pop(place, None)
                continue
            # The run with more episodes replaces it.
            if place in new and runs[place].folder != run.folder:
                _remove(runs[place])
                new.remove(place)
            if stored is None and run.record["episodes"] == episodes:
                new.add(place)
            runs[place] = results.annotate(run, stopping=stopping)
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
        if limited == len(missed) or any(
            run.record["episodes"] < episodes for run in runs.values()
        ):
            break
    return Outcome(tuple(runs.values()), tuple(missed.values()), tuple(failures.values()))
