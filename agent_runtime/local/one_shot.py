"""One job for the laptop: publish something, and wait for what comes of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.local.errors import UserError
from agent_runtime.local.hosting.board import OWNER, HostedBoard
from agent_runtime.local.hosting.route import links, route
from agent_runtime.local.runtime import LocalRuntime

SETTLE = 5.0
"""Seconds that agents beside the way get to finish once the result is there."""


@dataclass(frozen=True, slots=True)
class OneShot:
    """What is published, which type is waited for, and for how long."""

    drafts: tuple[tuple[str, Mapping[str, Any]], ...]
    until: str
    timeout: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of it."""

    artifact: Artifact
    way: tuple[str, ...]
    """The agents on the way, in order."""


def route_for(job: OneShot, runtime: LocalRuntime) -> tuple[HostedBoard, tuple[str, ...]]:
    """The board that the job is for, and the agents on its way.

    Raises UserError when there is no such board or no way, or when an agent on it is not ready.
    """
    types = [type_ for type_, _ in job.drafts]
    boards = [b for b in runtime.host.boards.values() if all(t in b.service.registry for t in types)]
    if len(boards) != 1:
        listed = "; ".join(
            f"{b.config.name}: {', '.join(b.service.registry.names)}" for b in _boards(runtime)
        )
        problem = "no Blackboard has" if not boards else "several Blackboards have"
        raise UserError(f"{problem} the type {' and '.join(types)}", f"There are {listed or 'none'}.", code=2)
    board = boards[0]
    if job.until not in board.service.registry:
        known = ", ".join(board.service.registry.names)
        raise UserError(
            f"--until {job.until}: Blackboard {board.config.name} has no such type",
            f"It has {known}.",
            code=2,
        )
    configs = {name: agent.config for name, agent in runtime.host.agents.items()}
    way = tuple(route(links(configs, board.config.name), types, job.until))
    if not way:
        reasons = [
            f"\n  agent {item['metadata']['name']} is not ready: {ready['reason']}: {ready['message']}"
            for item in runtime.resources("Agent")
            if (ready := item["status"]["conditions"][-1])["status"] != "True"
        ]
        raise UserError(
            f"nothing leads from {', '.join(types)} to {job.until}{''.join(reasons)}",
            "Name agents that consume the one and publish the other.",
        )
    return board, way


def _boards(runtime: LocalRuntime) -> Sequence[HostedBoard]:
    return list(runtime.host.boards.values())


async def run_once(job: OneShot, runtime: LocalRuntime) -> Delivered:
    """Publish, and wait. Raises UserError that says which agent failed, on what and why."""
    board, way = route_for(job, runtime)
    seen = runtime.feed.last
    try:
        drafts = [Draft(type=type_, payload=payload) for type_, payload in job.drafts]
        published = await board.board(OWNER).publish(drafts)
    except BoardError as error:
        details = "".join(f"\n  {d['pointer']}: {d['message']}" for d in error.details)
        raise UserError(f"{error}{details}", "Mend what --publish gives.", code=2) from error
    waiting = _Waiting(job.until, {artifact.correlation for artifact in published}, set(way), board)
    try:
        async with asyncio.timeout(job.timeout):
            found = await waiting.result(runtime, seen)
    except TimeoutError:
        raise UserError(
            f"no {job.until} within {job.timeout:g}s{waiting.why()}",
            "Give it longer with --timeout, or see what happened: covey logs",
        ) from None
    await _settled(board)
    artifact = await board.board(OWNER).get(found)
    assert artifact is not None, "what was published can be read by the owner"
    return Delivered(artifact, way)


class _Waiting:
    """Follows the feed until the result is there, or nothing is left that could lead to it."""

    def __init__(self, until: str, correlations: set[str], way: set[str], board: HostedBoard) -> None:
        self._until = until
        self._correlations = correlations
        self._way = way
        self._board = board
        self._failures: list[str] = []

    async def result(self, runtime: LocalRuntime, seen: int) -> str:
        """The artifact's id. Raises UserError."""
        await self._still_possible()
        async for entry in runtime.feed.follow(seen):
            event = entry.event
            match event.kind:
                case "artifact.published":
                    ours = event.data["correlation"] in self._correlations
                    if ours and event.data["type"] == self._until:
                        return str(event.data["artifact"])
                case "agent.failed" if event.data.get("final") and event.subject in self._way:
                    self._failures.append(f"agent {event.subject} failed: {event.data['error']}")
                    await self._still_possible()
                case "agent.finished":  # after agent.failed it begins again, or the board says: final
                    await self._still_possible()
        raise UserError(f"stopped before there was a {self._until}{self.why()}", code=130)

    def why(self) -> str:
        """The failures so far, each on a line."""
        return "".join(f"\n{failure}" for failure in dict.fromkeys(self._failures))

    async def _still_possible(self) -> None:
        pending = (await self._board.service.stats()).pending
        if any(pending.get(agent) for agent in self._way):
            return
        board = self._board.board(OWNER)
        for correlation in self._correlations:
            if (await board.query(Query(type=self._until, correlation=correlation, limit=1))).artifacts:
                return
        reason = self.why() or "\nevery agent on the way has finished, and none published it"
        raise UserError(f"there will be no {self._until}{reason}")


async def _settled(board: HostedBoard) -> None:
    """Let the agents beside the way finish too, so that nothing is left for the next start."""
    until = asyncio.get_running_loop().time() + SETTLE
    while any((await board.service.stats()).pending.values()):
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            return
        await asyncio.sleep(min(left, 0.05))
