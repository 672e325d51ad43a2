"""clock: what time it is. (The file is not called clock.py, which is the port that it reads.)"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent_runtime.tools.port import Tool, ToolContext, ToolError, parameters


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    zone: str = arguments.get("timezone", "UTC")
    now = context.clock.now()
    if zone != "UTC":
        try:
            now = now.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ToolError(f"there is no time zone {zone!r}: name one like Europe/Berlin, or UTC") from error
    return {
        "now": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "date": now.date().isoformat(),
        "time": now.strftime("%H:%M:%S"),
        "weekday": now.strftime("%A"),
        "timezone": zone,
    }


CLOCK = Tool(
    name="clock",
    description="Tells the date, the time and the weekday, in UTC or another time zone.",
    parameters=parameters(
        timezone={"type": "string", "description": "An IANA name such as Europe/Berlin; left out: UTC"}
    ),
    run=_run,
)
