"""Functions that flows of the tests call."""

import asyncio
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from agent_runtime.runs.port import Invocation

calls: list[Any] = []
"""What was called; tests clear it."""
limit = 0
"""`until_limit` fails from this many calls on; 0: never."""


def double(n: int) -> int:
    calls.append(n)
    return n * 2


async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n + 1


def who(context: Invocation) -> dict[str, Any]:
    return {
        "run": context.run,
        "node": context.node,
        "visit": context.visit,
        "index": context.index,
        "key": context.idempotency_key,
    }


def until_limit(n: int) -> int:
    calls.append(n)
    if limit and len(calls) >= limit:
        raise RuntimeError(f"call {len(calls)} is too many")
    return n * 10


def odd_breaks(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


def when() -> datetime:
    return datetime(2026, 1, 5, tzinfo=UTC)


def not_a_number() -> dict[str, Any]:
    return {"rows": [1.0, float("nan")]}


def leave() -> None:
    sys.exit(3)


def type_error(n: int) -> int:
    return n + "1"  # type: ignore[operator]  # what the test is about


def never() -> None:
    threading.Event().wait()


async def async_never() -> None:
    await asyncio.Event().wait()


async def tasks() -> int:
    await asyncio.sleep(0)
    return len(asyncio.all_tasks())


def echo(value: Any) -> Any:
    return value


def large() -> str:
    return "x" * 17_000_000


NOT_A_FUNCTION = 5
