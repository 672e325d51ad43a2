"""Who waits is woken, or let go when the time has come; what it waited with does not pile up."""

import asyncio

from agent_runtime.blackboard.service.waiters import Waiters

SOON, LATER, NEVER = 0.02, 0.06, 3600.0


def in_loop(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def wait(waiters: Waiters, name: str, seconds: float, ends: list[tuple[str, bool]]) -> None:
    with waiters.on(name) as waiter:
        ends.append((name, await waiter.wait(in_loop(seconds))))


async def test_who_waits_is_let_go_in_the_order_of_the_deadlines_and_woken_before_them() -> None:
    waiters, ends = Waiters(), []  # type: ignore[var-annotated]  # what `wait` says
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for name, seconds in (("later", LATER), ("woken", NEVER), ("soon", SOON), ("also soon", SOON)):
            tasks.create_task(wait(waiters, name, seconds, ends))
        await asyncio.sleep(0)
        waiters.wake("woken")
    assert ends == [("woken", True), ("soon", False), ("also soon", False), ("later", False)]


async def test_who_set_the_alarm_and_was_woken_takes_nobodys_deadline_along() -> None:
    waiters, ends = Waiters(), []  # type: ignore[var-annotated]  # what `wait` says
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(wait(waiters, "first", SOON, ends))
        tasks.create_task(wait(waiters, "second", LATER, ends))
        await asyncio.sleep(0)
        waiters.wake("first")
    assert ends == [("first", True), ("second", False)]


async def test_a_deadline_holds_however_often_one_is_woken_in_vain() -> None:
    waiters = Waiters()
    async with asyncio.timeout(30):
        with waiters.on("agent") as waiter:
            deadline = in_loop(LATER)
            woken = 0
            while True:
                waiter.look()
                asyncio.get_running_loop().call_soon(waiters.wake, "agent")
                if not await waiter.wait(deadline):
                    break
                woken += 1
                if woken == 3:
                    break
            waiter.look()
            assert not await waiter.wait(deadline)
            waiter.look()
            assert not await waiter.wait(in_loop(0)), "it may wait again when its time was over"
    assert woken == 3


async def test_deadlines_of_those_who_were_woken_do_not_pile_up() -> None:
    waiters = Waiters()
    async with asyncio.timeout(30):
        for _ in range(1000):
            with waiters.on("agent") as waiter:
                asyncio.get_running_loop().call_soon(waiters.wake, "agent")
                assert await waiter.wait(in_loop(NEVER))
    assert len(waiters.deadlines) <= 200
