"""The errors of this package."""


class ScorerError(ValueError):
    """A scorer that there is not, or that does not do what a scorer must.

    The message is one line for the user: what was wrong, what was expected,
    how to mend it.
    """


class UnknownScorerError(ScorerError):
    """A name that no scorer has.

    Attributes:
        name: The name.
    """

    def __init__(self, name: str, message: str) -> None:
        """Keeps the name.

        Args:
            name: The name.
            message: The message, one line.
        """
        super().__init__(message)
        self.name = name

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.name, str(self))
