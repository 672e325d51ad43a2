"""What becomes of groups that were loaded in part: as of groups that were there all the time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.blackboard.matching.joins import BATCH, Expiry, JoinSpec, window_end
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State
from agent_runtime.blackboard.stores.delivery.joins import JoinState, wanted
from agent_runtime.blackboard.stores.records import DeliveryPlan

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=30)
BATCHES = JoinSpec("e.b", 0, (2,), BATCH, WINDOW, "Deliver")


def join(slot: int, *, expiry: Expiry = "DeadLetter", then: JoinSpec | None = None) -> JoinSpec:
    return JoinSpec("e.key", slot, (1, 2), ("Draft", "Review"), WINDOW, expiry, then)


def item(id_: str, place: int, join: JoinSpec) -> PendingDelivery:
    """It has been waiting since NOW."""
    plan = DeliveryPlan(f"{id_}+e@editor", "editor", (id_,), 0, NOW, join)
    return PendingDelivery(plan, place, state=State.GATHERED, timer=window_end(join, NOW))


def changed(groups: JoinState) -> list[tuple[str, tuple[str, ...], State]]:
    return [
        (name.partition("+")[0], one.plan.artifact_ids, one.state) for name, one in groups.changed.items()
    ]


def gone(groups: JoinState) -> list[str]:
    return [one.plan.artifact_ids[0] for one in groups.gone]


def test_an_item_that_completes_nothing_changes_nothing_else() -> None:
    groups = JoinState([item("d", 1, join(0))])
    groups.arrive(item("r1", 2, join(1)), NOW)
    assert (groups.changed, groups.gone, groups.ready()) == ({}, [], {})


def test_a_complete_set_is_the_delivery_of_its_first_item() -> None:
    groups = JoinState([item("r1", 1, join(1)), item("d", 2, join(0))])
    groups.arrive(item("r2", 3, join(1)), NOW)
    assert changed(groups) == [("d", ("d", "r1", "r2"), State.READY)]
    assert gone(groups) == ["r1", "r2"]
    assert list(groups.ready()) == ["editor"]


def test_a_set_that_goes_on_into_a_batch_may_complete_that() -> None:
    first = replace(item("x", 1, BATCHES), sets=(3,))
    groups = JoinState([first, item("d", 2, join(0, then=BATCHES)), item("r1", 3, join(1, then=BATCHES))])
    groups.arrive(item("r2", 4, join(1, then=BATCHES)), NOW)
    assert changed(groups) == [("x", ("x", "d", "r1", "r2"), State.READY)]
    assert first.sets == (3, 3)
    assert gone(groups) == ["r1", "r2", "d"]


def test_in_a_batch_that_is_not_full_it_waits_for_a_window_of_its_own() -> None:
    later = NOW + timedelta(seconds=7)
    groups = JoinState([item("d", 1, join(0, then=BATCHES)), item("r1", 2, join(1, then=BATCHES))])
    groups.arrive(item("r2", 3, join(1, then=BATCHES)), later)
    [whole] = groups.changed.values()
    assert (whole.state, whole.plan.join, whole.sets) == (State.GATHERED, BATCHES, (3,))
    assert whole.timer == window_end(BATCHES, later)
    assert list(groups.ready()) == []


@pytest.mark.parametrize(
    ("expiry", "delivered", "dead"),
    [("Deliver", True, False), ("DeadLetter", False, True), ("Drop", False, False)],
)
def test_a_window_that_passed_ends_the_set_as_it_is(expiry: Expiry, delivered: bool, dead: bool) -> None:
    review = item("r", 1, join(1, expiry=expiry))
    groups = JoinState([review])
    groups.end(review, NOW)
    message = "the window of 30s passed with 0 of 1 Draft, 1 of 2 Review"
    assert [(one.expiry, one.message) for one in groups.incomplete] == [(expiry, message)]
    assert changed(groups) == ([("r", ("r",), State.READY)] if delivered else [])
    assert [(one.plan.artifact_ids, error) for one, error in groups.dead] == (
        [(("r",), message)] if dead else []
    )
    assert gone(groups) == ([] if delivered else ["r"])


def test_older_items_that_came_later_end_first() -> None:
    early, late = item("late", 1, join(0, expiry="Drop")), item("early", 2, join(0, expiry="Drop"))
    groups = JoinState([early, late])
    groups.end(late, NOW)
    assert gone(groups) == ["late", "early"]


def test_no_more_is_asked_for_than_can_be_taken() -> None:
    assert wanted([("editor", join(1)), ("editor", join(0, then=BATCHES)), ("other", BATCHES)]) == {
        ("editor", "e.key", 0): 2,
        ("editor", "e.key", 1): 4,
        ("editor", "e.b", 0): 2,
        ("other", "e.b", 0): 2,
    }


def test_a_window_asks_for_all_the_sets_before_it() -> None:
    """Seven reviews up to the last one that is due are in four sets."""
    ends = {("editor", "e.key", 1): (join(1, then=BATCHES), 7)}
    assert wanted([], ends) == {
        ("editor", "e.key", 0): 4,
        ("editor", "e.key", 1): 8,
        ("editor", "e.b", 0): 8,
    }
