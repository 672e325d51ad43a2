"""How a node ends its process to wait for something that may take long."""

from typing import Any

from agent_runtime.durable.port import Writer


class Suspend(BaseException):
    """Raised in a node: this leg of the run ends here, and the next one begins with the same visit.

    No `Exception`, so that neither attempts nor fallbacks catch it. What must survive is recorded before (see
    `records.py`); the checkpoint stays at the boundary before the node. `waiting` says what for, as JSON.
    `writer` is set on its way out: the right to write records until the next leg begins.
    """

    writer: Writer | None = None

    def __init__(self, waiting: dict[str, Any]) -> None:
        super().__init__(waiting)
        self.waiting = waiting
