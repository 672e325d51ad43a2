"""`covey delete`: take back what was applied."""

from pathlib import Path

from agent_runtime.cli.client import Client, path
from agent_runtime.cli.output.printing import say
from agent_runtime.cli.resources.kinds import kind_named


def run(kind: str, name: str, state: Path | None) -> None:
    """Ask the server to delete one resource."""
    found = kind_named(kind)
    Client.connect(state).delete(path("resources", found, name))
    say(f"{found.lower()}/{name} deleted")
