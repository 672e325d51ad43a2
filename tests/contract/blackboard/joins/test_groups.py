"""Joins and batches, on every store: which sets are made, and of what."""

import asyncio

import pytest

from agent_runtime.blackboard.stores.errors import InboxFull, LeaseLost
from agent_runtime.blackboard.stores.records import Publication
from tests.contract.boards import on_durable_stores, on_shared_stores
from tests.contract.conftest import TERMS, Open
from tests.contract.inboxes import (
    AGENT,
    ENTRY,
    WINDOW,
    Inboxes,
    Item,
    Join,
    artifact,
    batch,
    ids,
    planned,
)

PAIR = Join()
COUNTED = Join({"Draft": 1, "Review": 2})
TRIPLE = Join({"Outline": 1, "Draft": 1, "Review": 1})
THREE = batch(3)
PAIRS_BY_TWO = Join(then=batch(2))


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one step"])
@pytest.mark.parametrize(
    ("items", "sets", "left"),
    [
        pytest.param([PAIR.draft("d")], [], 1, id="one is missing"),
        pytest.param([PAIR.draft("d"), PAIR.review("r")], [["d", "r"]], 0, id="complete"),
        pytest.param([PAIR.review("r"), PAIR.draft("d")], [["d", "r"]], 0, id="in declared order"),
        pytest.param(
            [TRIPLE.review("r"), Item("o", TRIPLE.of("Outline")), TRIPLE.draft("d")],
            [["o", "d", "r"]],
            0,
            id="three types",
        ),
        pytest.param([COUNTED.draft("d"), COUNTED.review("r1")], [], 2, id="too few of one type"),
        pytest.param(
            [COUNTED.review("r1"), COUNTED.draft("d"), COUNTED.review("r2")],
            [["d", "r1", "r2"]],
            0,
            id="as many as counted",
        ),
        pytest.param(
            [PAIR.draft("d1"), PAIR.draft("d2"), PAIR.review("r1")],
            [["d1", "r1"]],
            1,
            id="what is left over waits",
        ),
        pytest.param(
            [PAIR.draft("d1"), PAIR.draft("d2"), PAIR.review("r1"), PAIR.review("r2")],
            [["d1", "r1"], ["d2", "r2"]],
            0,
            id="for the next set",
        ),
        pytest.param(
            [PAIR.draft("d1", "x"), PAIR.review("r1", "y"), PAIR.review("r2", "x")],
            [["d1", "r2"]],
            1,
            id="keys stay apart",
        ),
        pytest.param([Item(f"{n}", THREE) for n in range(2)], [], 2, id="batch that is not full"),
        pytest.param(
            [Item(f"{n}", THREE) for n in range(7)],
            [["0", "1", "2"], ["3", "4", "5"]],
            1,
            id="batches",
        ),
        pytest.param([Item("1", batch(1))], [["1"]], 0, id="batch of one"),
        pytest.param(
            [Item("1", batch(2, key="x")), Item("2", batch(2, key="y"))], [], 2, id="batches of two entries"
        ),
        pytest.param([Item("1"), PAIR.draft("d")], [["1"]], 1, id="beside what has no group"),
    ],
)
async def test_sets(
    open_inboxes: Open, items: list[Item], sets: list[list[str]], left: int, together: bool
) -> None:
    inboxes = await open_inboxes()
    for step in [items] if together else [[item] for item in items]:
        # in steps that an inbox of a few has room for
        for start in range(0, len(step), TERMS.max_pending):
            await inboxes.put(*step[start : start + TERMS.max_pending])
    assert await inboxes.handed_out() == sets
    assert await inboxes.pending() == {AGENT: len(sets) + left}


async def test_a_set_has_the_name_and_the_place_of_its_first_item(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.review("r1"), Item("before"), PAIR.draft("d1"), Item("after"))
    leased = await inboxes.lease()
    assert [str(one.lease) for one in leased] == [
        f"before@{AGENT}~1",
        f"d1+{ENTRY}@{AGENT}~1",
        f"after@{AGENT}~1",
    ]
    assert [ids(one) for one in leased] == [["before"], ["d1", "r1"], ["after"]]
    assert [one.sets for one in leased] == [(), (), ()]


async def test_a_set_has_the_priority_of_its_first_item(inboxes: Inboxes) -> None:
    await inboxes.put(Item("plain", priority=5), PAIR.review("r", priority=9), PAIR.draft("d", priority=1))
    assert await inboxes.handed_out() == [["plain"], ["d", "r"]]
    await inboxes.put(PAIR.review("r2"), Item("plain2", priority=5), PAIR.draft("d2", priority=9))
    assert await inboxes.handed_out() == [["d2", "r2"], ["plain2"]]


async def test_agents_stay_apart(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d1", agent="other"), PAIR.draft("d2"))
    await inboxes.put(PAIR.review("r1"), PAIR.review("r2", agent="other"))
    assert await inboxes.handed_out() == [["d2", "r1"]]
    assert await inboxes.handed_out("other") == [["d1", "r2"]]


async def test_an_artifact_may_be_delivered_alone_and_in_a_set(inboxes: Inboxes) -> None:
    now = inboxes.clock.now
    both = (planned(Item("d"), now), planned(PAIR.draft("d"), now))
    await inboxes.publish([Publication(artifact("d", now), both)])
    assert await inboxes.pending() == {AGENT: 2}
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == [["d"], ["d", "r"]]


async def test_a_set_is_one_delivery_from_then_on(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d"), PAIR.review("r"))
    first = await inboxes.lease_one()
    assert [one.id for one in await inboxes.store.held(first.lease, inboxes.clock.now)] == ["d", "r"]
    swept = await inboxes.wait(TERMS.lease.total_seconds())
    assert (swept.ready, swept.expired, swept.incomplete) == ((AGENT,), (first.lease.delivery,), ())
    second = await inboxes.lease_one()
    assert (ids(second), second.lease.attempt) == (["d", "r"], 2)
    with pytest.raises(LeaseLost):
        await inboxes.acknowledge(first)
    await inboxes.fail(second)
    letter = await inboxes.fail(await inboxes.lease_one(), "hopeless", retry=False)
    assert letter is not None
    assert (letter.delivery, letter.artifact_ids, letter.attempts) == (first.lease.delivery, ("d", "r"), 3)
    assert await inboxes.pending() == {}


async def test_a_set_that_is_acknowledged_leaves_nothing_behind(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d"), PAIR.review("r"))
    await inboxes.acknowledge(await inboxes.lease_one())
    assert await inboxes.pending() == {}
    swept = await inboxes.wait(WINDOW, micros=1)
    assert (swept.ready, swept.dead, swept.incomplete, swept.next_due) == ((), (), (), None)
    await inboxes.put(PAIR.draft("d2"))
    assert await inboxes.handed_out() == []
    await inboxes.put(PAIR.review("r2"))
    assert await inboxes.handed_out() == [["d2", "r2"]]


async def test_joined_sets_go_on_into_a_batch(inboxes: Inboxes) -> None:
    """It counts sets, of whatever key, in the order of their first items."""
    await inboxes.put(PAIRS_BY_TWO.draft("d1", "x"), PAIRS_BY_TWO.draft("d2", "y"))
    await inboxes.put(PAIRS_BY_TWO.review("r2", "y"))
    assert await inboxes.handed_out() == []
    assert await inboxes.pending() == {AGENT: 2}
    await inboxes.put(PAIRS_BY_TWO.review("r1", "x"))
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets) == (["d1", "r1", "d2", "r2"], (2, 2))
    assert leased.lease.delivery == f"d1+{ENTRY}@{AGENT}"
    assert await inboxes.pending() == {AGENT: 1}


async def test_several_batches_of_sets_in_one_step(inboxes: Inboxes) -> None:
    join = Join(then=batch(1))
    await inboxes.put(join.draft("d1"), join.draft("d2"), join.review("r1"), join.review("r2"))
    assert [(ids(one), one.sets) for one in await inboxes.lease()] == [
        (["d1", "r1"], (2,)),
        (["d2", "r2"], (2,)),
    ]


async def test_publishing_again_adds_no_second_item(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1", THREE), Item("2", THREE))
    await inboxes.put(Item("2", THREE))
    await inboxes.wait(1)
    await inboxes.put(Item("1", THREE), Item("2", THREE))
    assert await inboxes.handed_out() == []
    assert await inboxes.pending() == {AGENT: 2}
    await inboxes.put(Item("3", THREE), Item("1", THREE))
    assert await inboxes.handed_out() == [["1", "2", "3"]]


async def test_no_number_of_keys_fills_more_than_the_inbox(inboxes: Inboxes) -> None:
    for n in range(TERMS.max_pending):
        await inboxes.put(PAIR.draft(f"{n}", f"key-{n}"))
    refused = [PAIR.draft("new", "new"), PAIR.review("r", "key-0")]
    for item in refused:
        with pytest.raises(InboxFull, match=AGENT):
            await inboxes.put(item)
    assert await inboxes.store.get(["new", "r"]) == [None, None]
    assert await inboxes.pending() == {AGENT: TERMS.max_pending}
    await inboxes.put(PAIR.draft("elsewhere", agent="other"))
    await inboxes.wait(WINDOW, micros=1)
    assert await inboxes.pending() == {}
    await inboxes.put(*refused)


async def test_room_is_asked_for_each_item_though_they_make_sets(inboxes: Inboxes) -> None:
    items = [Item(f"{n}", batch(2)) for n in range(TERMS.max_pending + 1)]
    with pytest.raises(InboxFull):
        await inboxes.put(*items)
    assert await inboxes.handed_out() == []
    await inboxes.put(*items[1:])
    await inboxes.put(items[0])
    assert await inboxes.handed_out() == [["1", "2"], ["3", "4"], ["5", "0"]]


async def test_an_acknowledgement_fills_a_group_of_a_full_inbox(inboxes: Inboxes) -> None:
    await inboxes.put(Item("work"), *(PAIR.draft(f"{n}", f"{n}") for n in range(TERMS.max_pending - 1)))
    work = await inboxes.lease_one()
    results = [PAIR.review("r", "0"), PAIR.review("alone", "alone")]
    assert [one.id for one in await inboxes.acknowledge(work, *results)] == ["r", "alone"]
    assert await inboxes.handed_out() == [["0", "r"]]
    assert await inboxes.pending() == {AGENT: TERMS.max_pending}


async def test_an_acknowledgement_may_fill_a_group_of_its_own_agent_with_several(inboxes: Inboxes) -> None:
    await inboxes.put(Item("work"))
    work = await inboxes.lease_one()
    await inboxes.acknowledge(work, *(Item(f"{n}", THREE) for n in range(7)))
    assert await inboxes.handed_out() == [["0", "1", "2"], ["3", "4", "5"]]
    assert await inboxes.pending() == {AGENT: 3}


@on_durable_stores
async def test_part_filled_groups_outlive_a_restart(open_inboxes: Open) -> None:
    before = await open_inboxes()
    await before.put(PAIR.draft("d", "x"), PAIR.draft("alone", "y"), Item("1", THREE))
    await before.store.close()
    after = await open_inboxes()
    assert await after.pending() == {AGENT: 3}
    await after.wait(WINDOW)
    await after.put(PAIR.review("r", "x"))
    assert await after.handed_out() == [["d", "r"]]
    swept = await after.wait(0, micros=1)
    assert [letter.artifact_ids for letter in swept.dead] == [("alone",)]
    assert await after.handed_out() == [["1"]]


@on_durable_stores
async def test_a_batch_of_joined_sets_outlives_a_restart(open_inboxes: Open) -> None:
    before = await open_inboxes()
    await before.put(PAIRS_BY_TWO.draft("d1", "x"), PAIRS_BY_TWO.review("r1", "x"))
    await before.put(PAIRS_BY_TWO.draft("d2", "y"))
    await before.store.close()
    again = await open_inboxes()
    await again.put(PAIRS_BY_TWO.review("r2", "y"))
    await again.store.close()
    after = await open_inboxes()
    leased = await after.lease_one()
    assert (ids(leased), leased.sets) == (["d1", "r1", "d2", "r2"], (2, 2))


@on_shared_stores
async def test_servers_that_fill_one_group_at_once_make_each_set_once(open_inboxes: Open) -> None:
    servers = [await open_inboxes() for _ in range(3)]
    agents = [f"editor-{n}" for n in range(4)]
    taken: list[list[str]] = []
    for round_ in range(6):
        items = [
            item
            for agent in agents
            for n in range(TERMS.max_pending // 2)
            for item in (
                PAIR.draft(f"d-{agent}-{round_}-{n}", agent=agent),
                PAIR.review(f"r-{agent}-{round_}-{n}", agent=agent),
            )
        ]
        await asyncio.gather(*(servers[n % 3].put(item) for n, item in enumerate(items)))
        for n, agent in enumerate(agents):
            for leased in await servers[n % 3].lease(agent=agent):
                taken.append(ids(leased))
                await servers[(n + 1) % 3].acknowledge(leased)
    assert len(taken) == 6 * len(agents) * (TERMS.max_pending // 2)
    assert all([id_[0] for id_ in one] == ["d", "r"] for one in taken)
    assert len({id_ for one in taken for id_ in one}) == 2 * len(taken)
    assert await servers[0].pending() == {}
