"""Stopping: more and more episodes until intervals are narrow enough.

How often one may look is settled before the first episode: after one block,
two, four and so on. What is looked at again and again is the noise of the
episodes, so that the error probability of that noise is shared among the looks
(Bonferroni's rule); the alphabets are drawn once and for all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import results
from ..tasks import BLOCK
from .errors import ScorerError
from .evaluation import Evaluation


def looks(most: int) -> tuple[int, ...]:
    """Numbers of episodes after which is looked: whole blocks, doubled each time.

    Args:
        most: The most episodes, rounded up to whole blocks.
    """
    blocks = -(-most // BLOCK)
    return tuple(BLOCK * min(2**i, blocks) for i in range((blocks - 1).bit_length() + 1))


@dataclass(frozen=True)
class Outcome:
    """How the search for narrow intervals ended.

    Attributes:
        runs: A run of each scorer, all of the same episodes.
        missed: For each scorer whose interval is too wide, in words, why.
    """

    runs: tuple[results.Run, ...]
    missed: tuple[str, ...]


def _halfwidth(run: results.Run) -> float:
    found = results.estimate_run(run)
    return (found.high - found.low) / 2


def until_narrow(
    evaluate: Callable[[int], Sequence[Evaluation]], halfwidth: float, most: int
) -> Outcome:
    """Runs all scorers on the same episodes until all intervals are narrow.

    Ends early where no number of episodes would do, because the alphabets are
    too few and too different.

    Args:
        evaluate: Gives the evaluations of some number of episodes.
        halfwidth: Half the width of the population interval that is wanted,
            as a fraction.
        most: The most episodes.

    Raises:
        ScorerError: The half-width is no fraction, or as `Evaluation.run`.
    """
    if not 0 < halfwidth < 0.5:
        raise ScorerError(
            f"half-width {100 * halfwidth:g} is impossible, expected between 0 and 50 points"
        )
    planned = looks(most)
    before: list[results.Run] = []
    runs: list[results.Run] = []
    missed: dict[str, str] = {}
    for place, episodes in enumerate(planned):
        evaluations = evaluate(episodes)
        stored = [evaluation.stored() for evaluation in evaluations]
        stopping = {"halfwidth": halfwidth, "look": place + 1, "looks": len(planned)}
        runs = [
            results.annotate(old or evaluation.run(), stopping=stopping)
            for old, evaluation in zip(stored, evaluations, strict=True)
        ]
        # The run that the one with more episodes takes the place of.
        for old in before:
            shutil.rmtree(old.folder, ignore_errors=True)
        before = [
            run
            for run, old in zip(runs, stored, strict=True)
            if old is None and run.record["episodes"] == episodes
        ]
        missed, limited = {}, 0
        for run in runs:
            width, limit = _halfwidth(run), results.narrowest(run)
            if width > halfwidth:
                missed[run.scorer] = (
                    f"{run.protocol}, {run.scorer}: ± {100 * width:.2f} after "
                    f"{run.record['episodes']:,} episodes; "
                )
                if limit > halfwidth:
                    limited += 1
                    missed[run.scorer] += (
                        f"no number of episodes gives less than about ± {100 * limit:.2f} with "
                        "these alphabets"
                    )
                else:
                    missed[run.scorer] += "more episodes would narrow it: raise --max-episodes"
        if limited == len(missed) or runs[0].record["episodes"] < episodes:
            break
    return Outcome(tuple(runs), tuple(missed.values()))
