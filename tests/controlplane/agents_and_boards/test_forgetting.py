"""Agents and flows that were deleted while the operator was away: their board forgets them all the same."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience, mint
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from covey_operator.boards.subscription_gc import AGAIN
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.board import BoardProcess
from tests.controlplane.rig import Rig

ON_IDEA = {"artifact": {"blackboard": "newsroom", "type": "Idea"}}


@pytest.fixture
def board(rig: Rig, api: Api, tmp_path: Path) -> Iterator[BoardProcess]:
    api.apply(make.model(), make.blackboard())
    with BoardProcess(api, "newsroom", rig.board_port, tmp_path) as process:
        yield process


class Newsroom:
    """The board, for whoever holds its key."""

    def __init__(self, api: Api, port: int) -> None:
        secret = until("the board's key", lambda: api.get("Secret", "newsroom-blackboard"))
        self._key = base64.b64decode(secret["data"]["key"]).decode()
        self._audience = grant_audience(api.namespace, "newsroom")
        self._url = f"http://127.0.0.1:{port}"

    async def subscribe(self, name: str) -> None:
        """As its pods do; the operator alone may do it without one."""
        token = mint(self._key, Identity(name), self._audience, via_operator=True)
        async with HttpBoard(self._url, token) as board:
            await board.subscribe([Consumes(types=["Idea"])])

    async def subscribers(self) -> set[str]:
        token = mint(self._key, Identity("ann", "admin"), self._audience)
        async with BoardAdmin(self._url, token) as admin:
            return {one.identity.name for one in await admin.subscriptions()}


async def test_they_are_forgotten_and_nobody_else(rig: Rig, api: Api, board: BoardProcess) -> None:
    newsroom = Newsroom(api, rig.board_port)
    on_board: Object = {"blackboard": {"name": "newsroom", "consumes": [{"types": ["Idea"]}]}}
    api.apply(make.agent("scout", **on_board), make.agent("editor", **on_board))
    api.apply(make.flow("report", triggers=[ON_IDEA]), make.flow("digest", triggers=[ON_IDEA]))
    for flow in ("report", "digest"):
        says_of(api, "Flow", flow, "Valid")
    for agent in ("scout", "editor"):
        await newsroom.subscribe(agent)
    assert await newsroom.subscribers() == {"scout", "editor", "flow.report", "flow.digest"}
    rig.operator.kill()
    api.delete("Agent", "scout")
    api.delete("Flow", "report")
    api.edit("Agent", "editor", {"spec": {"model": {"name": "missing"}}})
    rig.operator.start()
    async with asyncio.timeout(4 * AGAIN):
        while await newsroom.subscribers() != {"editor", "flow.digest"}:  # noqa: ASYNC110 - at its own pace
            await asyncio.sleep(1)
