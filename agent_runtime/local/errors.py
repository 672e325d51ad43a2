"""What a person is told when something cannot be done: what, and what to do about it."""

from dataclasses import dataclass


@dataclass
class UserError(Exception):
    """`what` is wrong and the `cure`, each a sentence or several lines; `code` is the exit status.

    1: it was tried and did not succeed. 2: it could not be tried (wrong use, nothing there).
    """

    what: str
    cure: str = ""
    code: int = 1

    def __str__(self) -> str:
        return f"{self.what}\n{self.cure}" if self.cure else self.what
