"""The error of this package."""


class ModelError(ValueError):
    """A recipe, checkpoint or weights file that cannot be used.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """
