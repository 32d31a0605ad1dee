"""The error of this package."""


class ScorerError(ValueError):
    """A scorer that there is not, or that does not do what a scorer must.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """
