"""An event as one line of plain text: the same in `covey up` without a terminal and in `covey logs`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent_runtime.cli.output.printing import line as on_one_line

_WIDTH = 13
_ID = re.compile(
    r"\b([0-9a-f]{20}(?=[0-9a-f]{12}\b)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}(?=-[0-9a-f]{12}\b))[0-9a-f-]{12,13}"
)


def line(event: Mapping[str, Any]) -> str:
    """`13:02:11  researcher     published Dossier 3f2a91c0` in local time, from an event as it is sent."""
    at = datetime.fromisoformat(event["at"]).astimezone()
    return f"{at:%H:%M:%S}  {on_one_line(event['subject']):<{_WIDTH}}  {told(event)}"


def told(event: Mapping[str, Any]) -> str:
    """What happened, in a few words on one line. What was published has its own events."""
    if event["kind"] == "agent.finished" and event["data"].get("published"):
        return "finished"
    return shortened(on_one_line(event["message"]))


def shortened(message: str) -> str:
    """The message with long ids cut to their first twenty digits: twelve are the time, the others chance."""
    return _ID.sub(r"\1", message)
