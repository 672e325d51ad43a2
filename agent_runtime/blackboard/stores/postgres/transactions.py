"""Publications and acknowledgements, several in one transaction: lock, look, settle, write."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.joins import window_end
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery
from agent_runtime.blackboard.stores.delivery.joins import wanted
from agent_runtime.blackboard.stores.delivery.overdue import gathers_at
from agent_runtime.blackboard.stores.delivery.settlement import (
    Changes,
    Completion,
    Loaded,
    Outcome,
    Step,
    TransactionPlan,
    gathered_at_once,
)
from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.blackboard.stores.postgres import joins as groups
from agent_runtime.blackboard.stores.postgres import sql
from agent_runtime.blackboard.stores.postgres.inbox_sql import FIRST_DUE
from agent_runtime.blackboard.stores.postgres.joins import GATHERED, READY, WAITS
from agent_runtime.blackboard.stores.postgres.notifications import notice
from agent_runtime.blackboard.stores.records import DeliveryPlan, Publication
from agent_runtime.blackboard.wire.codec import decode, encode


async def write(connection: Any, board: int, steps: Sequence[Step], max_pending: int) -> list[Outcome]:
    """Within a transaction: what becomes of each step."""
    position, facts = await _look(connection, board, steps)
    settlement = TransactionPlan(facts, max_pending)
    outcomes = [settlement.settle(step) for step in steps]
    changes = settlement.changes
    if changes.publications or changes.endings:
        await connection.fetch(sql.WRITE, board, *_columns(changes, position))
        await groups.write(connection, board, settlement.groups)
    return outcomes


async def _look(connection: Any, board: int, steps: Sequence[Step]) -> tuple[int, Loaded]:
    """(position of the newest artifact, facts). What is seen stays so until the transaction ends.

    Publishers wait here for each other; those who only acknowledge do not, and get the position 0.
    """
    publications = [publication for step in steps for publication in step.publications]
    version = position = 0
    known: dict[str, Any] = {}
    pending: dict[str, int] = {}
    gathered: list[PendingDelivery] = []
    due: datetime | None = None
    if publications:
        [row] = await connection.fetch(sql.LOCK, board) or _gone()
        version, position = row
        ids = [publication.artifact.id for publication in publications]
        known = {id_: decode(body) for id_, body in await connection.fetch(sql.ARTIFACTS, board, ids)}
        if agents := {plan.agent for publication in publications for plan in publication.deliveries}:
            pending = dict(await connection.fetch(sql.PENDING, board, list(agents)))
        if gathers_at(publications) is not None:
            [(due,)] = await connection.fetch(FIRST_DUE, board)
        gathered = await _look_at_groups(connection, board, publications)
    leases = {step.ending.lease for step in steps if step.ending is not None}
    held: dict[LeaseId, Any] = {}
    finished: dict[LeaseId, Any] = {}
    if leases:
        rows = await connection.fetch(sql.LOCK_HELD, board, sorted({lease.delivery for lease in leases}))
        held = {LeaseId(name, attempt): until for name, attempt, until in rows}
        if lost := leases - held.keys():
            by_name = {str(lease): lease for lease in lost}
            rows = await connection.fetch(sql.FINISHED, board, list(by_name))
            finished = {by_name[name]: [decode(body) for body in bodies] for name, bodies in rows}
    return position, Loaded(version, known, held, finished, pending, gathered, due)


async def _look_at_groups(
    connection: Any, board: int, publications: Sequence[Publication]
) -> list[PendingDelivery]:
    arrivals = [
        (plan.agent, group)
        for publication in publications
        for plan in publication.deliveries
        if (group := gathered_at_once(plan, publication)) is not None
    ]
    return await groups.load(connection, board, wanted(arrivals)) if arrivals else []


def _gone() -> list[Any]:
    raise Unavailable("the board was deleted from the database: restart its servers to make it anew")


def _columns(changes: Changes, position: int) -> Iterable[object]:
    """What WRITE takes."""
    artifacts = [publication.artifact for publication in changes.publications]
    positions = range(position + 1, position + 1 + len(artifacts))
    yield position + len(artifacts)
    yield list(positions)
    yield [artifact.id for artifact in artifacts]
    yield [artifact.type for artifact in artifacts]
    yield [artifact.correlation for artifact in artifacts]
    yield [artifact.producer for artifact in artifacts]
    yield [artifact.partition for artifact in artifacts]
    yield [artifact.created_at for artifact in artifacts]
    yield [encode(artifact) for artifact in artifacts]
    tags = [
        (tag, at)
        for at, artifact in zip(positions, artifacts, strict=True)
        for tag in dict.fromkeys(artifact.tags)
    ]
    yield [tag for tag, _ in tags]
    yield [at for _, at in tags]
    yield from _deliveries(changes.publications)
    yield from _endings(changes.endings)
    yield list(changes.pending)
    yield list(changes.pending.values())
    woken = {
        plan.agent: None
        for publication in changes.publications
        for plan in publication.deliveries
        if _state(plan, publication) == READY
    }
    yield notice(woken) if artifacts else None


def _deliveries(publications: Sequence[Publication]) -> Iterable[list[object]]:
    planned = [(plan, publication) for publication in publications for plan in publication.deliveries]
    yield [plan.name for plan, _ in planned]
    yield [plan.agent for plan, _ in planned]
    yield [" ".join(plan.artifact_ids) for plan, _ in planned]  # no id has a space in it
    yield [plan.priority for plan, _ in planned]
    yield [_state(plan, publication) for plan, publication in planned]
    yield [_timer(plan, publication) for plan, publication in planned]
    yield [groups.encoded(plan.join) for plan, _ in planned]


def _state(plan: DeliveryPlan, publication: Publication) -> int:
    if plan.due > publication.artifact.created_at:
        return WAITS
    return READY if plan.join is None else GATHERED


def _timer(plan: DeliveryPlan, publication: Publication) -> datetime:
    group = gathered_at_once(plan, publication)
    return plan.due if group is None else window_end(group, publication.artifact.created_at)


def _endings(endings: Sequence[tuple[Completion, Sequence[Any]]]) -> Iterable[list[object]]:
    yield [ending.lease.delivery for ending, _ in endings]
    yield [str(ending.lease) for ending, _ in endings]
    yield [" ".join(artifact.id for artifact in results) for _, results in endings]
    yield [ending.at for ending, _ in endings]
