"""Hearing from other servers on the same Redis whose inboxes got something."""

import asyncio

import redis.asyncio
from redis.exceptions import RedisError

from agent_runtime.blackboard.stores.port import Wake

_RECONNECT_SECONDS = 0.5


async def follow(client: redis.asyncio.Redis, channel: str, wake: Wake) -> None:
    """Wake the agents that are named on the channel, one a line; runs until it is cancelled."""
    while True:
        try:
            async with client.pubsub() as messages:
                await messages.subscribe(channel)
                async for message in messages.listen():
                    if message["type"] == "message":
                        wake(message["data"].split("\n"))
                    else:  # subscribed, also after a lost connection: whatever was missed before
                        wake(None)
        except (RedisError, OSError):
            await asyncio.sleep(_RECONNECT_SECONDS)
