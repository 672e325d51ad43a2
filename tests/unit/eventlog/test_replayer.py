"""What events add up to, in whatever order two servers' records come."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.stores.records import DeadLetter, DeliveryPlan
from agent_runtime.eventlog.records import LoggedEvent
from agent_runtime.eventlog.replay.replayer import Replayer

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
JOIN = JoinSpec("e.k", 0, (1, 1), ("Draft", "Review"), timedelta(seconds=30), "DeadLetter")


def at(second: int, kind: str, **fields: object) -> LoggedEvent:
    """Something that a server of its own told, so many seconds after noon."""
    whole = {"v": 1, "kind": kind, "at": NOON + timedelta(seconds=second), "instance": "", "seq": 1, **fields}
    return LoggedEvent(**whole)  # type: ignore[arg-type]  # what the cases below give


def joined(id_: str) -> tuple[DeliveryPlan, ...]:
    """What an artifact set off that waits for another."""
    return (DeliveryPlan(f"{id_}+e@editor", "editor", (id_,), 4, NOON, JOIN),)


SET = (
    at(1, "published", artifact="a", planned=joined("a")),
    at(2, "published", artifact="b", planned=joined("b")),
    at(3, "leased", delivery="a+e@editor~1", names=("a", "b")),
)
LETTER = DeadLetter("a+e@editor", "editor", ("a", "b"), 1, "it broke", NOON + timedelta(seconds=4))
HISTORIES = {
    "acknowledged": (*SET, at(4, "acknowledged", delivery="a+e@editor~1")),
    "acknowledged, and told of": (
        *SET,
        at(3, "progress", delivery="a+e@editor~1", message="page 3 of 10"),
        at(4, "acknowledged", delivery="a+e@editor~1"),
    ),
    "dead": (*SET, at(4, "dead", delivery="a+e@editor~1", letter=LETTER)),
    "dead and dropped": (
        *SET,
        at(4, "dead", delivery="a+e@editor~1", letter=LETTER),
        at(5, "dropped", names=("a+e@editor",)),
    ),
    "dead and replayed": (
        *SET,
        at(4, "dead", delivery="a+e@editor~1", letter=LETTER),
        at(5, "replayed", delivery="a+e@editor", letter=LETTER),
    ),
}
EXPECTED = {
    "acknowledged": ([], []),
    "acknowledged, and told of": ([], []),
    "dead": (["a+e@editor"], []),
    "dead and dropped": ([], []),
    "dead and replayed": ([], ["a+e@editor"]),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_order_of_two_servers_records_does_not_matter(name: str) -> None:
    for order in itertools.permutations(HISTORIES[name]):
        replayer = Replayer()
        for number, event in enumerate(order):
            replayer.read(LoggedEvent(**{f: getattr(event, f) for f in _FIELDS}, instance=f"server-{number}"))
        letters = [one.letter.delivery for one in replayer.dead_letters.letters()]
        again = [kept.plan.name for kept in replayer.dead_letters.offered_again()]
        assert (letters, again) == EXPECTED[name]
        assert [*replayer.deliveries.plans("a"), *replayer.deliveries.plans("b")] == []


_FIELDS = [name for name in LoggedEvent.__dataclass_fields__ if name != "instance"]


def test_a_replayed_letter_keeps_its_attempts_and_all_its_artifacts() -> None:
    replayer = Replayer()
    for number, event in enumerate(HISTORIES["dead and replayed"]):
        replayer.read(LoggedEvent(**{f: getattr(event, f) for f in _FIELDS}, instance=f"server-{number}"))
    [kept] = replayer.dead_letters.offered_again()
    assert (kept.plan.artifact_ids, kept.plan.priority, kept.attempt, kept.base) == (("a", "b"), 4, 1, 1)


@pytest.mark.parametrize(
    ("numbers", "lost", "trimmed"),
    [
        ([1, 2, 3], 0, False),
        ([1, 2, 2, 1, 3], 0, False),
        ([1, 5], 3, False),
        ([4, 5], 0, True),
    ],
)
def test_gaps_show_in_the_numbers(numbers: list[int], lost: int, trimmed: bool) -> None:
    replayer = Replayer()
    for number in numbers:
        replayer.read(at(number, "leased", instance="server", seq=number))
    assert (replayer.gaps, replayer.trimmed) == (lost, trimmed)


def test_what_happened_later_is_left_out() -> None:
    replayer = Replayer(until=NOON + timedelta(seconds=3))
    for number, event in enumerate(HISTORIES["acknowledged"], start=1):
        replayer.read(
            LoggedEvent(**{f: getattr(event, f) for f in _FIELDS if f != "seq"}, instance="s", seq=number)
        )
    assert len([*replayer.deliveries.plans("a"), *replayer.deliveries.plans("b")]) == 2
