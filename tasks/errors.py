"""The error of this package."""


class TaskError(ValueError):
    """Data, a protocol or a request for episodes that cannot be used.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """
