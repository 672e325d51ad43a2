"""Keys of somebody else's in Redis, where ours would be: a step is refused whole, or does not touch them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import redis.asyncio

Steps = Mapping[str, Callable[[], Awaitable[object]]]
"""What is asked of a store, by names for people; each begins at the same state."""


async def contents(client: redis.asyncio.Redis, but: bytes = b"") -> dict[bytes, object]:
    """All that is in it, but for one key; hashes and sets without the order that Redis keeps them in."""
    there: Any = await client.keys()
    keys: list[bytes] = [key for key in there if key != but]
    async with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.type(key)
        kinds = await pipe.execute()
        for key, kind in zip(keys, kinds, strict=True):
            match kind:
                case b"hash":
                    pipe.hgetall(key)
                case b"set":
                    pipe.smembers(key)
                case b"zset":
                    pipe.zrange(key, 0, -1, withscores=True)
                case _:
                    pipe.dump(key)
        return dict(zip(keys, await pipe.execute(), strict=True))


class Planted:
    """Takes steps from one state, once for each key that there is before or after it, planted."""

    def __init__(self, client: redis.asyncio.Redis, but: bytes = b"", alike: bytes = b"\0") -> None:
        """`but` is a key that may change in any case; keys with `alike` in them are the same to each step.

        But for those that the step makes.
        """
        self._alike = alike
        self._client = client
        self._but = but
        self._state: dict[bytes, bytes | None] = {}

    async def keep(self) -> None:
        """The state to begin at is what there is now."""
        self._state = {key: await self._client.dump(key) async for key in self._client.scan_iter(count=1000)}

    async def refused(self, steps: Steps, refusal: type[Exception]) -> dict[str, set[str]]:
        """By step, the keys without which it was refused. Raises AssertionError for a step half done."""
        found: dict[str, set[str]] = {}
        for name, step in steps.items():
            await self._begin()
            await step()
            new = {*await contents(self._client)} - {*self._state}
            keys = sorted(new | {key for key in self._state if self._alike not in key} - {self._but})
            assert await self._client.exists(*keys)
            found[name] = {key.decode() for key in keys if await self._is_refused(name, step, key, refusal)}
        return found

    async def _is_refused(
        self, name: str, step: Callable[[], Awaitable[object]], key: bytes, refusal: type[Exception]
    ) -> bool:
        await self._begin()
        kind = await self._client.type(key)
        await self._client.delete(key)
        if kind == b"list":
            await self._client.set(key, "theirs")
        else:
            await self._client.rpush(key, "theirs")
        before = await contents(self._client, self._but)
        try:
            await step()
        except refusal as error:
            said = str(error)
        else:
            assert (await contents(self._client)).get(key) == before[key], f"{name} changed {key!r}"
            return False
        after = await contents(self._client, self._but)
        other = {one for one in {*before, *after} if before.get(one) != after.get(one)}
        assert not other, f"{name} failed at {key!r}, and left {other}"
        assert key.decode() in said, f"{name}: {said}"
        return True

    async def _begin(self) -> None:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.flushdb()
            for key, body in self._state.items():
                assert body is not None
                pipe.restore(key, 0, body)
            await pipe.execute()
