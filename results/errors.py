"""The error of this package."""


class ResultError(ValueError):
    """Stored results that cannot be read, or scores that cannot be judged.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """
