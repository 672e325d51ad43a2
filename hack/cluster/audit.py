"""The API server's audit log: which writes it has answered, and whose they were."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """One answered request that could change something."""

    at: datetime
    user: str
    user_agent: str
    verb: str
    resource: str
    """Plural and lower case, with the subresource behind a slash: agents/status."""
    namespace: str
    name: str
    code: int


def parse_writes(lines: Iterable[str]) -> list[Write]:
    """The writes in an audit log; a last line that is still being written is passed over."""
    writes = []
    for line in lines:
        if not line.endswith("\n"):
            break
        event = json.loads(line)
        target = event.get("objectRef", {})
        resource = target.get("resource", "")
        if target.get("subresource"):
            resource += f"/{target['subresource']}"
        writes.append(
            Write(
                at=datetime.fromisoformat(event["stageTimestamp"]),
                user=event["user"].get("username", ""),
                user_agent=event.get("userAgent", ""),
                verb=event["verb"],
                resource=resource,
                namespace=target.get("namespace", ""),
                name=target.get("name", ""),
                code=event.get("responseStatus", {}).get("code", 0),
            )
        )
    return writes


def read_writes(log: Path, user_agent: str = "") -> list[Write]:
    """The writes in an audit log by clients whose user agent begins so; none while there is no log."""
    if not log.exists():
        return []
    with log.open() as lines:
        return [write for write in parse_writes(lines) if write.user_agent.startswith(user_agent)]
