"""Deliveries that were given up: look at them, offer them again, or let them go."""

from collections.abc import Callable, Sequence
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.service.events import EventEmitter
from agent_runtime.blackboard.service.store_errors import check_batch, refusals
from agent_runtime.blackboard.service.waiters import Waiters
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import DeadLetter

_NAMED = 10
"""How many missing dead letters a refusal names."""


class DeadLetters:
    """The dead letters of a board, for admins."""

    def __init__(
        self, store: Store, waiters: Waiters, tell: EventEmitter, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._waiters = waiters
        self._tell = tell
        self._clock = clock

    async def newest(self, limit: int, agent: str | None) -> list[DeadLetter]:
        """The newest, newest first; those of one agent only when named."""
        check_batch(limit, "dead letters")
        with refusals():
            return await self._store.dead_letters(limit, agent)

    async def get(self, delivery: str) -> tuple[DeadLetter, list[Artifact]]:
        """One, with its artifacts as they are stored. Raises BoardError `not_found`."""
        with refusals():
            letter = await self._store.dead_letter(delivery)
            if letter is None:
                raise _not_there([delivery])
            artifacts = await self._store.get(letter.artifact_ids)
        return letter, [artifact for artifact in artifacts if artifact is not None]

    async def replay(self, deliveries: Sequence[str]) -> list[DeadLetter]:
        """Offer them again, all or none. Raises BoardError `not_found`, which names what is not there."""
        check_batch(len(deliveries), "dead letters")
        with refusals():
            missing = [name for name in deliveries if await self._store.dead_letter(name) is None]
            if missing:
                raise _not_there(missing)
            letters = await self._store.replay(deliveries, self._clock())
        for letter in letters:
            self._waiters.wake(letter.agent)
            self._tell(
                "replayed", letter.agent, delivery=letter.delivery, message=letter.error, letter=letter
            )
        return letters

    async def drop(self, deliveries: Sequence[str]) -> int:
        """Delete them for good; returns how many there were."""
        check_batch(len(deliveries), "dead letters")
        with refusals():
            dropped = await self._store.drop(deliveries)
        if dropped:
            message = ", ".join(deliveries[:_NAMED])
            self._tell("dropped", count=dropped, message=message, names=tuple(deliveries))
        return dropped


def _not_there(deliveries: Sequence[str]) -> BoardError:
    more = f" and {len(deliveries) - _NAMED} more" if len(deliveries) > _NAMED else ""
    names = ", ".join(repr(name) for name in deliveries[:_NAMED])
    return BoardError("not_found", f"there is no dead letter {names}{more}", status=404)
