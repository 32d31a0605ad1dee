"""Practical difference: how probably a difference is too small to matter, in the Bayesian sense."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from scipy import special

from ..errors import ResultError
from .comparison import Error


@dataclass(frozen=True)
class Practical:
    """What can be believed of a difference of accuracies, first minus second.

    Attributes:
        rope: Half the width of the region of practical equivalence, as a fraction.
        first_better: Probability that the difference is above the region.
        equivalent: Probability that it is within the region.
        second_better: Probability that it is below the region.
    """

    rope: float
    first_better: float
    equivalent: float
    second_better: float

    def as_json(self) -> dict[str, float]:
        """Gives the fields of the JSON interface."""
        return asdict(self)


def practical_difference(value: float, error: Error | None, rope: float) -> Practical | None:
    """Computes the probabilities of a practical difference (Benavoli et al. 2017).

    With a flat prior, the posterior of the difference is a t distribution around its
    estimate. In the correlated t-test of Benavoli et al. its width comes from folds of a
    cross-validation with a guessed correlation. Here it is the error of the difference over
    clusters, from `comparison.error_of` or, with trainings, from `recipes.error_between`; so the
    difference is that for new alphabets.

    Args:
        value: The difference, as a fraction.
        error: Its error; None if it cannot be estimated.
        rope: Half the width of the region of practical equivalence, as a fraction.

    Returns:
        The probabilities, which add up to 1; None without an error.

    Raises:
        ResultError: The region is impossible.
    """
    if not 0 < rope < 1:
        raise ResultError(f"region {rope:g} is impossible, expected between 0 and 1")
    if error is None:
        return None
    size = math.sqrt(error.variance)
    above, below = (
        float(special.stdtr(error.freedom, (sign * value - rope) / size)) for sign in (1, -1)
    )
    return Practical(rope, above, max(1 - above - below, 0.0), below)
