"""The Lua scripts of the Redis store: made from `lua/`, run by EVALSHA, errors made ours.

What is asked at the same time goes to Redis in one pipeline: each script is a step of its own, but they share
the way there and back, which costs more than they do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.storage.group_commit import GroupCommit
from agent_runtime.storage.redis import of_script
from agent_runtime.storage.redis_undo import whole_or_nothing

_PARTS: dict[str, tuple[str, ...]] = {
    "publish": ("deliveries", "groups", "publications"),
    "acknowledge": ("deliveries", "groups", "publications"),
    "lease": (),
    "held": ("deliveries",),
    "extend": ("deliveries",),
    "fail": ("deliveries", "letters"),
    "release": ("deliveries",),
    "sweep": ("deliveries", "letters", "groups", "timers"),
    "register": ("restore",),
    "subscribers": (),
    "forget": ("deliveries", "groups"),
    "dead_letters": (),
    "replay": ("deliveries", "letters"),
    "drop": ("deliveries", "letters"),
    "prunable": (),
    "prune": (),
    "freeze": ("restore",),
    "begin_restore": ("restore",),
    "thaw_begin": ("restore",),
    "thaw": ("deliveries", "restore"),
    "thaw_end": ("deliveries", "restore"),
}
"""The scripts, and what each needs besides `common`."""
_PIPELINE_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class _Call:
    script: str
    args: tuple[str | int, ...]

    def characters(self) -> int:
        """How much it is to send, about."""
        return sum(len(arg) for arg in self.args if isinstance(arg, str))


class Scripts:
    """The scripts of one board. Each is atomic: Redis runs nothing else meanwhile."""

    def __init__(self, client: redis.asyncio.Redis, prefix: str) -> None:
        folder = files(__package__) / "lua"
        self._client = client
        self._prefix = prefix
        self._scripts = {
            name: client.register_script(
                whole_or_nothing(
                    "".join((folder / f"{part}.lua").read_text() for part in ("common", *parts)),
                    (folder / f"{name}.lua").read_text(),
                )
            )
            for name, parts in _PARTS.items()
        }
        self._together = GroupCommit[_Call, list[Any]](self._send, _Call.characters, _PIPELINE_CHARACTERS)

    async def __call__(self, name: str, *args: str | int) -> list[Any]:
        """What the script returns. Raises Unavailable. Cancelling the caller undoes nothing."""
        return await self._together(_Call(name, args))

    async def finish(self) -> None:
        """Wait until all that was asked is answered."""
        await self._together.finish()

    async def _send(self, calls: Sequence[_Call]) -> list[Any]:
        outcomes = await self._pipeline(calls)
        unknown = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, NoScriptError)]
        if unknown:  # a Redis that is new, or was started again
            await self._load({calls[at].script for at in unknown})
            again = await self._pipeline([calls[at] for at in unknown])
            for at, outcome in zip(unknown, again, strict=True):
                outcomes[at] = outcome
        return [_ours(one) if isinstance(one, RedisError | OSError) else one for one in outcomes]

    async def _pipeline(self, calls: Sequence[_Call]) -> list[Any]:
        with unavailable():
            async with self._client.pipeline(transaction=False) as pipe:
                for call in calls:
                    pipe.evalsha(self._scripts[call.script].sha, 1, self._prefix, *call.args)
                outcomes: list[Any] = await pipe.execute(raise_on_error=False)
        return outcomes

    async def _load(self, names: set[str]) -> None:
        with unavailable():
            for name in names:
                await self._client.script_load(self._scripts[name].script)


@contextmanager
def unavailable() -> Iterator[None]:
    """Every error of Redis means that the store cannot do it now: away, loading, read-only, out of memory."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise _ours(error) from error


def _ours(error: Exception) -> Unavailable:
    met = of_script(error)
    return Unavailable(f"{type(met).__name__}: {met}")
