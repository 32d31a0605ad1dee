"""Findings: what was checked, the result, and the likely cause."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...tasks import Progress, quiet

PASSED, FAILED, NOTED, NOT_APPLICABLE = "passed", "failed", "noted", "not applicable"
"""Results of a check. `NOTED` is allowed, but the reader should know it."""


class RefusalError(Exception):
    """The audited scorer or protocol did not answer; the message is one line."""


@dataclass(frozen=True)
class Answer:
    """What one check found.

    Attributes:
        status: `PASSED`, `FAILED`, `NOTED` or `NOT_APPLICABLE`.
        found: What came back, in words.
        amount: By how much it differs from what is expected, mostly as a share
            of the scores' span; None where that means nothing.
        cause: The likely cause, where it is another than the check's own.
    """

    status: str
    found: str
    amount: float | None = None
    cause: str = ""


@dataclass(frozen=True)
class Check:
    """One thing to be checked.

    Attributes:
        ask: Given what is audited, finds out.
        done: What is done, in words.
        cause: The likely cause where it fails, in one sentence.
        levels: Of the scorers that it applies to.
        short: Whether it is in the short form too.
    """

    ask: Callable[[Any], Answer]
    done: str
    cause: str
    levels: tuple[int, ...] = (1, 2, 3)
    short: bool = False


@dataclass(frozen=True)
class Finding:
    """A check and what it found.

    Attributes:
        check: Its name.
        status: As in `Answer`.
        done: What was done.
        found: What came back.
        amount: By how much, or None.
        cause: The likely cause in one sentence; "" where all is well.
    """

    check: str
    status: str
    done: str
    found: str
    amount: float | None
    cause: str


@dataclass(frozen=True)
class Audit:
    """All findings on a scorer, or on the episodes of a protocol.

    Attributes:
        checks: The findings, in the order of the checks.
        form: `short` or `thorough`.
        transductive: Whether the scores of a query draw on the other queries,
            which a scorer of level 3 may do.
    """

    checks: tuple[Finding, ...]
    form: str = "thorough"
    transductive: bool = False

    @property
    def verdict(self) -> str:
        """`failed` where any check failed, else `passed`."""
        return FAILED if any(one.status == FAILED for one in self.checks) else PASSED

    def as_json(self) -> dict[str, Any]:
        """Gives the field `audit` of a record."""
        return {
            "verdict": self.verdict,
            "form": self.form,
            "transductive": self.transductive,
            "checks": [{**asdict(one), "amount": _rounded(one.amount)} for one in self.checks],
        }


def _rounded(amount: float | None) -> float | None:
    """Rounds to three digits; None for numbers that JSON does not have."""
    known = amount is not None and math.isfinite(amount)
    return float(f"{amount:.3g}") if known else None


def examine(
    checks: Mapping[str, Check],
    subject: Any,
    level: int = 1,
    progress: Progress = quiet,
) -> tuple[Finding, ...]:
    """Makes checks one after the other.

    Args:
        checks: The checks by name.
        subject: The scorer or drawing. If it does not answer the first check,
            no other check is made.
        level: Level of the scorer.
        progress: Shows the progress.
    """
    tick = progress(len(checks), "Checks")
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            if level in check.levels:
                # Infinite scores are a finding, so that NumPy need not warn of them.
                with np.errstate(all="ignore"):
                    answer = check.ask(subject)
            else:
                answer = Answer(NOT_APPLICABLE, f"this check is not for scorers of level {level}")
            refused = False
        except RefusalError as refusal:
            answer, refused = Answer(FAILED, str(refusal), cause="A bug in its code?"), True
        well = answer.status in (PASSED, NOT_APPLICABLE)
        findings.append(
            Finding(
                name,
                answer.status,
                check.done,
                answer.found,
                answer.amount,
                "" if well else answer.cause or check.cause,
            )
        )
        tick(1)
        if refused and len(findings) == 1:
            tick(len(checks) - 1)
            break
    return tuple(findings)
