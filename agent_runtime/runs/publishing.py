"""Publishing exactly once: by an id of the visit's own, with patience while a board is away or full."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError
from agent_runtime.blackboard.client.transport import pauses
from agent_runtime.core.clock import Clock
from agent_runtime.runs.errors import Hopeless, NodeFailed

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a board which does not answer or takes nothing is asked again: its pods may be starting."""
_PASSING = frozenset({429, 503})
_FOR_GOOD = frozenset({400, 403, 404, 405, 409, 413, 415, 422})


async def nowhere(blackboard: str, tenant: str | None, draft: Draft) -> NoReturn:
    """For runs that were given no blackboard."""
    raise NodeFailed(f'Blackboard "{blackboard}" is not among those that the run was started with')


async def publish_once(board: Board, draft: Draft) -> Artifact:
    """Publish, or take what an attempt before this one has published under the id.

    The id is the visit's own. Should its content differ, as when the newest version of the type has become
    another meanwhile, the first one stays.
    """
    try:
        [published] = await board.publish([draft])
    except BoardError as error:
        kept = await board.get(draft.id) if error.code == "id_taken" and draft.id is not None else None
        if kept is None or kept.type != draft.type or f"{kept.producer}:" not in str(draft.id):
            raise
        return kept
    return published


async def retried(call: Callable[[], Awaitable[T]], clock: Clock, patience: float = PATIENCE) -> T:
    """What `call` comes to; again while a board in this process refuses for now. Raises BoardError."""
    deadline = clock.monotonic() + patience
    for pause in pauses():
        try:
            return await call()
        except BoardError as error:
            if error.status not in _PASSING or clock.monotonic() + pause > deadline:
                raise
        await clock.sleep(pause)
    raise AssertionError("there is always a next pause")


def failure(blackboard: str, error: BoardError) -> NodeFailed:
    """What the board said, as the failure of the node: with the place, and without hope when it is final."""
    kind = Hopeless if error.status in _FOR_GOOD else NodeFailed
    failed = kind(f'Blackboard "{blackboard}" did not take the artifact: {error} ({error.code})')
    failed.retry_after = error.retry_after
    return failed


def artifact_id(publisher: str, key: str) -> str:
    """The id of what is published under an idempotency key: see `blackboard.publisher_ids`."""
    return f"{publisher}:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
