"""What time brings about on a board in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from agent_runtime.blackboard.stores.postgres import inbox_sql as sql
from agent_runtime.blackboard.stores.postgres import joins as groups
from agent_runtime.blackboard.stores.postgres.database import Database
from agent_runtime.blackboard.stores.postgres.dead_letter_sql import FORGET_OLDEST
from agent_runtime.blackboard.stores.postgres.notifications import notice
from agent_runtime.blackboard.stores.postgres.sql import NOTIFY
from agent_runtime.blackboard.stores.records import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    ExpiryReport,
    Incomplete,
)

_MOST_AT_ONCE = 1000
"""Deliveries; when more are due, `ExpiryReport.next_due` has passed already."""


async def sweep(database: Database, max_deliveries: int, now: datetime) -> ExpiryReport:
    """Do what has become due; see `stores.port.Store.sweep`."""
    await database.fetch(sql.FORGET_FINISHED, now - FINISHED_KEPT)
    due, for_groups = await _next_due(database, now)
    if due is None or due > now:
        return ExpiryReport(next_due=due)
    rows = await database.fetch(sql.SWEEP, _MOST_AT_ONCE, max_deliveries, now, LEASE_RAN_OUT)
    ready = dict.fromkeys(row["agent"] for row in rows if row["was"] is not None)
    expired = [row["name"] for row in rows if row["was"] == groups.HELD]
    dead = [given_up(row, LEASE_RAN_OUT, now) for row in rows if row["was"] is None]
    if ready:
        await database.fetch(NOTIFY, notice(ready))
    if dead:
        await database.fetch(FORGET_OLDEST, DEAD_LETTERS_KEPT)
    incomplete: Sequence[Incomplete] = ()
    if for_groups:
        end = partial(groups.sweep, now=now, most=_MOST_AT_ONCE)
        woken, letters, incomplete = await database.transaction(end)
        ready |= dict.fromkeys(woken)
        dead += letters
    due, _ = await _next_due(database, now)
    return ExpiryReport(tuple(ready), tuple(expired), tuple(dead), tuple(incomplete), due)


async def _next_due(database: Database, now: datetime) -> tuple[datetime | None, bool]:
    """When something will be due, or was, and whether groups have to do with what is due now."""
    [(due, for_groups)] = await database.fetch(sql.NEXT_DUE, now)
    return due, for_groups


def given_up(row: Any, error: str, at: datetime) -> DeadLetter:
    """The dead letter that a delivery has become."""
    return DeadLetter(row["name"], row["agent"], tuple(row["artifacts"]), row["attempt"], error, at)
