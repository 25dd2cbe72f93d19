"""What an action says no with. The message is meant for the person who asked."""

from labeling.models import Judgment


class Refusal(Exception):
    """The action cannot be done as asked; the message says why and what to do. A page answers 400."""


class Conflict(Refusal):
    """The database already holds something newer than what the person saw. A page answers 409.

    `judgment` is the row that stands, for the page to show.
    """

    def __init__(self, message: str, judgment: Judgment) -> None:
        super().__init__(message)
        self.judgment = judgment
