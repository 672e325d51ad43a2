"""Hearing from other servers on the same Redis whose inboxes got something."""

import asyncio

import redis.asyncio
from redis.exceptions import RedisError

from agent_runtime.blackboard.stores.port import Wake

_PATIENCE_SECONDS = 5.0
_RECONNECT_SECONDS = 0.5


async def follow(client: redis.asyncio.Redis, channel: str, wake: Wake) -> None:
    """Wake the agents that are named on the channel, one a line; runs until it is cancelled."""
    while True:
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as messages:
                await messages.subscribe(channel)
                wake(None)  # whatever was missed before
                while True:
                    message = await messages.get_message(timeout=_PATIENCE_SECONDS)
                    if message is not None:
                        wake(message["data"].split("\n"))
        except (RedisError, OSError):
            await asyncio.sleep(_RECONNECT_SECONDS)
