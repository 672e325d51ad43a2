"""Reading: nothing leaves the store without visibility having been asked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import AccessPolicy
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Page, Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import EventEmitter
from agent_runtime.blackboard.service.store_errors import MAX_BATCH, check_batch
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.wire import cursor
from agent_runtime.blackboard.wire.cursor import Cursor

_PAGES_PER_QUERY = 10
"""Bounds the work of one query by somebody who may see next to nothing; the cursor leads on.

All but the first are large: an answer that ends here says that there are thousands which are hidden, and so
tells nobody whether some one thing is there.
"""


class Reader:
    """Artifacts as somebody may see them: in the newest version of their type, and every denial is told."""

    def __init__(
        self,
        store: Store,
        registry: TypeRegistry,
        access: AccessPolicy,
        tell: EventEmitter,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._registry = registry
        self._access = access
        self._tell = tell
        self._clock = clock

    def since(self, reader: Identity, artifact: Artifact) -> datetime | None:
        """When the reader may see it for the first time; None: never."""
        return self._access.since(artifact, reader)

    def first_hidden(self, reader: Identity, artifacts: Sequence[Artifact]) -> Artifact | None:
        """The first that the reader may not see."""
        now = self._clock()
        for artifact in artifacts:
            if not self._access.allows(artifact, reader, now):
                return artifact
        return None

    def show(self, reader: Identity, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
        """What the reader may see, as the newest version of its type."""
        if not self._access.logs and all(map(self._registry.is_newest, artifacts)):
            return tuple(artifacts)
        shown = []
        faults: list[tuple[Artifact, str]] = []
        for artifact in artifacts:
            read, fault = self._registry.read(artifact)
            shown.append(read)
            if fault:
                faults.append((artifact, fault))
        if faults:
            first, message = faults[0]
            self._tell("unreadable", identity=reader, artifact=first, message=message, count=len(faults))
        foreign = [one for one in artifacts if self._access.notes(one, reader)]
        if foreign:
            message = "it reads artifacts of another tenant"
            self._tell("tenancy", identity=reader, artifact=foreign[0], message=message, count=len(foreign))
        return tuple(shown)

    async def get(self, reader: Identity, artifact_id: str) -> Artifact | None:
        """See `Board.get`."""
        artifact = (await self._store.get([artifact_id]))[0]
        if artifact is None:
            return None
        if self.first_hidden(reader, [artifact]) is not None:
            self._tell("denied", identity=reader, artifact=artifact, message=self._why(artifact, reader))
            return None
        return self.show(reader, [artifact])[0]

    async def query(self, reader: Identity, query: Query) -> Page:
        """See `Board.query`. A page may be short, even empty, with a cursor: there may be more behind it."""
        check_batch(query.limit, "artifacts")
        position = cursor.parse(query.cursor).position
        now = self._clock()
        found: list[Artifact] = []
        hidden = 0
        page_query = query
        for _ in range(_PAGES_PER_QUERY):
            page = await self._store.scan(page_query, position)
            for at, artifact in page:
                position = at
                if not self._access.allows(artifact, reader, now):
                    hidden += 1
                    continue
                found.append(artifact)
                if len(found) == query.limit:
                    return self._page(reader, found, hidden, Cursor(position))
            if len(page) < page_query.limit:
                return self._page(reader, found, hidden, None)
            page_query = replace(query, limit=MAX_BATCH)
        return self._page(reader, found, hidden, Cursor(position))

    def _page(self, reader: Identity, found: Sequence[Artifact], hidden: int, behind: Cursor | None) -> Page:
        if hidden:
            self._tell("denied", identity=reader, message="a query met what it may not see", count=hidden)
        return Page(self.show(reader, found), str(behind) if behind is not None else None)

    async def look(
        self, reader: Identity, query: Query, position: int
    ) -> list[tuple[int, datetime | None, Artifact]]:
        """The next page behind `position`: positions, and since when the reader may see them; None: never.

        For streams, which wait for what is still to open; `show` makes of it what may be shown.
        """
        page = await self._store.scan(query, position)
        met = [(at, self._access.since(artifact, reader), artifact) for at, artifact in page]
        hidden = sum(since is None for _, since, _ in met)
        if hidden:
            self._tell("denied", identity=reader, message="a stream met what it may not see", count=hidden)
        return met

    def _why(self, artifact: Artifact, reader: Identity) -> str:
        if self._access.denies(artifact, reader):
            return "the artifact belongs to another tenant (spec.isolation is Strict)"
        since = self._access.since(artifact, reader)
        return "it may not see the artifact" if since is None else f"it may see the artifact from {since} on"
