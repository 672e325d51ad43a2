"""Ids of what flows publish: each flow's own, the same however often a visit is repeated. Pure.

Such an id begins with the name of its publisher, as in `flow.newsletter:1f0c...`, and is refused to everybody
else: that somebody can work one out is of no use then. Those names have a dot, and agents have none.
"""

import re

from agent_runtime.auth.identity import Identity

_FORM = re.compile(r"((?:flow|run)\.[a-z0-9][a-z0-9-]*):[0-9a-f]{40}")


def is_foreign(artifact_id: str, producer: Identity) -> bool:
    """Whether it has the form of another publisher's id."""
    found = _FORM.fullmatch(artifact_id)
    return found is not None and (producer.role != "agent" or producer.name != found[1])
