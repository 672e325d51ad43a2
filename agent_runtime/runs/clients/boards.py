"""Publishes on blackboards over HTTP."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from agent_runtime.auth.token_file import TokenFile
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.config.models import PublishAccess
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.publishing import PATIENCE, nowhere, publish_once
from agent_runtime.telemetry import traces


class HttpBoards:
    """A Publish. The client asks again what is refused for now, and what was lost on the way."""

    def __init__(
        self, boards: Iterable[PublishAccess], environ: Mapping[str, str], *, patience: float = PATIENCE
    ) -> None:
        self._accesses = {(access.blackboard, access.tenant): access for access in boards}
        self._environ = environ
        self._patience = patience
        self._open: dict[tuple[str, str | None], HttpBoard] = {}

    async def __call__(self, blackboard: str, tenant: str | None, draft: Draft) -> Artifact:
        """Raises BoardError, and NodeFailed when there is no grant."""
        access = self._accesses.get((blackboard, tenant))
        if access is None:
            await nowhere(blackboard, tenant, draft)
        board = self._open.get((blackboard, tenant)) or self._opened(access)
        return await publish_once(board, draft)

    async def close(self) -> None:
        """Close the connections."""
        for board in self._open.values():
            await board.close()

    def _opened(self, access: PublishAccess) -> HttpBoard:
        grant = self._environ.get(access.token_env)
        if not grant:
            raise NodeFailed(
                f'no grant for Blackboard "{access.blackboard}": {access.token_env} is not set; was the '
                "Blackboard there when the pod was made?"
            )
        proof = TokenFile(Path(access.token_file)) if access.token_file is not None else None
        board = HttpBoard(
            access.url, grant, proof=proof, patience=self._patience, trace=traces.outgoing_headers
        )
        self._open[access.blackboard, access.tenant] = board
        return board
