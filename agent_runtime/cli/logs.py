"""`covey logs`: what happened, and with --follow what happens."""

from pathlib import Path

from agent_runtime.cli.client import Client
from agent_runtime.cli.output.event_lines import line
from agent_runtime.cli.output.printing import say, say_json
from agent_runtime.local.errors import UserError


def run(subject: str, follow: bool, tail: int, output: str, state: Path | None) -> None:
    """Print events, oldest first, until there are no more, or until Ctrl-C."""
    if output not in ("text", "json"):
        raise UserError(f"-o {output} is no format", "There are text and json.", code=2)
    client = Client.connect(state)
    try:
        with client.lines("/v1/logs", follow=str(follow).lower(), tail=tail, subject=subject) as events:
            for event in events:
                say_json(event, indent=None) if output == "json" else say(line(event))
    except KeyboardInterrupt:
        return
