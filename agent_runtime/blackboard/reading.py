"""Reading: nothing leaves the store without visibility having been asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError, Identity, Page, Query
from agent_runtime.blackboard.refusals import check_batch
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.visibility import allows

_PAGES_PER_QUERY = 10
"""Bounds the work of one query by somebody who may see next to nothing; the cursor leads on."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Visible artifacts with their positions, how far was looked, and whether there may be more."""

    found: list[tuple[int, Artifact]]
    position: int
    more: bool


class Reader:
    """Queries on behalf of an identity."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def first_hidden(self, reader: Identity, artifacts: Sequence[Artifact]) -> Artifact | None:
        """The first that the reader may not see."""
        now = self._clock()
        return next((artifact for artifact in artifacts if not allows(artifact, reader, now)), None)

    async def get(self, reader: Identity, artifact_id: str) -> Artifact | None:
        """See `Board.get`."""
        artifact = (await self._store.get([artifact_id]))[0]
        return artifact if artifact is not None and allows(artifact, reader, self._clock()) else None

    async def query(self, reader: Identity, query: Query) -> Page:
        """See `Board.query`. A page may be short, even empty, with a cursor: there may be more behind it."""
        stretch = await self.walk(reader, query, parse_cursor(query.cursor))
        artifacts = tuple(artifact for _, artifact in stretch.found)
        return Page(artifacts, str(stretch.position) if stretch.more else None)

    async def walk(self, reader: Identity, query: Query, position: int) -> Stretch:
        """Go on behind `position` until the query's limit is reached, or the end, or it gets too much."""
        check_batch(query.limit, "artifacts")
        now = self._clock()
        found: list[tuple[int, Artifact]] = []
        for _ in range(_PAGES_PER_QUERY):
            page = await self._store.scan(query, position)
            for at, artifact in page:
                position = at
                if allows(artifact, reader, now):
                    found.append((at, artifact))
                    if len(found) == query.limit:
                        return Stretch(found, position, more=True)
            if len(page) < query.limit:
                return Stretch(found, position, more=False)
        return Stretch(found, position, more=True)


def parse_cursor(cursor: str | None) -> int:
    """The position behind which to go on. Raises BoardError `invalid`."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BoardError("invalid", f"{cursor!r} is no cursor: use the one of the page before", status=422)
    return int(cursor)
