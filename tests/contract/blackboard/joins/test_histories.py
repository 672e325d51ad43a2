"""Random histories on every store: nothing is lost, nothing comes twice, and each does as the memory does."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.blackboard.stores.errors import InboxFull, LeaseLost
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import DeadLetter, ExpiryReport, Leased, Limits
from tests.contract.boards import Clock
from tests.contract.conftest import TERMS
from tests.contract.inboxes import Inboxes, Item, Join, batch, ids

T = TypeVar("T")

# windows end at odd times: a lease or an embargo never ends at the same instant
_BATCH = batch(3, within=7.3)
_JOINS = {
    "letter": Join({"Draft": 1, "Review": 2}, window=11.1),
    "deliver": Join({"Draft": 2, "Review": 1}, window=5.17, expiry="Deliver"),
    "drop": Join(window=3.07, expiry="Drop"),
    "batched": Join(window=8.011, expiry="Deliver", then=batch(2, within=6.0013, key="sets")),
}
Drawn = tuple[str, int, int]
"""An item: its type (in a join), embargo, priority."""


@dataclass(frozen=True)
class Put:
    """Publish items in one step: "plain" ones, of a "batch", or of one of the joins."""

    kind: str
    key: str
    items: Sequence[Drawn]


@dataclass(frozen=True)
class Take:
    """Lease so many."""

    limit: int


@dataclass(frozen=True)
class End:
    """End one of the leases, the n-th modulo their number."""

    which: int
    how: Literal["acknowledge", "retry", "retry later", "give up", "release"]


@dataclass(frozen=True)
class Pass:
    """Let so many seconds pass."""

    seconds: int


@dataclass(frozen=True)
class Revive:
    """Replay or drop one of the dead letters, the n-th modulo their number."""

    which: int
    how: Literal["replay", "drop"]


@dataclass(frozen=True)
class Prune:
    """Delete what nothing needs."""


_RESULTS = Put("batched", "x", [("Review", 0, 0)])
"""What an acknowledgement publishes, when it was not the first attempt."""
_NO_RESULTS = Put("plain", "x", [])
Step = Put | Take | End | Pass | Revive | Prune

_puts = st.builds(
    Put,
    st.sampled_from(("plain", "batch", *_JOINS)),
    st.sampled_from(("x", "x", "y")),
    st.lists(
        st.tuples(
            st.sampled_from(("Draft", "Review")), st.sampled_from((0, 0, 0, 2, 9)), st.sampled_from((0, 0, 3))
        ),
        min_size=1,
        max_size=6,
    ),
)
_which = st.integers(0, 9)
_steps = st.one_of(
    _puts,
    _puts,
    st.builds(Take, st.integers(1, 4)),
    st.builds(
        End,
        _which,
        st.sampled_from(("acknowledge", "acknowledge", "retry", "retry later", "give up", "release")),
    ),
    st.builds(Pass, st.sampled_from((1, 3, 10, 31))),
    st.builds(Revive, _which, st.sampled_from(("replay", "drop"))),
    st.builds(Prune),
)


class History:
    """The same steps on a store and in memory, compared, and a ledger of what became of each artifact."""

    def __init__(self, real: Inboxes, reference: Inboxes, agent: str) -> None:
        self._real, self._reference = real, reference
        self._clock = real.clock
        self._agent = agent
        self._number = itertools.count()
        self._held: list[Leased] = []
        self._letters: list[DeadLetter] = []
        self._kinds: dict[str, str] = {}
        self._ended: list[str] = []
        """Ids of artifacts that were worked on, or dropped."""

    async def take(self, step: Step) -> None:
        """Do the step on both."""
        match step:
            case Put():
                await self._put(step)
            case Take(limit):
                await self._lease(limit)
            case End(which, how) if self._held:
                await self._end(self._held.pop(which % len(self._held)), how)
            case Pass(seconds):
                await self._pass(seconds)
            case Revive(which, how) if self._letters:
                await self._revive(self._letters.pop(which % len(self._letters)), how)
            case Prune():
                await self._both(lambda one: one.store.prune(None, 0, 1000))
        pending = await self._both(lambda one: one.pending())
        assert pending.get(self._agent, 0) >= len(self._held)

    async def finish(self) -> None:
        """Work on all that is left: then each artifact has ended once, or is in one dead letter."""
        while await self._both(lambda one: one.pending()):
            await self._pass(3600)
            await self._lease(10)
            while self._held:
                await self._end(self._held.pop(), "acknowledge")
        letters = await self._both(lambda one: one.store.dead_letters(1000, self._agent), key=_by_delivery)
        kept = [id_ for letter in letters for id_ in letter.artifact_ids]
        assert sorted(self._ended + kept) == sorted(self._kinds)

    async def clear(self) -> None:
        """Leave nothing to the next history."""
        for one in (self._real, self._reference):
            await one.store.forget(self._agent)
            letters = await one.store.dead_letters(1000, self._agent)
            await one.store.drop([letter.delivery for letter in letters])

    async def _both(self, call: Callable[[Inboxes], Awaitable[T]], key: Callable[[T], object] = repr) -> T:
        """The outcome, the same on both; also when it is a refusal."""
        try:
            expected = await call(self._reference)
        except (InboxFull, LeaseLost) as refusal:
            with pytest.raises(type(refusal)):
                await call(self._real)
            raise
        outcome = await call(self._real)
        assert key(outcome) == key(expected)
        return outcome

    async def _put(self, put: Put) -> None:
        items = self._items(put)
        with suppress(InboxFull):
            await self._both(lambda one: one.put(*items))
            self._kinds |= {item.id: put.kind for item in items}

    def _items(self, put: Put) -> list[Item]:
        items = []
        for type_, embargo, priority in put.items:
            join = None
            if put.kind == "batch":
                join = _BATCH
            elif put.kind != "plain":
                join = _JOINS[put.kind].of(type_, f"{put.kind}-{put.key}")
            id_ = f"{self._agent}-{next(self._number)}"
            items.append(Item(id_, join, priority, embargo, self._agent))
        return items

    async def _lease(self, limit: int) -> None:
        leased = await self._both(lambda one: one.lease(limit, self._agent))
        worked_on = [id_ for one in self._held for id_ in ids(one)]
        for one in leased:
            assert len({self._kinds[id_] for id_ in ids(one)}) == 1
            assert not {*ids(one)} & {*worked_on, *self._ended}
            worked_on += ids(one)
        self._held += leased

    async def _end(self, leased: Leased, how: str) -> None:
        if how == "acknowledge":
            results = self._items(_RESULTS if leased.lease.attempt > 1 else _NO_RESULTS)
            await self._both(lambda one: one.acknowledge(leased, *results))
            self._ended += ids(leased)
            self._kinds |= {item.id: _RESULTS.kind for item in results}
            return
        now = self._clock.now
        if how == "release":
            await self._both(lambda one: one.store.release(leased.lease, now))
            return
        retry_at = {"retry": now, "retry later": now + timedelta(seconds=5), "give up": None}[how]
        letter = await self._both(lambda one: one.store.fail(leased.lease, how, retry_at, now))
        assert letter is not None or how != "give up"
        self._letters += [letter] if letter else []

    async def _pass(self, seconds: float) -> None:
        """Sweep whenever something is due, as servers do."""
        end = self._clock.now + timedelta(seconds=seconds)
        while True:
            due = await self._sweep()
            if due is None or due >= end:
                break
            self._clock.now = due
        self._clock.now = end
        await self._sweep()

    async def _sweep(self) -> datetime | None:
        swept = await self._both(lambda one: one.wait(0), key=_swept)
        lost = {*swept.expired, *(letter.delivery for letter in swept.dead)}
        self._held = [one for one in self._held if one.lease.delivery not in lost]
        self._letters += swept.dead
        # a set that is dropped is half a pair: one item, after which the delivery is named
        self._ended += [one.delivery.partition("+")[0] for one in swept.incomplete if one.expiry == "Drop"]
        return swept.next_due

    async def _revive(self, letter: DeadLetter, how: str) -> None:
        names = [letter.delivery]
        if how == "replay":
            now = self._clock.now
            assert await self._both(lambda one: one.store.replay(names, now)) == [letter]
        else:
            assert await self._both(lambda one: one.store.drop(names)) == 1
            self._ended += letter.artifact_ids


def _swept(swept: ExpiryReport) -> object:
    """What falls on one instant may be told in any order."""
    return (
        sorted(swept.ready),
        sorted(swept.expired),
        _by_delivery(swept.dead),
        sorted(swept.incomplete, key=lambda one: one.delivery),
        swept.next_due,
    )


def _by_delivery(letters: Sequence[DeadLetter]) -> object:
    return sorted(letters, key=lambda letter: letter.delivery)


_numbers = itertools.count(1)


@pytest.fixture
def terms() -> Limits:
    """With room for a few groups."""
    return replace(TERMS, max_pending=12)


@pytest.fixture
async def reference(terms: Limits, clock: Clock) -> Inboxes:
    """What the store is compared with."""
    return Inboxes(MemoryStore(terms), clock)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(_steps, min_size=10, max_size=40))
async def test_each_artifact_ends_once(inboxes: Inboxes, reference: Inboxes, steps: list[Step]) -> None:
    history = History(inboxes, reference, f"agent-{next(_numbers)}")
    try:
        for step in steps:
            await history.take(step)
        await history.finish()
    finally:
        await history.clear()
