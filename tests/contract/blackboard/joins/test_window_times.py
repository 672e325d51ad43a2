"""Windows are closed by the clock, on every store: whether, and when, somebody sweeps changes no set."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.stores.records import Limits
from tests.contract.blackboard.joins.window_model import Model
from tests.contract.boards import Clock, on_durable_stores
from tests.contract.conftest import Connect, Open
from tests.contract.inboxes import AGENT, MICROSECOND, WINDOW, Inboxes, Item, Join, batch, ids

PAIR = Join()
_SECOND = 1_000_000
_WINDOW = int(WINDOW) * _SECOND
_KINDS: dict[str, Join] = {
    "letter": Join({"Draft": 1, "Review": 2}),
    "deliver": Join({"Draft": 1, "Review": 2}, expiry="Deliver"),
    "drop": Join(expiry="Drop"),
    "batched": Join(expiry="Deliver", then=batch(2, within=WINDOW, key="sets")),
    "quick": Join(expiry="Deliver", then=batch(3, within=7, key="quick sets")),
}
_BATCH = batch(3)
_numbers = itertools.count(1)


@pytest.fixture
def terms() -> Limits:
    """Room for all of a history."""
    return Limits(lease=timedelta(hours=1), max_deliveries=3, max_pending=3000)


@dataclass(frozen=True)
class Arrival:
    """Microseconds after the one before, its type, its embargo, whether somebody sweeps then, and its key."""

    after: int
    type: str = "Draft"
    embargo: int = 0
    sweeps: bool = False
    key: str = "x"


_times = st.sampled_from((0, 1, _SECOND, _WINDOW - 1, _WINDOW, _WINDOW + 1, 2 * _WINDOW + 2, 7 * _SECOND + 1))
_arrivals = st.lists(
    st.builds(
        Arrival,
        _times,
        st.sampled_from(("Draft", "Review")),
        st.one_of(st.just(0), st.just(0), _times),
        st.booleans(),
        st.sampled_from(("x", "x", "y")),
    ),
    min_size=1,
    max_size=8,
)


@example(kind="drop", arrivals=[Arrival(0), Arrival(_WINDOW + 1, "Review")])
@example(kind="drop", arrivals=[Arrival(0), Arrival(_WINDOW, "Review")])
@example(kind="batch", arrivals=[Arrival(0), Arrival(1), Arrival(_WINDOW)])
@example(
    kind="letter", arrivals=[Arrival(0, embargo=1), Arrival(0, "Review", 3 * _WINDOW), Arrival(4 * _WINDOW)]
)
@example(kind="batched", arrivals=[Arrival(0), Arrival(0, key="y"), Arrival(0, "Review", key="y")])
@example(kind="batched", arrivals=[Arrival(0, key="y"), Arrival(0, "Review", key="y"), Arrival(0)])
@example(
    kind="batched",
    arrivals=[Arrival(0), Arrival(0, key="y"), Arrival(0, "Review", key="y"), Arrival(_WINDOW + 1, "Review")],
)
@example(
    kind="batched",
    arrivals=[
        Arrival(0),
        Arrival(0, "Review", _WINDOW + 1),
        Arrival(0, key="y"),
        Arrival(0, "Review", key="y"),
        Arrival(0, "Review", _WINDOW, key="z"),
    ],
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(kind=st.sampled_from((*_KINDS, "batch")), arrivals=_arrivals)
async def test_sets_are_those_of_the_model(place: Connect, kind: str, arrivals: Sequence[Arrival]) -> None:
    store = place()
    await store.open()
    try:
        agent = f"agent-{next(_numbers)}"
        clock, model = Clock(), Model()
        inboxes = Inboxes(store, clock)
        version = (await store.subscribers()).version
        assert version == 0
        dropped: list[str] = []
        for number, arrival in enumerate(arrivals):
            clock.now += timedelta(microseconds=arrival.after)
            if arrival.sweeps:
                dropped += _dropped(await inboxes.wait(0))
            join = _gathering(kind, arrival)
            embargo = timedelta(microseconds=arrival.embargo)
            item = Item(f"{agent}-{number}", join, 0, embargo.total_seconds(), agent)
            await inboxes.put(item)
            model.publish(item.id, join, clock.now, embargo)
        clock.advance(1000)
        swept = await inboxes.wait(0)
        dropped += _dropped(swept)
        model.go_on_to(clock.now)
        leased = [ids(one) for one in await inboxes.lease(agent=agent)]
        letters = [list(one.artifact_ids) for one in await store.dead_letters(1000, agent)]
        assert (sorted(leased), sorted(letters)) == (sorted(model.delivered), sorted(model.given_up))
        assert len(dropped) == len(model.dropped)
        assert swept.next_due is None
        assert (await inboxes.pending()).get(agent, 0) == len(leased)
        await store.drop([one.delivery for one in await store.dead_letters(1000, agent)])
        await store.forget(agent)
    finally:
        await store.close()


def _dropped(swept: object) -> list[str]:
    return [one.delivery for one in swept.incomplete if one.expiry == "Drop"]  # type: ignore[attr-defined]


def _gathering(kind: str, arrival: Arrival) -> JoinSpec:
    return _BATCH if kind == "batch" else _KINDS[kind].of(arrival.type, f"{kind}-{arrival.key}")


@pytest.mark.parametrize(("late", "together"), [(0, True), (1, False)])
async def test_a_pair_is_one_up_to_its_window_though_nobody_sweeps(
    inboxes: Inboxes, late: int, together: bool
) -> None:
    await inboxes.put(PAIR.draft("d"))
    inboxes.clock.now += timedelta(seconds=WINDOW) + late * MICROSECOND
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == ([["d", "r"]] if together else [])
    swept = await inboxes.wait(0)
    assert [one.delivery.partition("+")[0] for one in swept.incomplete] == ([] if together else ["d"])
    assert [letter.artifact_ids for letter in swept.dead] == ([] if together else [("d",)])
    assert await inboxes.pending() == {AGENT: 1}


async def test_embargoes_that_open_further_apart_than_the_window_make_no_pair(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d1", embargo=10), PAIR.review("r1", embargo=10 + WINDOW))
    await inboxes.put(PAIR.draft("d2", "far", embargo=10), PAIR.review("r2", "far", embargo=10.001 + WINDOW))
    swept = await inboxes.wait(1000)
    assert await inboxes.handed_out() == [["d1", "r1"]]
    assert sorted(letter.artifact_ids for letter in swept.dead) == [("d2",), ("r2",)]


@pytest.mark.parametrize(("late", "together"), [(0, True), (1, False)])
async def test_a_batch_takes_nothing_that_comes_after_its_time(
    inboxes: Inboxes, late: int, together: bool
) -> None:
    await inboxes.put(Item("1", batch(2)))
    inboxes.clock.now += timedelta(seconds=WINDOW) + late * MICROSECOND
    await inboxes.put(Item("2", batch(2)))
    assert await inboxes.handed_out() == ([["1", "2"]] if together else [["1"]])


@pytest.mark.parametrize("alone", [0, 2], ids=["the oldest", "the youngest"])
async def test_of_one_instant_a_join_ends_before_the_batch_that_its_set_goes_into(
    inboxes: Inboxes, alone: int
) -> None:
    join = Join(expiry="Deliver", then=batch(2))
    items = [join.draft("d2", "y"), join.review("r2", "y")]
    items.insert(alone, join.draft("d", "x"))
    await inboxes.put(*items)
    swept = await inboxes.wait(WINDOW, micros=1)
    leased = await inboxes.lease_one()
    assert (sorted(ids(leased)), sorted(leased.sets)) == (["d", "d2", "r2"], [1, 2])
    assert (len(swept.incomplete), swept.dead) == (1, ())


async def test_of_one_instant_joins_end_first_though_more_than_one_sweep_can_end(inboxes: Inboxes) -> None:
    join = Join(expiry="Deliver", then=batch(3000))
    await inboxes.put(*(join.draft(f"{n}", f"k{n}") for n in range(100)))
    await inboxes.put(*(join.review(f"r{n}", f"k{n}") for n in range(100)))
    await inboxes.put(*(join.draft(f"d{n}", f"alone{n}") for n in range(1400)))
    swept = await inboxes.wait(WINDOW, micros=1)
    while swept.next_due is not None:
        swept = await inboxes.wait(0)
    leased = await inboxes.lease_one()
    assert (len(leased.sets), len(leased.artifacts)) == (1500, 1600)


async def test_what_opens_after_a_window_is_outside_though_nobody_sweeps_before(inboxes: Inboxes) -> None:
    late = WINDOW + MICROSECOND.total_seconds()
    await inboxes.put(PAIR.draft("d1", "in"), PAIR.review("r1", "in", embargo=WINDOW))
    await inboxes.put(PAIR.draft("d2", "out"), PAIR.review("r2", "out", embargo=late))
    swept = await inboxes.wait(WINDOW, micros=1)
    assert await inboxes.handed_out() == [["d1", "r1"]]
    assert [letter.artifact_ids for letter in swept.dead] == [("d2",)]


async def test_results_are_late_as_well(inboxes: Inboxes) -> None:
    """What an acknowledgement publishes goes the same way."""
    await inboxes.put(PAIR.draft("d"))
    inboxes.clock.advance(WINDOW - 10)
    await inboxes.put(Item("plain"))
    [work] = await inboxes.lease()
    inboxes.clock.now += timedelta(seconds=10) + MICROSECOND
    await inboxes.acknowledge(work, PAIR.review("r"))
    assert await inboxes.handed_out() == []
    assert await inboxes.pending() == {AGENT: 1}
    [letter] = (await inboxes.wait(0)).dead
    assert letter.artifact_ids == ("d",)


@on_durable_stores
async def test_a_late_item_finds_the_window_closed_after_a_restart(open_inboxes: Open) -> None:
    await (await open_inboxes()).put(PAIR.draft("d"))
    for _ in range(5):
        inboxes = await open_inboxes()
    inboxes.clock.now += timedelta(seconds=WINDOW) + MICROSECOND
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == []
    assert [letter.artifact_ids for letter in await inboxes.store.dead_letters(10)] == [("d",)]


async def test_more_than_one_sweep_can_end_is_overdue(inboxes: Inboxes) -> None:
    await inboxes.put(*(PAIR.draft(f"d{number}", f"k{number % 3}") for number in range(1500)))
    inboxes.clock.now += timedelta(seconds=WINDOW) + MICROSECOND
    await inboxes.put(PAIR.review("r", "k1"))
    assert await inboxes.handed_out() == []
    swept = await inboxes.wait(0)
    assert len(swept.dead) == len(swept.incomplete) == 1500
    assert await inboxes.pending() == {AGENT: 1}
