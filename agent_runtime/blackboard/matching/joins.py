"""Joins and batches: groups of artifacts that are delivered together, once they are complete. Pure.

A delivery that belongs to a group is an item of it. Items wait in slots, in order of arrival: a join has a
slot for each of its types, a batch has one for all. As soon as every slot holds what it needs, the first
items of each slot make a set; what is left over waits for the next one. When the window of the oldest item
has passed, the set ends as it is, and `expiry` says what becomes of it. All stores keep to this page; the Lua
of the Redis store says the same once more, because it must run inside Redis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from agent_runtime.core.times import span_micros

Item = TypeVar("Item")

Expiry = Literal["DeadLetter", "Deliver", "Drop"]
BATCH = ("artifact",)
"""What the one slot of a batch is called; no artifact type is written like this."""
_INSIDE = timedelta(microseconds=1)
"""At exactly the end of its window an item is still inside."""


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """Which group an item belongs to, and when the group is complete."""

    group: str
    """Unique among the groups of one agent: it stands for the entry of `consumes` and the key."""
    slot: int
    """Where the item goes: an index into `needs`."""
    needs: tuple[int, ...]
    """How many items each slot of a set holds."""
    names: tuple[str, ...]
    """The slots' artifact types, for messages; of a batch, `BATCH`."""
    window: timedelta
    """How long after its first item a group waits for the others; at exactly that time it still does."""
    expiry: Expiry
    """What becomes of a set whose window has passed."""
    then: "JoinSpec | None" = None
    """The batch that a complete set goes on into, as one item; None: it is delivered."""

    @property
    def is_batch(self) -> bool:
        """Whether it may end with what there is, and nothing is missing."""
        return self.names == BATCH


def window_end(join: JoinSpec, since: datetime) -> datetime:
    """When an item that came `since` is not inside its window any more."""
    return since + join.window + _INSIDE


def window_start(join: JoinSpec, end: datetime) -> datetime:
    """When an item came whose window has that end."""
    return end - join.window - _INSIDE


def complete(needs: Sequence[int], waiting: Sequence[Sequence[Item]]) -> list[Item] | None:
    """The items of the next set in the order of the slots; None while one is missing.

    `waiting` holds the items of each slot, oldest first; more than the first `needs[slot]` are not looked at.
    """
    if any(len(items) < need for need, items in zip(needs, waiting, strict=True)):
        return None
    return partial(needs, waiting)


def partial(needs: Sequence[int], waiting: Sequence[Sequence[Item]]) -> list[Item]:
    """What there is of the next set, in the order of the slots."""
    return [item for need, items in zip(needs, waiting, strict=True) for item in items[:need]]


def shortfall(join: JoinSpec, present: Sequence[int]) -> str:
    """Why a set ended incomplete, for people; `present` counts the items of each slot.

    `the window of 30s passed with 0 of 2 Review`; seconds are written without a needless fraction.
    """
    missing = ", ".join(
        f"{count} of {need} {name}"
        for need, name, count in zip(join.needs, join.names, present, strict=True)
        if count < need
    )
    return f"the window of {in_seconds(join.window)} passed with {missing}"


def in_seconds(span: timedelta) -> str:
    """For people: `30s`, `0.5s`, `2592000s`."""
    return f"{span.total_seconds():f}".rstrip("0").rstrip(".") + "s"


def to_wire(join: JoinSpec) -> dict[str, Any]:
    """As JSON, for the stores; `window` in microseconds."""
    return {
        "group": join.group,
        "slot": join.slot,
        "needs": join.needs,
        "names": join.names,
        "window": span_micros(join.window),
        "expiry": join.expiry,
        "then": None if join.then is None else to_wire(join.then),
    }


def from_wire(wire: Mapping[str, Any]) -> JoinSpec:
    """The gathering that `to_wire` made it from, also after a trip through JSON."""
    return JoinSpec(
        group=wire["group"],
        slot=wire["slot"],
        needs=tuple(wire["needs"]),
        names=tuple(wire["names"]),
        window=timedelta(microseconds=wire["window"]),
        expiry=wire["expiry"],
        then=None if wire["then"] is None else from_wire(wire["then"]),
    )
