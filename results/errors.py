"""The error of this package."""


class ResultError(ValueError):
    """Results that cannot be read, computed or shown.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """
