"""Pruning, on every store: which artifacts go, which stay because something needs them, what readers see."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.errors import Finished, LeaseLost
from agent_runtime.blackboard.stores.records import Publication
from tests.contract.boards import on_durable_stores
from tests.contract.conftest import Open
from tests.contract.inboxes import AGENT, MICROSECOND, WINDOW, Inboxes, Item, Join, artifact, batch, planned

PAIR = Join()


async def publish(inboxes: Inboxes, *names: str, **fields: object) -> None:
    """Artifacts that set nothing off, in one step."""
    await inboxes.publish([Publication(artifact(name, inboxes.clock.now, **fields)) for name in names])


async def publish_one_a_second(inboxes: Inboxes, count: int) -> None:
    """Called 1, 2, ...; the last one now."""
    for n in range(1, count + 1):
        inboxes.clock.advance(1)
        await publish(inboxes, f"{n}")


async def there(inboxes: Inboxes) -> list[str]:
    """The ids of all artifacts, in order."""
    return [found.id for _, found in await inboxes.store.scan(Query(limit=1000), 0)]


async def prune_all(inboxes: Inboxes) -> int:
    """Everything that nothing needs."""
    return await inboxes.store.prune(None, 0, 1000)


@pytest.mark.parametrize(
    ("age", "keep", "limit", "gone", "left"),
    [
        pytest.param(None, None, 100, 0, "123456", id="nothing said"),
        pytest.param(3.0, None, 100, 2, "3456", id="by age: exactly as old stays"),
        pytest.param(2.999999, None, 100, 3, "456", id="a microsecond older goes"),
        pytest.param(-1, None, 100, 6, "", id="all are older"),
        pytest.param(100, None, 100, 0, "123456", id="all are younger"),
        pytest.param(None, 2, 100, 4, "56", id="by number"),
        pytest.param(None, 6, 100, 0, "123456", id="as many as there are"),
        pytest.param(None, 7, 100, 0, "123456", id="fewer than may be"),
        pytest.param(None, 0, 100, 6, "", id="none is kept"),
        pytest.param(3.0, 2, 100, 4, "56", id="the number asks for more"),
        pytest.param(3.0, 5, 100, 2, "3456", id="the age asks for more"),
        pytest.param(None, 1, 3, 3, "456", id="the oldest first"),
        pytest.param(1.5, None, 4, 4, "56", id="as many as the limit"),
    ],
)
async def test_what_goes(
    inboxes: Inboxes, age: float | None, keep: int | None, limit: int, gone: int, left: str
) -> None:
    await publish_one_a_second(inboxes, 6)
    before = None if age is None else inboxes.clock.now - timedelta(seconds=age)
    assert await inboxes.store.prune(before, keep, limit) == gone
    assert await there(inboxes) == list(left)
    assert (await inboxes.store.stats()).artifacts == len(left)
    assert [found is not None for found in await inboxes.store.get(list("123456"))] == [
        name in left for name in "123456"
    ]


async def test_again_and_again_until_it_is_done(inboxes: Inboxes) -> None:
    await publish_one_a_second(inboxes, 6)
    assert [await inboxes.store.prune(None, 1, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert await there(inboxes) == ["6"]


Need = Callable[[Inboxes], Awaitable[None]]


async def ready(inboxes: Inboxes) -> None:
    await inboxes.put(Item("old"))


async def held(inboxes: Inboxes) -> None:
    await inboxes.put(Item("old"))
    await inboxes.lease_one()


async def failed(inboxes: Inboxes) -> None:
    await inboxes.put(Item("old"))
    leased = await inboxes.lease_one()
    await inboxes.store.fail(leased.lease, "away", inboxes.clock.now + timedelta(hours=1), inboxes.clock.now)


async def embargoed(inboxes: Inboxes) -> None:
    await inboxes.put(Item("old", embargo=3600))


async def embargoed_item(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("old", embargo=3600))


async def gathered(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("old"))


async def first_of_a_set(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("old"), PAIR.review("old-too"))


async def second_of_a_set(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("old-too"), PAIR.review("old"))


async def set_in_a_batch(inboxes: Inboxes) -> None:
    join = Join(then=batch(2))
    await inboxes.put(join.draft("old-too"), join.review("old"))


async def batch_of_sets(inboxes: Inboxes) -> None:
    join = Join(then=batch(2))
    await inboxes.put(
        join.draft("o1", "x"), join.review("o2", "x"), join.draft("o3", "y"), join.review("old", "y")
    )
    await inboxes.lease_one()


async def dead(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("old"))


async def dead_set(inboxes: Inboxes) -> None:
    await inboxes.give_up(PAIR.draft("old-too"), PAIR.review("old"))


async def dead_incomplete_set(inboxes: Inboxes) -> None:
    join = Join({"Draft": 2, "Review": 1})
    await inboxes.put(join.draft("old-too"), join.draft("old"))
    await inboxes.wait(WINDOW, micros=1)


async def replayed_set(inboxes: Inboxes) -> None:
    await dead_set(inboxes)
    [letter] = await inboxes.store.dead_letters(1)
    await inboxes.store.replay([letter.delivery], inboxes.clock.now)


NEEDS: list[Need] = [
    ready,
    held,
    failed,
    embargoed,
    embargoed_item,
    gathered,
    first_of_a_set,
    second_of_a_set,
    set_in_a_batch,
    batch_of_sets,
    dead,
    dead_set,
    dead_incomplete_set,
    replayed_set,
]


@pytest.mark.parametrize("need", NEEDS)
async def test_what_is_needed_stays_as_long_as_it_is_and_holds_nothing_up(
    inboxes: Inboxes, need: Need
) -> None:
    await publish(inboxes, "before")
    await need(inboxes)
    inboxes.clock.advance(1)
    await publish(inboxes, "after", "new")
    old = [name for name in await there(inboxes) if name.startswith("o")]
    assert await inboxes.store.prune(inboxes.clock.now + MICROSECOND, None, 2) == 2
    assert await there(inboxes) == [*old, "new"]
    assert await prune_all(inboxes) == 1
    assert await prune_all(inboxes) == 0
    assert await there(inboxes) == old
    assert (await inboxes.store.stats()).artifacts == len(old)
    await inboxes.store.forget(AGENT)
    letters = await inboxes.store.dead_letters(10)
    await inboxes.store.drop([letter.delivery for letter in letters])
    assert await prune_all(inboxes) == len(old)
    assert await there(inboxes) == []
    assert (await inboxes.store.stats()).artifacts == 0


async def test_what_was_worked_on_goes(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"), PAIR.draft("d"), PAIR.review("r"))
    for leased in await inboxes.lease():
        await inboxes.acknowledge(leased, Item(f"result-of-{leased.artifacts[0].id}"))
    assert await prune_all(inboxes) == 3
    assert await there(inboxes) == ["result-of-1", "result-of-d"]


async def test_what_was_dropped_with_its_set_goes(inboxes: Inboxes) -> None:
    join = Join({"Draft": 2, "Review": 1}, expiry="Drop")
    await inboxes.put(join.draft("d1"), join.draft("d2"))
    await inboxes.wait(WINDOW, micros=1)
    assert await prune_all(inboxes) == 2


async def test_what_two_need_stays_until_neither_does(inboxes: Inboxes) -> None:
    now = inboxes.clock.now
    for_both = [planned(Item("1"), now), planned(PAIR.draft("1", agent="other"), now)]
    await inboxes.publish([Publication(artifact("1", now), tuple(for_both))])
    await inboxes.acknowledge(await inboxes.lease_one())
    assert await prune_all(inboxes) == 0
    await inboxes.store.forget("other")
    assert await prune_all(inboxes) == 1


async def test_a_name_that_looks_alike_protects_nothing(inboxes: Inboxes) -> None:
    """Deliveries are named after their artifacts, but `_` stands for itself, and `a` is not `A`."""
    await publish(inboxes, "abc", "a_c", "A-c", "ab", "abcd")
    await inboxes.put(Item("a-c"), PAIR.draft("aBc"))
    await prune_all(inboxes)
    assert await there(inboxes) == ["a-c", "aBc"]


async def test_readers_go_on_where_they_were(inboxes: Inboxes) -> None:
    await publish_one_a_second(inboxes, 6)
    positions = {found.id: position for position, found in await inboxes.store.scan(Query(), 0)}
    await inboxes.store.prune(None, 3, 100)
    for cursor, rest in (("1", "456"), ("3", "456"), ("4", "56"), ("6", "")):
        found = await inboxes.store.scan(Query(), positions[cursor])
        assert found == [(positions[one.id], one) for _, one in found]
        assert [one.id for _, one in found] == list(rest)


async def test_positions_are_not_given_again(inboxes: Inboxes) -> None:
    await publish_one_a_second(inboxes, 3)
    last = (await inboxes.store.scan(Query(), 0))[-1][0]
    await prune_all(inboxes)
    assert await inboxes.store.scan(Query(), 0) == []
    await publish(inboxes, "new")
    [(position, found)] = await inboxes.store.scan(Query(), last)
    assert (found.id, position > last) == ("new", True)


async def test_no_index_finds_what_is_gone(inboxes: Inboxes) -> None:
    for name in ("1", "2", "3"):
        inboxes.clock.advance(1)
        fields = {"correlation": "1", "tags": ("t",), "partition": "p"}
        await publish(inboxes, name, **fields)
    await inboxes.store.prune(inboxes.clock.now, None, 100)
    for query in (
        Query(),
        Query(type="Finding"),
        Query(correlation="1"),
        Query(tag="t"),
        Query(producer="scout"),
        Query(partition="p"),
    ):
        assert [found.id for _, found in await inboxes.store.scan(query, 0)] == ["3"], query


async def test_an_id_that_is_gone_may_be_published_again(inboxes: Inboxes) -> None:
    await publish(inboxes, "1")
    await prune_all(inboxes)
    inboxes.clock.advance(1)
    await publish(inboxes, "1", payload={"title": "something else"})
    [found] = await inboxes.store.get(["1"])
    assert found is not None
    assert found.payload == {"title": "something else"}
    assert await there(inboxes) == ["1"]


async def test_the_answer_to_an_acknowledgement_of_before_has_what_is_left(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    leased = await inboxes.lease_one()
    await inboxes.acknowledge(leased, Item("needed"), Item("gone", agent="other"))
    await inboxes.store.forget("other")
    await prune_all(inboxes)
    with pytest.raises(Finished) as finished:
        await inboxes.acknowledge(leased)
    assert [found.id for found in finished.value.results] == ["needed"]


async def test_the_delivery_of_an_artifact_that_is_there_anew_is_not_finished_yet(inboxes: Inboxes) -> None:
    """Its first lease has the name of one that was acknowledged not long ago."""
    await inboxes.put(Item("1"))
    before = await inboxes.lease_one()
    await inboxes.acknowledge(before, Item("old", agent="other"))
    await inboxes.store.forget("other")
    await prune_all(inboxes)
    inboxes.clock.advance(1)
    await inboxes.put(Item("1"))
    leased = await inboxes.lease_one()
    assert leased.lease == before.lease
    assert [found.id for found in await inboxes.store.held(leased.lease, inboxes.clock.now)] == ["1"]
    assert [made.id for made in await inboxes.acknowledge(leased, Item("new", agent="other"))] == ["new"]
    assert await inboxes.pending() == {"other": 1}
    with pytest.raises(Finished) as finished:
        await inboxes.acknowledge(leased)
    assert [found.id for found in finished.value.results] == ["new"]


async def test_nor_is_one_that_ran_out(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    await inboxes.acknowledge(await inboxes.lease_one())
    await prune_all(inboxes)
    await inboxes.put(Item("1"))
    leased = await inboxes.lease_one()
    inboxes.clock.advance(60)
    with pytest.raises(LeaseLost):
        await inboxes.store.held(leased.lease, inboxes.clock.now)
    with pytest.raises(LeaseLost):
        await inboxes.acknowledge(leased)


@on_durable_stores
async def test_what_is_gone_stays_so_after_a_restart(open_inboxes: Open) -> None:
    before = await open_inboxes()
    await before.put(PAIR.draft("d"))
    await publish_one_a_second(before, 3)
    await before.store.prune(None, 1, 100)
    last = (await before.store.scan(Query(), 0))[-1][0]
    await before.store.close()
    after = await open_inboxes()
    assert await there(after) == ["d", "3"]
    assert (await after.store.stats()).artifacts == 2
    await publish(after, "new")
    assert [found.id for _, found in await after.store.scan(Query(), last)] == ["new"]
