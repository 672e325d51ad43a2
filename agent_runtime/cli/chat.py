"""`covey chat`: one message to an agent, or a conversation."""

import sys
from pathlib import Path

from agent_runtime.cli.client import Client, path
from agent_runtime.cli.output.printing import say, tell


def run(agent: str, message: str, session: str, new_session: str, state: Path | None) -> None:
    """Print the reply to `message`; without one, to each line of standard input."""
    client = Client.connect(state)
    if message:
        reply, named = _say(client, agent, message, session, new_session)
        say(reply)
        if sys.stderr.isatty() and not session:
            tell(f"(go on with: covey chat {agent} --session {named} ...)")
        return
    client.get(path("resources", "Agent", agent))  # an agent that is not there is told before the first word
    interactive = sys.stdin.isatty()
    if interactive:
        say(f"Talking to {agent}. An empty line or Ctrl-D ends it.")
    while line := _line(interactive):
        reply, session = _say(client, agent, line, session, new_session)
        new_session = ""
        say(reply)


def _line(interactive: bool) -> str:
    if not interactive:
        return next((text for line in sys.stdin if (text := line.strip())), "")
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        say()
        return ""


def _say(client: Client, agent: str, message: str, session: str, new_session: str) -> tuple[str, str]:
    named = {"session": session, "newSession": new_session}
    body = {"message": message, **{name: value for name, value in named.items() if value}}
    answer = client.post(path("agents", agent, "chat"), body)
    return str(answer["reply"]), str(answer["session"])
