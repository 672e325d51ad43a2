"""A stream of artifacts from a blackboard's server, which goes on after it breaks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.client.transport import HttpCalls, pauses, understood
from agent_runtime.blackboard.wire.codec import from_wire

_SILENCE = 45.0
"""Seconds without a sign of life, of which the server gives three in that time."""


async def follow(calls: HttpCalls, parameters: Mapping[str, str]) -> AsyncIterator[tuple[str, Artifact]]:
    """Artifacts with their cursors. Raises BoardError when the server refuses for good."""
    wanted = dict(parameters)
    waits = pauses()
    while True:
        try:
            async with calls.lines("/events", parameters=wanted, silence=_SILENCE) as lines:
                async for cursor, artifact in _artifacts(lines, calls.url):
                    waits = pauses()
                    wanted["cursor"] = cursor
                    yield cursor, artifact
        except BoardError as error:
            if error.status not in (429, 503):
                raise
        await asyncio.sleep(next(waits))


async def _artifacts(lines: AsyncIterator[str], url: str) -> AsyncIterator[tuple[str, Artifact]]:
    event: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        event[name] = value
        if line:
            continue
        if event.get("event") == "error":
            with understood(url):
                told = _told(orjson.loads(event["data"])["error"])
            raise told
        if "data" in event:
            with understood(url):
                heard = event["id"], from_wire(orjson.loads(event["data"]))
            yield heard
        event = {}


def _told(error: Mapping[str, Any]) -> BoardError:
    """What ends a stream under way is what may pass: what does not was refused before it began."""
    return BoardError(str(error["code"]), str(error["message"]), status=503)
