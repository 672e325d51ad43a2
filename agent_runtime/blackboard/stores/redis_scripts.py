"""The Lua scripts of the Redis store: loaded from `lua/`, run by EVALSHA, errors made ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from agent_runtime.blackboard.stores.port import Unavailable

_NAMES = ("publish", "acknowledge", "lease", "held", "extend", "fail", "sweep", "register")


class Scripts:
    """The scripts of one board. Each is atomic: Redis runs nothing else meanwhile."""

    def __init__(self, client: redis.asyncio.Redis, prefix: str) -> None:
        folder = files(__package__) / "lua"
        common = (folder / "common.lua").read_text()
        self._prefix = prefix
        self._scripts = {
            name: client.register_script(common + (folder / f"{name}.lua").read_text()) for name in _NAMES
        }

    async def __call__(self, name: str, *args: str | int) -> list[Any]:
        """What the script returns. Raises Unavailable."""
        with unavailable():
            answer: list[Any] = await self._scripts[name](keys=[self._prefix], args=args)
        return answer


@contextmanager
def unavailable() -> Iterator[None]:
    """Every error of Redis means that the store cannot do it now: away, loading, read-only, out of memory."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
