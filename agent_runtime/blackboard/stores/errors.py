"""What a store refuses, and why."""

from collections.abc import Sequence

from agent_runtime.blackboard.artifact import Artifact


class StoreError(Exception):
    """The store did not do it; nothing changed."""


class Unavailable(StoreError):
    """The store does not answer, or cannot write. What was asked may be asked again: steps are idempotent."""


class Restoring(Unavailable):
    """A restore of this board began and has not ended: nobody is fed from it, and nobody publishes."""

    def __init__(self) -> None:
        super().__init__(
            "a restore of this board began and has not ended: finish it with --resume and the same file,"
            " or restore into an empty store"
        )


class NotEmpty(StoreError):
    """The board holds something already: it cannot take in what was frozen."""

    def __init__(self) -> None:
        super().__init__(
            "the board is not empty: restore into one without artifacts, subscribers or deliveries"
        )


class IdTaken(StoreError):
    """An artifact with this id and other content, or of another producer, is there already."""

    def __init__(self, id_: str) -> None:
        super().__init__(f"artifact {id_!r} exists with other content, or another producer published it")
        self.id = id_


class StaleSubscribers(StoreError):
    """The deliveries were worked out from an older list of subscribers: work them out again."""


class InboxFull(StoreError):
    """An agent has too many deliveries waiting, items of part-filled groups among them."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"the inbox of {agent} is full")
        self.agent = agent


class LeaseLost(StoreError):
    """The lease is not held: it ran out, was given back, or another attempt finished the delivery."""


class Finished(Exception):
    """The lease was acknowledged before; what that published is in `results`."""

    def __init__(self, results: Sequence[Artifact]) -> None:
        super().__init__("acknowledged before")
        self.results = list(results)
