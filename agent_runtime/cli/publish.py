"""`covey publish`: one artifact from outside."""

from pathlib import Path
from typing import Any

import typer

from agent_runtime.cli.boards import board_named
from agent_runtime.cli.client import Client
from agent_runtime.cli.payload import payload


def run(
    type_: str, text: str, blackboard: str, tags: list[str], correlation: str, state: Path | None
) -> None:
    """Publish, and print the artifact's id."""
    draft: dict[str, Any] = {"type": type_, "payload": payload(text, type_)}
    if tags:
        draft["tags"] = tags
    if correlation:
        draft["correlation"] = correlation
    client = Client.connect(state)
    board = board_named(client, blackboard)
    published = client.post(f"/v1/blackboards/{board}/artifacts", draft)["artifacts"][0]
    typer.echo(f"{published['type']} {published['id']} published on {board}")
