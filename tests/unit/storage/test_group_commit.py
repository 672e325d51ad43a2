"""What is asked while a commit is under way is committed together."""

import asyncio
from collections.abc import Sequence

import pytest

from agent_runtime.storage.group_commit import GroupCommit


class Store:
    """Doubles numbers, refuses 13, and commits only when it is let."""

    def __init__(self, *, open_: bool = True) -> None:
        self.groups: list[list[int]] = []
        self.goes_on = asyncio.Event()
        if open_:
            self.goes_on.set()
        self.commit = GroupCommit[int, int](self._commit, lambda number: number, 20)

    async def _commit(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(numbers))
        await self.goes_on.wait()
        if 0 in numbers:
            raise OSError("away")
        return [ValueError("13") if number == 13 else 2 * number for number in numbers]


async def test_groups_form_while_one_is_under_way_and_have_a_bound() -> None:
    store = Store(open_=False)
    asked = [asyncio.create_task(store.commit(number)) for number in (5, 1, 2, 13, 3, 2, 30, 4)]
    await asyncio.sleep(0)
    store.goes_on.set()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [one for one in outcomes if not isinstance(one, Exception)] == [10, 2, 4, 6, 4, 60, 8]
    assert str(outcomes[3]) == "13"
    assert store.groups == [[5, 1, 2], [13, 3, 2], [30], [4]]


async def test_a_commit_that_fails_fails_for_all_of_its_group_alone() -> None:
    store = Store()
    outcomes = await asyncio.gather(store.commit(0), store.commit(1), return_exceptions=True)
    assert [str(one) for one in outcomes] == ["away", "away"]
    assert await store.commit(2) == 4


async def test_who_goes_away_takes_nobody_along() -> None:
    store = Store(open_=False)
    leaves, stays = (asyncio.create_task(store.commit(number)) for number in (1, 2))
    await asyncio.sleep(0)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    store.goes_on.set()
    assert await stays == 4
    await store.commit.finish()
    assert sorted(number for group in store.groups for number in group) == [1, 2]


async def test_when_the_commit_itself_is_cancelled_nobody_waits_for_ever() -> None:
    store = Store(open_=False)
    asked = [asyncio.create_task(store.commit(number)) for number in (30, 1)]
    await asyncio.sleep(0)
    [commit] = [task for task in asyncio.all_tasks() if task.get_name() == "group commit"]
    await asyncio.sleep(0)
    commit.cancel()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in outcomes] == [asyncio.CancelledError] * 2
