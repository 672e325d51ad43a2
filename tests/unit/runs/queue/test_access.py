"""Who may do what: every line, from both sides."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest

from agent_runtime.auth.run_tokens import Caller
from agent_runtime.runs.queue.access import Access, Denied

RUN = Caller("news/a/1", "run", frozenset({"news/parent/0"}))
WORKER = Caller("news/brief", "worker")
OPERATOR = Caller("operator", "operator")

HELD = {"news/held/1": "news/brief", "news/theirs/1": "news/other"}


async def queue_of(run: str) -> str | None:
    return HELD.get(run)


ACCESS = Access(queue_of)


@pytest.mark.parametrize(
    ("check", "caller", "args", "allowed"),
    [
        (ACCESS.write, RUN, ["news/a/1"], True),
        (ACCESS.write, RUN, ["news/a/1#each:1:7"], True),
        (ACCESS.write, RUN, ["news/a/10"], False),
        (ACCESS.write, RUN, ["news/a"], False),
        (ACCESS.write, RUN, ["news/parent/0"], False),
        (ACCESS.write, RUN, ["news/b/1#news/a/1"], False),
        (ACCESS.write, WORKER, ["news/held/1"], True),
        (ACCESS.write, WORKER, ["news/held/1#each:1:7"], True),
        (ACCESS.write, WORKER, ["news/theirs/1"], False),
        (ACCESS.write, WORKER, ["news/waiting/1"], False),
        (ACCESS.write, WORKER, ["news/brief"], False),
        (ACCESS.write, OPERATOR, ["any/run/0"], True),
        (ACCESS.read, RUN, ["news/a/1"], True),
        (ACCESS.read, RUN, ["news/parent/0"], True),
        (ACCESS.read, RUN, ["news/parent/1"], False),
        (ACCESS.read, WORKER, ["news/held/1"], True),
        (ACCESS.read, WORKER, ["news/theirs/1"], False),
        (ACCESS.fork, RUN, ["news/parent/0", "news/a/1"], True),
        (ACCESS.fork, RUN, ["news/a/1", "news/parent/0"], False),
        (ACCESS.fork, RUN, ["news/b/1", "news/a/1"], False),
        (ACCESS.fork, OPERATOR, ["news/b/1", "news/a/1"], True),
        (ACCESS.inside, RUN, ["news/a/1#"], True),
        (ACCESS.inside, RUN, ["news/a/1#each:1:7"], True),
        (ACCESS.inside, RUN, ["news/a/1"], False),
        (ACCESS.inside, RUN, [""], False),
        (ACCESS.inside, RUN, ["news/b/1#"], False),
        (ACCESS.inside, WORKER, ["news/held/1#each:1:7"], True),
        (ACCESS.inside, WORKER, ["news/held/1"], False),
        (ACCESS.inside, OPERATOR, [""], True),
        (ACCESS.cache, RUN, ["news/brief"], True),
        (ACCESS.cache, RUN, ["newsroom/brief"], False),
        (ACCESS.cache, WORKER, ["news/brief"], True),
        (ACCESS.cache, WORKER, ["other/brief"], False),
        (ACCESS.cache, OPERATOR, ["other/brief"], True),
        (ACCESS.work, RUN, ["news/brief"], False),
        (ACCESS.work, WORKER, ["news/brief"], True),
        (ACCESS.work, WORKER, ["news/briefs"], False),
        (ACCESS.work, OPERATOR, ["news/brief"], True),
        (ACCESS.operate, RUN, [], False),
        (ACCESS.operate, WORKER, [], False),
        (ACCESS.operate, OPERATOR, [], True),
    ],
    ids=lambda value: getattr(value, "__name__", None) or getattr(value, "role", None) or str(value),
)
async def test_who_may_do_what(
    check: Callable[..., Awaitable[None] | None], caller: Caller, args: list[str], allowed: bool
) -> None:
    with nullcontext() if allowed else pytest.raises(Denied, match=caller.name):
        checking = check(caller, *args)
        if checking is not None:
            await checking
