"""A board in Redis as it stands at one moment, for another store, and back: see `port.Snapshot`.

Freezing is one script, so that it is of one moment; Redis answers nobody else meanwhile: see docs/backup.md.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.joins import from_wire, to_wire
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.errors import NotEmpty, Restoring
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
    Snapshot,
)
from agent_runtime.blackboard.stores.redis.replies import dead_letter
from agent_runtime.blackboard.stores.redis.scripts import Scripts
from agent_runtime.core.times import micros, moment
from agent_runtime.storage.redis import connect

_PLACES = 2**40
"""A rank is the place, less the priority times this."""
_PATIENCE = 60.0
"""Seconds for freezing: with a million deliveries it takes more than ten."""
_TOGETHER = 1000
"""Deliveries in one step."""


async def snapshot(url: str, prefix: str) -> Snapshot:
    """On a connection of its own, which waits longer than others. Raises Restoring, Unavailable."""
    client = connect(url, text=True, patience=_PATIENCE)
    try:
        answer = await Scripts(client, prefix)("freeze")
    finally:
        await client.aclose()
    position, version, members, letters, *rows = answer
    if version < 0:
        raise Restoring
    ranked = sorted(((int(float(row[0])), row) for row in rows), key=lambda one: one[0] % _PLACES)
    return Snapshot(
        int(float(position)),
        in_order(members),
        tuple(_kept(-(rank // _PLACES), row) for rank, row in ranked),
        tuple(_buried(letter) for letter in letters),
    )


def in_order(rows: Sequence[tuple[str, int]]) -> tuple[Subscriber, ...]:
    """Subscribers, in the order in which they came."""
    members = [subscriptions.decode(body, order) for body, order in rows]
    return tuple(sorted(members, key=lambda member: member.order))


async def restore(run: Scripts, frozen: Snapshot) -> None:
    """Step by step, since one would take too long; the last one makes it all seen, and opens the board."""
    if not await run("thaw_begin"):
        raise NotEmpty
    for at in range(0, len(frozen.deliveries), _TOGETHER):
        some = [_delivery(kept) for kept in frozen.deliveries[at : at + _TOGETHER]]
        await run("thaw", _json(some))
    members = [
        [member.identity.name, subscriptions.encode(member.identity, member.consumes).decode()]
        for member in frozen.subscribers
    ]
    letters = [_letter(buried) for buried in frozen.dead_letters]
    if not await run("thaw_end", _json(members), _json(letters)):
        raise NotEmpty


def _kept(priority: int, row: Sequence[Any]) -> DeliverySnapshot:
    _, timer, name, agent, artifacts, attempt, held, error, base, group, since, sets = row
    join = None if group is None else from_wire(orjson.loads(group))
    gathered = None if since is None else moment(int(since))
    due = AT_ONCE if timer is None or held == "1" else moment(int(float(timer)))
    return DeliverySnapshot(
        DeliveryPlan(name, agent, tuple(orjson.loads(artifacts)), priority, gathered or due, join),
        int(attempt),
        int(base or 0),
        tuple(orjson.loads(sets or "[]")),
        error or "",
        gathered,
    )


def _delivery(kept: DeliverySnapshot) -> dict[str, Any]:
    plan = kept.plan
    wire: dict[str, Any] = {
        "name": plan.name,
        "agent": plan.agent,
        "artifacts": _json(plan.artifact_ids),
        "priority": plan.priority,
        "due": micros(plan.due),
        "attempt": kept.attempt,
    }
    if kept.base:
        wire["base"] = kept.base
    if kept.error:
        wire["error"] = kept.error
    if kept.sets:
        wire["sets"] = _json(kept.sets)
    if plan.join is not None:
        wire["gathering"] = _json(to_wire(plan.join))
        if kept.since is not None:
            wire["since"] = micros(kept.since)
    return wire


def _buried(document: str) -> DeadLetterSnapshot:
    wire = orjson.loads(document)
    # letters of boards from before have no rank
    priority = -(int(float(wire.get("rank") or 0)) // _PLACES)
    return DeadLetterSnapshot(dead_letter(document), priority, tuple(orjson.loads(wire.get("sets") or "[]")))


def _letter(buried: DeadLetterSnapshot) -> dict[str, Any]:
    letter = buried.letter
    wire: dict[str, Any] = {
        "delivery": letter.delivery,
        "agent": letter.agent,
        "artifacts": _json(letter.artifact_ids),
        "attempts": letter.attempts,
        "error": letter.error,
        "at": f"{micros(letter.at)}",
        "priority": buried.priority,
    }
    if buried.sets:
        wire["sets"] = _json(buried.sets)
    return wire


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
