"""Joins and batches in Postgres: loads what of the groups may change, and writes down what did.

Only who has the board's lock does either, so that what was loaded stays as it is. What happens to the groups
is settled in `delivery.joins`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from agent_runtime.blackboard.matching.joins import JoinSpec, from_wire, to_wire, window_end
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State
from agent_runtime.blackboard.stores.delivery.joins import JoinState, Slot, following, wanted
from agent_runtime.blackboard.stores.postgres import group_sql as sql
from agent_runtime.blackboard.stores.postgres import sql as board_sql
from agent_runtime.blackboard.stores.postgres.dead_letter_sql import FORGET_OLDEST
from agent_runtime.blackboard.stores.postgres.notifications import notice
from agent_runtime.blackboard.stores.records import DEAD_LETTERS_KEPT, DeadLetter, DeliveryPlan, Incomplete

READY, WAITS, HELD, GATHERED = 0, 1, 2, 3
_STATES = {WAITS: State.WAITS, GATHERED: State.GATHERED}


async def load(connection: Any, board: int, slots: Mapping[Slot, int]) -> list[PendingDelivery]:
    """The oldest items of each slot, up to that many."""
    agents, groups, places = zip(*slots, strict=True)
    rows = await connection.fetch(sql.LOAD, board, agents, groups, places, list(slots.values()))
    return [_waiting(row) for row in rows]


async def write(connection: Any, board: int, groups: JoinState, now: datetime | None = None) -> None:
    """Write down what has changed, and wake the agents that got something; `now` for dead letters."""
    if not (groups.changed or groups.gone):
        return
    kept = list(groups.changed.values())
    ready = groups.ready()
    await connection.fetch(
        sql.APPLY,
        board,
        [item.plan.name for item in kept],
        [READY if item.state is State.READY else GATHERED for item in kept],
        [item.timer or item.plan.due for item in kept],
        [" ".join(item.plan.artifact_ids) for item in kept],  # no id has a space in it
        [" ".join(map(str, item.sets)) for item in kept],
        [encoded(item.plan.join) for item in kept],
        [item.plan.name for item in groups.gone],
        list(groups.fewer),
        list(groups.fewer.values()),
        [item.plan.name for item, _ in groups.dead],
        [item.plan.agent for item, _ in groups.dead],
        [" ".join(item.plan.artifact_ids) for item, _ in groups.dead],
        [" ".join(map(str, item.sets)) for item, _ in groups.dead],
        [item.plan.priority for item, _ in groups.dead],
        [error for _, error in groups.dead],
        now,
        notice(ready) if ready else None,
    )
    if groups.dead:
        await connection.fetch(FORGET_OLDEST, board, DEAD_LETTERS_KEPT)


Ended = tuple[Sequence[str], Sequence[DeadLetter], Sequence[Incomplete]]
"""The agents that have something to lease because of it, dead letters, and joins that ended incomplete."""


async def sweep(connection: Any, board: int, now: datetime, most: int) -> Ended:
    """Within a transaction: open embargoes for groups and end windows, in the order of their times.

    Each happens as if it were its time. What may make something else come to be due before the next one ends
    a round: what is due then is looked for again.
    """
    await connection.fetch(board_sql.LOCK, board)
    woken: dict[str, None] = {}
    letters: list[DeadLetter] = []
    incomplete: list[Incomplete] = []
    while most > 0:
        due = _round([_waiting(row) for row in await connection.fetch(sql.DUE, board, now, most)])
        if not due:  # another server was faster, or all is done
            break
        most -= len(due)
        groups = await _end(connection, board, due)
        await write(connection, board, groups, now)
        woken |= groups.ready()
        letters += [
            DeadLetter(item.plan.name, item.plan.agent, item.plan.artifact_ids, item.attempt, error, now)
            for item, error in groups.dead
        ]
        incomplete += groups.incomplete
    return list(woken), letters, incomplete


def _round(due: Sequence[PendingDelivery]) -> list[PendingDelivery]:
    """The first of these, up to what may come to be due by them."""
    first: list[PendingDelivery] = []
    soonest: datetime | None = None
    for item in due:
        join = item.plan.join
        if item.timer is None or join is None or (soonest is not None and soonest <= item.timer):
            break
        first.append(item)
        groups = [join] if item.state is State.WAITS else []
        for group in (*groups, *following(join)):
            ends = window_end(group, item.timer)
            soonest = ends if soonest is None else min(soonest, ends)
    return first


async def _end(connection: Any, board: int, due: Sequence[PendingDelivery]) -> JoinState:
    opened = [item for item in due if item.state is State.WAITS]
    known = {item.plan.name: item for item in await _known(connection, board, opened, due)}
    groups = JoinState(known.values())
    for item in due:
        at = item.timer
        assert at is not None  # what is due has one
        if item.state is State.WAITS:
            groups.move(item, at)
        elif (waiting := known[item.plan.name]).timer == at:  # not in a set that ended before
            groups.end(waiting, at)
    return groups


async def _known(
    connection: Any, board: int, opened: Iterable[PendingDelivery], due: Iterable[PendingDelivery]
) -> list[PendingDelivery]:
    last: dict[Slot, tuple[JoinSpec, int]] = {}
    for item in due:
        if item.state is State.GATHERED and (join := item.plan.join) is not None:
            slot = item.plan.agent, join.group, join.slot
            last[slot] = join, max(item.sequence, last[slot][1] if slot in last else 0)
    ends: dict[Slot, tuple[JoinSpec, int]] = {}
    for slot, (join, place) in last.items():
        [(items,)] = await connection.fetch(sql.RANK, board, *slot, place)
        ends[slot] = join, items
    arrivals = [(item.plan.agent, item.plan.join) for item in opened if item.plan.join is not None]
    return await load(connection, board, wanted(arrivals, ends))


def encoded(join: JoinSpec | None) -> str | None:
    """As the column `join` has it."""
    return None if join is None else orjson.dumps(to_wire(join)).decode()


@lru_cache(maxsize=4096)
def _decoded(join: str) -> JoinSpec:
    return from_wire(orjson.loads(join))


def _waiting(row: Any) -> PendingDelivery:
    ids, due = tuple(row["artifacts"]), row["timer"]
    plan = DeliveryPlan(row["name"], row["agent"], ids, row["priority"], due, _decoded(row["gathering"]))
    return PendingDelivery(
        plan, row["place"], state=_STATES[row["state"]], timer=due, sets=tuple(row["sets"])
    )
