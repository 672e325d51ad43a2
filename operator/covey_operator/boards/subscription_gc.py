"""Agents and flows that are gone: their blackboards forget them, or what waits for them would wait for ever.

Level-triggered: it compares who is subscribed with who exists, so that it does not matter whether anybody saw
the deletion. Who exists and names the board is never forgotten, however broken its manifest is. Who is
missing is forgotten at the second look, a while after the first, and only when the API server says so too.
"""

import asyncio
from collections.abc import Callable
from time import time

import structlog

from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from covey_operator.informers.cache import Cache
from covey_operator.install.installation import Installation
from covey_operator.kube.client import KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import BY_KIND, Object

log = structlog.get_logger(__name__)

Keep = Callable[[str, str, str], BoardAdmin]
"""(namespace, blackboard, token) -> the board's admin side, for the bearer of the token."""

EVERY = 600.0
"""Seconds between two looks at a board where nobody is missing."""
AGAIN = 60.0
"""Seconds for which somebody must be missing: a resource that is being recreated loses nothing."""
_AT_ONCE = 8
"""Boards that are looked at together."""
_TOKEN_SECONDS = 300
_FLOW = "flow."


def over_http(install: Installation) -> Keep:
    """Boards by the names of their Services; one that is away is looked at the next time."""
    places = install.places()
    return lambda namespace, name, token: BoardAdmin(places.blackboard(namespace, name), token, patience=0)


class SubscriptionGC:
    """Looks at every blackboard now and then, and soon after an Agent or a Flow has gone."""

    def __init__(
        self,
        cluster: KubeClient,
        cache: Cache,
        install: Installation,
        *,
        allowed: asyncio.Event,
        keep: Keep | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nobody is looked at while `allowed` is not set. `cache` holds what there is when `run` begins."""
        self._cluster = cluster
        self._cache = cache
        self._install = install
        self._allowed = allowed
        self._keep = keep or over_http(install)
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._missing: dict[Key, dict[str, float]] = {}
        """By board: who is missing, and since when."""
        self._news = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def gone(self, key: Key) -> None:
        """A resource was deleted."""
        if key.kind in ("Agent", "Flow"):
            for board in self._due:
                if board.namespace == key.namespace:
                    self._due[board] = self._clock.monotonic()
            self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._allowed.wait()
            self._news.clear()
            pause = await self.look()
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def look(self) -> float:
        """Look at the boards whose turn it is; returns after how many seconds the next one's comes."""
        now = self._clock.monotonic()
        boards = self._cache.versions("Blackboard")
        self._due = {board: self._due.get(board, now) for board in boards}
        self._missing = {board: who for board, who in self._missing.items() if board in boards}
        await asyncio.gather(*(self._look_at(board) for board, due in self._due.items() if due <= now))
        return max(0.0, min(self._due.values(), default=now + EVERY) - self._clock.monotonic())

    async def _look_at(self, board: Key) -> None:
        async with self._turns:
            self._due[board] = self._clock.monotonic() + EVERY
            try:
                await self._forget_missing(board)
            except Exception as error:  # whatever it is, the other boards go on
                log.warning(
                    "subscribers could not be looked at; will retry", key=str(board), error=str(error)
                )
            if self._missing.get(board):
                self._due[board] = self._clock.monotonic() + AGAIN

    async def _forget_missing(self, board: Key) -> None:
        """Raises BoardError and ApiError."""
        body = self._cache.resource(board)
        if body is None:
            return
        uid, until = body["metadata"]["uid"], int(time()) + _TOKEN_SECONDS
        token = self._install.keeper_token(board.namespace, board.name, uid, until)
        before, now = self._missing.get(board, {}), self._clock.monotonic()
        async with self._keep(board.namespace, board.name, token) as keeper:
            missing = {
                name: before.get(name, now)
                for name in await _fed_or_waited_for(keeper)
                if not _is_on(self._cache.resource(_key_of(name, board)), board)
            }
            self._missing[board] = missing
            for name in [name for name, since in missing.items() if now - since >= AGAIN]:
                if await self._exists(name, board):
                    del missing[name]
                elif self._allowed.is_set():
                    deliveries = await keeper.forget(name)
                    del missing[name]
                    log.info("forgot who is gone", key=str(board), subscriber=name, deliveries=deliveries)

    async def _exists(self, name: str, board: Key) -> bool:
        """By the word of the API server: a watch may lag behind. Raises ApiError."""
        key = _key_of(name, board)
        found = await self._cluster.get(BY_KIND[key.kind], key.namespace, key.name)
        return _is_on(found, board)


async def _fed_or_waited_for(keeper: BoardAdmin) -> set[str]:
    """Who is subscribed, and for whom something waits from when it was. Raises BoardError."""
    waiting = (await keeper.stats()).pending
    subscribed = {one.identity.name for one in await keeper.subscriptions()}
    return subscribed | {name for name, count in waiting.items() if count}


def _key_of(subscriber: str, board: Key) -> Key:
    """Whose subscription it is: see `triggers.subscription.identity`."""
    kind = "Flow" if subscriber.startswith(_FLOW) else "Agent"
    return Key(kind, board.namespace, subscriber.removeprefix(_FLOW))


def _is_on(body: Object | None, board: Key) -> bool:
    """Whether the resource is there and names the board, be the rest of it right or wrong."""
    if body is None:
        return False
    spec = body["spec"]
    if body["kind"] == "Agent":
        return (spec.get("blackboard") or {}).get("name") == board.name
    triggers = spec.get("triggers") or ()
    return any((each.get("artifact") or {}).get("blackboard") == board.name for each in triggers)
