"""Where the board is that a command means: a server by its URL, or one of the running `covey up`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.cli.board.choose import board_named
from agent_runtime.cli.client import Client, path
from agent_runtime.cli.interrupt import run_until_interrupt
from agent_runtime.cli.target import announce, runtime, without_password
from agent_runtime.local.errors import UserError

_PATIENCE = 5.0
"""Seconds: a person waits."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What the command line says."""

    url: str
    """A server's; empty: the running `covey up`."""
    token: str
    blackboard: str
    """Of the `covey up`; empty: its only one."""
    state: Path | None


class OpenBoard:
    """A board and its admin's side, for the time of one command; `name` is known of a covey up's only."""

    def __init__(self, where: ConnectionOptions) -> None:
        """Raises UserError when it cannot be told which board is meant."""
        if where.url:
            if not where.token:
                raise UserError(
                    f"{where.url} wants to know who asks", "Set COVEY_BOARD_TOKEN, or give --token.", code=2
                )
            self.name = ""
            url, token, root, proxied = where.url, where.token, "/v1", True
            announce(f"the blackboard server at {without_password(url)}")
        else:
            address = runtime(where.state)
            self.name = board_named(Client(address), where.blackboard)
            url, token, root, proxied = address.url, address.token, path("blackboards", self.name), False
        client = httpx2.AsyncClient(trust_env=proxied)
        self.board = HttpBoard(url, token, root=root, patience=_PATIENCE, client=client)
        self.admin = BoardAdmin(url, token, root=root, patience=_PATIENCE, client=client)


def run_on(where: ConnectionOptions, work: Callable[[OpenBoard], Awaitable[None]]) -> None:
    """Do it, until it is done or Ctrl-C. Raises UserError with what the board says is wrong."""

    async def session() -> None:
        opened = OpenBoard(where)
        async with opened.board:
            await work(opened)

    try:
        run_until_interrupt(session())
    except KeyboardInterrupt:
        return
    except BoardError as error:
        if where.url and error.status == 404 and _is_no_boards(error):
            raise UserError(
                f"no blackboard answers at {where.url}: it says {error}",
                "Give --url the address of a blackboard's server, such as http://127.0.0.1:8080 after\n"
                "kubectl port-forward service/NAME-blackboard 8080. For a covey up, leave --url out.",
                code=2,
            ) from error
        raise _failure(error) from error


def _is_no_boards(error: BoardError) -> bool:
    """Whether it is the answer of a server without such a route: a board's own say what is not there."""
    return error.code in ("unexpected", "no_such_path")


def _failure(error: BoardError) -> UserError:
    message = str(error)
    listed = [
        f"  {detail.get('pointer', '')}: {detail.get('message', '')}"
        for detail in error.details
        if len(error.details) > 1 or detail.get("message", "") not in message
    ]
    return UserError("\n".join([message, *listed]))
