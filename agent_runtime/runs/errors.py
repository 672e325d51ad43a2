"""Why a node failed, apart from the model's own errors."""


class NodeFailed(Exception):
    """The work of a node failed; the message says why and what to do."""


class AgentFailed(NodeFailed):
    """An agent did not answer, or answered with an error."""
