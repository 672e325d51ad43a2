"""What servers on one board tell each other: the agents whose inboxes got something."""

from collections.abc import Iterable

EVERYBODY = "*"
"""Said when the agents' names do not fit; no agent is called so."""
_LONGEST = 7999


def notice(agents: Iterable[str]) -> str:
    """What is notified; see `heard`."""
    names = "\n".join(agents)
    return names if len(names.encode()) <= _LONGEST else EVERYBODY


def heard(notified: str) -> list[str] | None:
    """The agents of a `notice`; None: any may have."""
    return None if notified == EVERYBODY else notified.split("\n")
