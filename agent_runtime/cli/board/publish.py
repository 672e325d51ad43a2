"""`TYPE=JSON`: the one way to write an artifact on the command line, and the older one beside it."""

from agent_runtime.cli.payload import typed_payload
from agent_runtime.local.errors import UserError


def given(artifact: str, content: str, command: str) -> tuple[str, dict[str, object]]:
    """The type and the payload of `TYPE=JSON`, or of `TYPE` and `JSON` as two words. Raises UserError."""
    if not content:
        return typed_payload(artifact, command)
    if "=" in artifact:
        raise UserError(
            f"{command} has two contents: {artifact!r} and {content!r}",
            f"Write {command} TYPE=JSON; what belongs together stands in one pair of quotes.",
            code=2,
        )
    return typed_payload(f"{artifact}={content}", command)
