"""Several steps settled at once have the outcomes that they would have had one by one."""

from datetime import UTC, datetime, timedelta

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.lease import LeaseId, delivery_name
from agent_runtime.blackboard.matching.joins import BATCH, JoinSpec
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State
from agent_runtime.blackboard.stores.delivery.settlement import Completion, Loaded, Step, TransactionPlan
from agent_runtime.blackboard.stores.errors import Finished, IdTaken, InboxFull, LeaseLost, StaleSubscribers
from agent_runtime.blackboard.stores.records import DeliveryPlan, Publication

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LEASE = LeaseId("old@editor", 1)


def artifact(id_: str, title: str = "a") -> Artifact:
    return Artifact(
        id=id_,
        type="Finding",
        version=1,
        payload={"title": title},
        producer="scout",
        correlation=id_,
        created_at=NOW,
    )


def publication(id_: str, *agents: str, title: str = "a") -> Publication:
    plans = (DeliveryPlan(delivery_name(id_, agent), agent, (id_,), 0, NOW) for agent in agents)
    return Publication(artifact(id_, title), tuple(plans))


def settlement(*, max_pending: int = 3, held: timedelta | None = None, **facts: object) -> TransactionPlan:
    known = {"version": 7, "artifacts": {}, "finished": {}, "pending": {}} | facts
    until = {} if held is None else {LEASE: NOW + held}
    return TransactionPlan(Loaded(held=until, **known), max_pending)  # type: ignore[arg-type]  # any of them


def publish(*publications: Publication, version: int = 7) -> Step:
    return Step(publications, version)


def acknowledge(*publications: Publication) -> Step:
    return Step(publications, 7, Completion(LEASE, NOW))


def test_what_is_new_is_written_with_its_deliveries() -> None:
    group = settlement()
    assert group.settle(publish(publication("1", "editor", "writer"), publication("2", "editor"))) == [
        artifact("1"),
        artifact("2"),
    ]
    assert [one.artifact.id for one in group.changes.publications] == ["1", "2"]
    assert group.changes.pending == {"editor": 2, "writer": 1}


def test_what_is_there_or_in_an_earlier_step_is_not_written_again() -> None:
    group = settlement(artifacts={"1": artifact("1")})
    assert group.settle(publish(publication("1", "editor"))) == [artifact("1")]
    assert group.settle(publish(publication("2"))) == [artifact("2")]
    assert group.settle(publish(publication("2"))) == [artifact("2")]
    assert isinstance(group.settle(publish(publication("3"), publication("2", title="b"))), IdTaken)
    assert [one.artifact.id for one in group.changes.publications] == ["2"]
    assert group.changes.pending == {}


def test_an_older_list_of_subscribers_is_stale_for_what_is_new_only() -> None:
    group = settlement(artifacts={"1": artifact("1")})
    assert isinstance(group.settle(publish(publication("2"), version=6)), StaleSubscribers)
    assert group.settle(publish(publication("1"), version=6)) == [artifact("1")]


def test_an_inbox_is_filled_to_its_bound_and_no_further() -> None:
    group = settlement(pending={"editor": 1})
    assert isinstance(group.settle(publish(publication("1", "editor"))), list)
    refused = group.settle(publish(publication("2", "editor"), publication("3", "editor")))
    assert isinstance(refused, InboxFull)
    assert refused.agent == "editor"
    assert isinstance(group.settle(publish(publication("4", "editor"))), list)
    assert isinstance(group.settle(publish(publication("5", "editor"))), InboxFull)
    assert group.changes.pending == {"editor": 2}


def test_finishing_makes_room_and_needs_none() -> None:
    group = settlement(max_pending=1, pending={"editor": 1}, held=timedelta(seconds=1))
    assert isinstance(group.settle(publish(publication("1", "editor"))), InboxFull)
    assert group.settle(acknowledge(publication("2", "writer"), publication("3", "writer"))) == [
        artifact("2"),
        artifact("3"),
    ]
    assert isinstance(group.settle(publish(publication("4", "editor"))), list)
    assert group.changes.pending == {"editor": 0, "writer": 2}


def test_a_delivery_is_finished_once() -> None:
    group = settlement(held=timedelta(seconds=1))
    assert group.settle(acknowledge(publication("1"))) == [artifact("1")]
    second = group.settle(acknowledge(publication("2")))
    assert isinstance(second, Finished)
    assert second.results == [artifact("1")]
    assert len(group.changes.endings) == len(group.changes.publications) == 1


def test_a_lease_that_is_not_held_publishes_nothing() -> None:
    for group, reason in (
        (settlement(), "lease old@editor~1 is not held"),
        (settlement(held=timedelta()), "lease old@editor~1 ran out"),
    ):
        refused = group.settle(acknowledge(publication("1")))
        assert isinstance(refused, LeaseLost)
        assert str(refused) == reason
        assert group.changes.publications == []


PAIR = JoinSpec("entry.key", 0, (2,), BATCH, timedelta(seconds=30), "Deliver")


def gathered(id_: str, due: datetime = NOW) -> Publication:
    """Of an artifact that goes to the editor in pairs."""
    return Publication(artifact(id_), (DeliveryPlan(f"{id_}+entry@editor", "editor", (id_,), 0, due, PAIR),))


def sets(group: TransactionPlan) -> list[tuple[str, ...]]:
    return [one.plan.artifact_ids for one in group.groups.changed.values()]


def test_items_make_sets_with_those_that_wait_and_with_each_other() -> None:
    [plan] = gathered("0").deliveries
    waits = PendingDelivery(plan, 7, state=State.GATHERED, timer=NOW)
    group = settlement(max_pending=4, pending={"editor": 1}, gathered=[waits])
    assert isinstance(group.settle(publish(gathered("1"), gathered("2"))), list)
    assert isinstance(group.settle(publish(gathered("3"))), list)
    assert sets(group) == [("0", "1"), ("2", "3")]
    assert [one.plan.artifact_ids for one in group.groups.gone] == [("1",), ("3",)]
    assert group.changes.pending == {"editor": 3}


def test_a_set_needs_room_for_its_items_and_makes_room_for_the_next_step() -> None:
    group = settlement(max_pending=2)
    assert isinstance(group.settle(publish(*(gathered(f"{n}") for n in range(3)))), InboxFull)
    assert isinstance(group.settle(publish(gathered("1"), gathered("2"))), list)
    assert isinstance(group.settle(publish(gathered("3"))), list)
    assert isinstance(group.settle(publish(gathered("4"))), InboxFull)
    assert sets(group) == [("1", "2")]


def test_what_is_refused_or_under_embargo_is_in_no_set() -> None:
    group = settlement()
    assert isinstance(group.settle(publish(gathered("1"), version=6)), StaleSubscribers)
    assert isinstance(group.settle(publish(gathered("2", NOW + timedelta(hours=1)), gathered("3"))), list)
    assert isinstance(group.settle(publish(gathered("2"))), list)
    assert (sets(group), group.groups.gone) == ([], [])
