"""A board in Postgres as it stands at one moment, for another store, and back: see `port.Snapshot`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import orjson

from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.joins import from_wire, window_end, window_start
from agent_runtime.blackboard.stores.errors import NotEmpty, Restoring
from agent_runtime.blackboard.stores.postgres import snapshot_sql as sql
from agent_runtime.blackboard.stores.postgres import sql as board_sql
from agent_runtime.blackboard.stores.postgres.database import Database
from agent_runtime.blackboard.stores.postgres.joins import GATHERED, READY, WAITS, encoded
from agent_runtime.blackboard.stores.postgres.notifications import notice
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
    Snapshot,
)

T = TypeVar("T")

_AT_ONCE = 2000
"""Rows in one round trip: none may take longer than the database's patience."""


async def snapshot(database: Database) -> Snapshot:
    """In one transaction that sees one moment; it waits for nobody, and nobody waits for it."""
    return await database.run(_freeze)


async def begin_restore(database: Database) -> int:
    """The version of a board that is shut."""
    return await database.transaction(_begin)


async def restore(database: Database, frozen: Snapshot) -> None:
    """All of it, and the board is open again."""
    await database.transaction(partial(_thaw, frozen=frozen))


async def _freeze(connection: Any, board: int) -> Snapshot:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        [(position, version)] = await connection.fetch(sql.HEAD, board)
        if version < 0:
            raise Restoring
        members = [
            subscriptions.decode(body, place)
            for _, place, body in await connection.fetch(board_sql.SUBSCRIBERS, board)
            if body is not None
        ]
        deliveries = connection.cursor(sql.DELIVERIES, board, prefetch=_AT_ONCE)
        letters = connection.cursor(sql.LETTERS, board, prefetch=_AT_ONCE)
        return Snapshot(
            position,
            tuple(members),
            tuple([_kept(row) async for row in deliveries]),
            tuple([_buried(row) async for row in letters]),
        )


async def _begin(connection: Any, board: int) -> int:
    [(version, _)] = await connection.fetch(board_sql.LOCK, board)
    if version < 0:
        return int(version)
    [(has_artifacts,)] = await connection.fetch(sql.HAS_ARTIFACTS, board)
    if has_artifacts:
        raise NotEmpty
    await _raise_if_fed(connection, board)
    [(shut,)] = await connection.fetch(sql.SHUT, board)
    return int(shut)


async def _thaw(connection: Any, board: int, frozen: Snapshot) -> None:
    await connection.fetch(board_sql.LOCK, board)
    await _raise_if_fed(connection, board)
    for member in frozen.subscribers:
        body = subscriptions.encode(member.identity, member.consumes)
        await connection.fetch(sql.SUBSCRIBER, board, member.identity.name, body)
    for some in _chunks(frozen.deliveries):
        await connection.fetch(sql.PUT, board, *_columns(some))
    for letters in _chunks(frozen.dead_letters):
        await connection.fetch(sql.BURY, board, *_letter_columns(letters))
    await connection.fetch(sql.OPEN, board)
    agents = dict.fromkeys(kept.plan.agent for kept in frozen.deliveries)
    if agents:
        await connection.fetch(board_sql.NOTIFY, board, notice(agents))


async def _raise_if_fed(connection: Any, board: int) -> None:
    [(fed,)] = await connection.fetch(sql.FED, board)
    if fed:
        raise NotEmpty


def _kept(row: Any) -> DeliverySnapshot:
    name, agent, artifacts, priority, state, timer, group, attempt, base, sets, error = row
    join = None if group is None else from_wire(orjson.loads(group))
    due, since = AT_ONCE, None
    if state == WAITS:
        due = timer
    elif state == GATHERED and join is not None:
        due = since = window_start(join, timer)
    plan = DeliveryPlan(name, agent, tuple(artifacts), priority, due, join)
    return DeliverySnapshot(plan, attempt, base, tuple(sets), error, since)


def _buried(row: Any) -> DeadLetterSnapshot:
    name, agent, artifacts, attempts, error, at, priority, sets = row
    letter = DeadLetter(name, agent, tuple(artifacts), attempts, error, at)
    return DeadLetterSnapshot(letter, priority, tuple(sets))


def _chunks(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE))


def _columns(deliveries: Sequence[DeliverySnapshot]) -> Iterable[list[object]]:
    """What PUT takes."""
    states = [_state(kept) for kept in deliveries]
    yield [kept.plan.name for kept in deliveries]
    yield [kept.plan.agent for kept in deliveries]
    yield [" ".join(kept.plan.artifact_ids) for kept in deliveries]  # no id has a space in it
    yield [kept.plan.priority for kept in deliveries]
    yield [state for state, _ in states]
    yield [timer for _, timer in states]
    yield [encoded(kept.plan.join) for kept in deliveries]
    yield [kept.attempt for kept in deliveries]
    yield [kept.base for kept in deliveries]
    yield [" ".join(map(str, kept.sets)) for kept in deliveries]
    yield [_text(kept.error) for kept in deliveries]


def _state(kept: DeliverySnapshot) -> tuple[int, datetime]:
    """The state, and the timer that goes with it."""
    if kept.since is not None and kept.plan.join is not None:
        return GATHERED, window_end(kept.plan.join, kept.since)
    return (READY if kept.plan.due == AT_ONCE else WAITS), kept.plan.due


def _letter_columns(letters: Sequence[DeadLetterSnapshot]) -> Iterable[list[object]]:
    """What BURY takes."""
    yield [buried.letter.delivery for buried in letters]
    yield [buried.letter.agent for buried in letters]
    yield [" ".join(buried.letter.artifact_ids) for buried in letters]
    yield [buried.letter.attempts for buried in letters]
    yield [_text(buried.letter.error) for buried in letters]
    yield [buried.letter.at for buried in letters]
    yield [buried.priority for buried in letters]
    yield [" ".join(map(str, buried.sets)) for buried in letters]


def _text(error: str) -> str:
    """Postgres' text knows no NUL."""
    return error.replace("\0", "\N{SYMBOL FOR NULL}")
