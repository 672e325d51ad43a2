"""Names of what triggers make: the same name for the same reason, wherever and however often it is made.

A run that is created twice under one name is one run; that is what makes runs exactly once. Names are DNS
labels of at most 45 characters that begin with a letter, as those of all resources.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

import orjson

from agent_runtime.api.triggers import Trigger

FLOW_LABEL = "covey.dev/flow"
"""The Flow of a run that a trigger made."""
TRIGGER_LABEL = "covey.dev/trigger"
"""The key of the trigger that made a run; no label: a person did."""
TIME_ANNOTATION = "covey.dev/scheduled-time"
"""The time of the schedule that a run is for, RFC 3339, UTC."""
ARTIFACT_ANNOTATION = "covey.dev/artifact"
"""The id of the artifact that a run is for."""
TRACE_ANNOTATION = "covey.dev/traceparent"
"""The trace that a run goes on with, as W3C Trace Context writes it: that of its artifact."""

_FLOW_PART = 33
"""Characters that the flow has in a run's name; the longest end has 12: `-29384756-16`."""


def trigger_key(triggers: Sequence[Trigger], index: int) -> str:
    """What tells the trigger from the flow's others: `cron-f3k2ab7q`, made of what sets it off.

    It stays when triggers move, or change in their parameters or policy; another schedule or another
    predicate is another trigger. Of several that are alike the later ones are numbered.
    """
    kind, cause = _cause(triggers[index])
    alike = sum(_cause(other) == (kind, cause) for other in triggers[:index])
    key = f"{kind}-{_digest(8, cause)}"
    return f"{key}-{alike + 1}" if alike else key


def scheduled_run_name(flow: str, triggers: Sequence[Trigger], index: int, time: datetime) -> str:
    """`FLOW-MINUTES`, in minutes since 1970; `FLOW-MINUTES-2` for the second of the flow's schedules.

    Two schedules of one flow may fall on one minute, and each has its run then.
    """
    place = sum(trigger.cron is not None for trigger in triggers[:index]) + 1
    name = f"{_flow_part(flow)}-{int(time.timestamp()) // 60}"
    return f"{name}-{place}" if place > 1 else name


def artifact_run_name(flow: str, uid: str, key: str, artifact_id: str) -> str:
    """`FLOW-HASH`, of the flow's uid, the trigger's key and the artifact: a recreated Flow runs again."""
    return f"{_flow_part(flow)}-{_digest(10, uid, key, artifact_id)}"


def _flow_part(flow: str) -> str:
    """The flow's name, or what fits of it and a hash.

    What was cut is exactly `_FLOW_PART` long and what was not is shorter, so that no flow can be named
    like another one cut.
    """
    if len(flow) < _FLOW_PART:
        return flow
    digest = _digest(8, flow)
    return f"{flow[: _FLOW_PART - 1 - len(digest)]}-{digest}"


def _cause(trigger: Trigger) -> tuple[str, str]:
    """The kind, and all that decides when it is set off, as text."""
    if trigger.cron is not None:
        return "cron", f"{trigger.cron.schedule}\n{trigger.cron.time_zone}"
    assert trigger.artifact is not None, "a trigger has one of both"
    return "artifact", orjson.dumps(trigger.artifact.manifest(), option=orjson.OPT_SORT_KEYS).decode()


def _digest(length: int, *parts: str) -> str:
    """The beginning of a hash, in lower-case base32: five bits a character."""
    hashed = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(hashed).decode().lower()[:length]
