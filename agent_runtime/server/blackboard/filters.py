"""The filters of a query and of a stream, as parameters of the URL."""

from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from agent_runtime.api.base import Model
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.service.store_errors import MAX_BATCH
from agent_runtime.server.http.validation_errors import WITHOUT_NUL

Text = Annotated[str, StringConstraints(max_length=256, pattern=WITHOUT_NUL)]


class Filters(Model):
    """All that are set must hold."""

    model_config = ConfigDict(defer_build=False)

    type: Text | None = None
    correlation: Text | None = None
    producer: Text | None = None
    tag: Text | None = None
    partition: Text | None = None
    since: AwareDatetime | None = None
    """Made at this time or later; RFC 3339, with a time zone."""
    until: AwareDatetime | None = None
    """Made before this time; RFC 3339, with a time zone."""
    cursor: Annotated[str, StringConstraints(max_length=128)] | None = None
    """Where the last page ended, or the id of the last event; none: from the oldest."""

    def query(self, limit: int, cursor: str | None = None) -> Query:
        """As the board takes it; `cursor` goes before the parameter of that name."""
        return Query(
            type=self.type,
            correlation=self.correlation,
            producer=self.producer,
            tag=self.tag,
            partition=self.partition,
            since=self.since,
            until=self.until,
            limit=limit,
            cursor=self.cursor if cursor is None else cursor,
        )


class PageFilters(Filters):
    """The filters of a page, and its size."""

    limit: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 100
    """Artifacts on one page."""

    def page(self) -> Query:
        """As the board takes it."""
        return self.query(self.limit)
