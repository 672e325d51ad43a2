"""`covey delete`: take back what was applied."""

from pathlib import Path

import typer

from agent_runtime.cli.client import Client
from agent_runtime.cli.kinds import kind_named


def run(kind: str, name: str, state: Path | None) -> None:
    """Ask the server to delete one resource."""
    found = kind_named(kind)
    Client.connect(state).delete(f"/v1/resources/{found}/{name}")
    typer.echo(f"{found.lower()}/{name} deleted")
