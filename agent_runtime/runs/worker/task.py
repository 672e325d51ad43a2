"""What the queue holds for a worker: a run's config, and the answers that people gave so far."""

from pydantic import Field, ValidationError

from agent_runtime.api.base import Model
from agent_runtime.api.flowrun import Answer
from agent_runtime.config.models import RunConfig


class InvalidRun(ValueError):
    """The body of a ticket is not what a worker can run."""


class QueuedRun(Model):
    """The body of a ticket, JSON."""

    config: RunConfig
    answers: list[Answer] = Field(default_factory=list)

    @classmethod
    def read(cls, body: bytes) -> "QueuedRun":
        """Raises InvalidRun, which names the first fault."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"])
            raise InvalidRun(f"the queued run cannot be read: {where}: {fault['msg']}") from error
