"""Which blackboard a command means."""

from agent_runtime.cli.client import Client
from agent_runtime.local.errors import UserError


def board_named(client: Client, name: str) -> str:
    """`name`, else the only Blackboard that there is. Raises UserError when there is none, or several."""
    if name:
        return name
    names = [item["metadata"]["name"] for item in client.get("/v1/resources", kind="Blackboard")["items"]]
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise UserError("there is no Blackboard", "Add one to the manifests.", code=2)
    raise UserError(
        f"there are several Blackboards: {', '.join(names)}", "Say which one with --blackboard NAME.", code=2
    )
