"""Detection: which differences a test finds, and with how many episodes."""

from __future__ import annotations

import math

from scipy import special

from .estimates import LEVEL

POWER = 0.8
"""Power: the probability with which a test finds a difference that exists."""


def quantiles(freedom: float, level: float, power: float, equivalence: bool = False) -> float:
    """Gives the distance from 0, in standard errors, at which a t test has a power.

    It is the sum of two t quantiles: at (1 + level) / 2 and `power` for a two-sided test of a
    difference (Bloom 1995), about 2.8 at 5 and 80 %; at `level` and (1 + power) / 2 for two
    one-sided tests of equivalence where there is no difference (Phillips 1990), about 2.9.

    Args:
        freedom: Degrees of freedom.
        level: 1 minus the significance level of the test.
        power: From 0.5 to 1.
        equivalence: Whether it is a test of equivalence.
    """
    ends = (level, (1 + power) / 2) if equivalence else ((1 + level) / 2, power)
    return float(sum(special.stdtrit(freedom, one) for one in ends))


def smallest_detectable(
    error: float,
    freedom: float,
    level: float = LEVEL,
    power: float = POWER,
    equivalence: bool = False,
) -> float:
    """Gives the smallest true difference that a two-sided t test finds with probability `power`.

    It is the standard error times `quantiles`.

    Args:
        error: Standard error of the difference.
        freedom: Degrees of freedom.
        level: 1 minus the significance level of the test.
        power: From 0.5 to 1.
        equivalence: Whether it is the smallest margin of a test of equivalence.
    """
    return quantiles(freedom, level, power, equivalence) * error


def episodes_needed(
    difference: float,
    episodes: int,
    variance: float,
    lasting: float,
    freedom: float,
    level: float = LEVEL,
    power: float = POWER,
    equivalence: bool = False,
) -> int | None:
    """Gives the number of episodes with which a t test finds a difference with probability `power`.

    It solves difference = `smallest_detectable` for x episodes, which have the
    variance lasting + (variance - lasting) * episodes / x.

    Args:
        difference: The true difference, as a fraction; or the margin.
        episodes: Number of episodes from which the variance was estimated.
        variance: Variance of the difference.
        lasting: The part of the variance that remains with infinitely many
            episodes.
        freedom: Degrees of freedom.
        level: 1 minus the significance level of the test.
        power: From 0.5 to 1.
        equivalence: Whether it is a test of equivalence.

    Returns:
        The number; None if no number is enough, because the alphabets are too
        few.
    """
    allowed = (difference / quantiles(freedom, level, power, equivalence)) ** 2 - lasting
    return max(math.ceil(episodes * (variance - lasting) / allowed), 1) if allowed > 0 else None
