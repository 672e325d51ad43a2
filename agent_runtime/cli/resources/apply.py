"""`covey apply`: manifests to the running server, all or none."""

from collections.abc import Sequence
from pathlib import Path

from agent_runtime.cli.client import Client
from agent_runtime.cli.output.printing import say
from agent_runtime.cli.resources.validate import loaded


def run(paths: Sequence[Path], state: Path | None) -> None:
    """Check here, where files and lines are known; then send."""
    client = Client.connect(state)
    manifests = loaded(paths)
    answer = client.post("/v1/apply", {"manifests": manifests})
    for item in answer["items"]:
        say(f"{item['kind'].lower()}/{item['name']} {item['result']}")
