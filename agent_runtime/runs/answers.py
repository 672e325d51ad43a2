"""What people said to the nodes of a run that ask for approval."""

from collections.abc import Iterator, Sequence

from agent_runtime.api.flowrun import Answer


class Answers:
    """By node and visit."""

    def __init__(self, answers: Sequence[Answer] = ()) -> None:
        self._answers = tuple(answers)

    def to(self, node: str, visit: int) -> Iterator[Answer]:
        """The answers to one question, in the order in which they were given."""
        return (answer for answer in self._answers if (answer.node, answer.visit) == (node, visit))
