"""Why a node failed, apart from the model's own errors, and why a run stopped before its end."""


class NodeFailed(Exception):
    """The work of a node failed; the message says why and what to do."""

    retry_after: float | None = None
    """Seconds that the other side asks to wait before the next attempt."""


class Hopeless(NodeFailed):
    """Another attempt would fail in the same way: none is made."""


class AgentFailed(NodeFailed):
    """An agent did not answer, or answered with an error."""


class Interrupted(Exception):
    """The process must stop before the run has ended, and another may go on with it; the message says why."""
