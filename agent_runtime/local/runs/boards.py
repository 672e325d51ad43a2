"""Publishes for a run on the blackboards of this process."""

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.compile.flows.publisher import identity
from agent_runtime.core.clock import Clock
from agent_runtime.local.hosting.host import Host
from agent_runtime.runs.publishing import publish_once, retried


class RunBoards:
    """A Publish."""

    def __init__(self, host: Host, publisher: str, clock: Clock) -> None:
        self._host = host
        self._publisher = publisher
        self._clock = clock

    async def __call__(self, blackboard: str, tenant: str | None, draft: Draft) -> Artifact:
        """Patient also with a board that is not running, as while it is edited. Raises BoardError."""
        return await retried(lambda: self._once(blackboard, tenant, draft), self._clock)

    async def _once(self, blackboard: str, tenant: str | None, draft: Draft) -> Artifact:
        hosted = self._host.boards.get(blackboard)
        if hosted is None:
            why = self._host.problems.get(
                ("Blackboard", blackboard), f"see: covey get blackboard {blackboard}"
            )
            raise BoardError("not_running", f"it is not running: {why}", status=503)
        return await publish_once(hosted.board(identity(self._publisher, tenant)), draft)
