"""Workers: several keys at once, one key never twice, and a failure is nobody else's."""

import asyncio
from collections import Counter
from time import monotonic

from covey_operator.controller.work_queue import WorkQueue
from covey_operator.controller.workers import RESYNC, Workers
from covey_operator.kube.keys import Key
from covey_operator.telemetry.metrics import Metrics

KEYS = [Key("Agent", "news", f"a{number}") for number in range(20)]


class Passes:
    """Notes passes; each takes until the loop has gone round once."""

    def __init__(self, wanted: int, *, failing: frozenset[Key] = frozenset()) -> None:
        self.seen: Counter[Key] = Counter()
        self.most_at_once = 0
        self.twice_at_once = False
        self.enough = asyncio.Event()
        self._wanted = wanted
        self._failing = failing
        self._running: Counter[Key] = Counter()

    async def reconcile(self, key: Key) -> float | None:
        self._running[key] += 1
        self.most_at_once = max(self.most_at_once, self._running.total())
        self.twice_at_once |= self._running[key] > 1
        await asyncio.sleep(0)
        self._running[key] -= 1
        self.seen[key] += 1
        if self.seen.total() >= self._wanted:
            self.enough.set()
        if key in self._failing and self.seen[key] == 1:
            raise RuntimeError("the first time fails")
        return None


def workers(passes: Passes, *, limit: int = 4) -> tuple[Workers, asyncio.Event, Metrics]:
    allowed, metrics = asyncio.Event(), Metrics()
    made = Workers(
        WorkQueue[Key](lambda: 0.0),
        passes.reconcile,
        allowed=allowed,
        metrics=metrics,
        random=lambda: 0.5,
        limit=limit,
    )
    return made, allowed, metrics


async def run_until_enough(made: Workers, passes: Passes) -> None:
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(60):
        await passes.enough.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_every_key_gets_its_pass_and_no_more_than_the_limit_at_once() -> None:
    passes = Passes(len(KEYS))
    made, allowed, _ = workers(passes)
    for key in KEYS * 3:
        made.add(key)
    allowed.set()
    await run_until_enough(made, passes)
    assert passes.seen == Counter(KEYS)
    assert passes.most_at_once == 4
    assert not passes.twice_at_once


async def test_a_key_that_is_added_while_it_is_worked_on_gets_another_pass() -> None:
    passes = Passes(2)
    made, allowed, _ = workers(passes)

    async def add_again(key: Key) -> float | None:
        if not passes.seen:
            made.add(key)
        return await Passes.reconcile(passes, key)

    made._reconcile = add_again
    made.add(KEYS[0])
    allowed.set()
    await run_until_enough(made, passes)
    assert passes.seen == {KEYS[0]: 2}
    assert not passes.twice_at_once


async def test_a_failing_key_is_tried_again_and_holds_nobody_up() -> None:
    passes = Passes(len(KEYS) + 1, failing=frozenset(KEYS[:1]))
    made, allowed, metrics = workers(passes)
    for key in KEYS:
        made.add(key)
    allowed.set()
    await run_until_enough(made, passes)
    assert passes.seen[KEYS[0]] == 2
    errors = metrics.registry.get_sample_value(
        "covey_operator_reconciles_total", {"kind": "Agent", "result": "error"}
    )
    assert errors == 1


async def test_nothing_starts_while_it_is_not_allowed() -> None:
    passes = Passes(1)
    made, allowed, _ = workers(passes)
    made.add(KEYS[0])
    running = asyncio.create_task(made.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not passes.seen
    allowed.set()
    async with asyncio.timeout(60):
        await passes.enough.wait()
    running.cancel()


async def test_a_key_that_wants_to_wait_for_days_is_looked_at_now_and_then_all_the_same() -> None:
    passes = Passes(1)
    made, allowed, _ = workers(passes)

    async def in_a_month(key: Key) -> float | None:
        await Passes.reconcile(passes, key)
        return 30 * 86400.0

    made._reconcile = in_a_month
    made.add(KEYS[0])
    allowed.set()
    before = monotonic()
    await run_until_enough(made, passes)
    due = made._queue.next_due()
    assert due is not None
    assert due - before < RESYNC + 60
