"""What can go wrong in a walk that is not the fault of a node's own code."""


class StepLimitExceeded(RuntimeError):
    """A flow visited more nodes in one pass than its `max_steps` allows: most likely an endless loop."""


class ResumeError(ValueError):
    """An observer sent a walk to a node that its graph does not have."""
