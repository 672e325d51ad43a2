"""Tells the observer when work starts, which tools it uses, and how it ends."""

import json
from typing import ClassVar, TypeVar

from agent_runtime.agents.conversation import Step
from agent_runtime.agents.stages import CallNext, Stage
from agent_runtime.agents.work import Work
from agent_runtime.core.clock import Clock
from agent_runtime.telemetry.events import Event, Kind, Observer

T = TypeVar("T")
_LONGEST = 200


class Events:
    """A component that turns the life of a piece of work into events."""

    stages: ClassVar[frozenset[Stage]] = frozenset({Stage.INITIALIZE, Stage.TERMINATE})

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        """Tell of the start and the end."""
        if stage is Stage.INITIALIZE:
            on = ", ".join(f"{artifact.type} {artifact.id}" for artifact in work.inputs)
            message = f"works on {on}" if work.inputs else "answers a message"
            self._tell(work, "agent.started", message)
        else:
            self._end(work)
        return await go()

    def tool(self, work: Work, step: Step) -> None:
        """Tell of a tool that was called."""
        shown = step.arguments if isinstance(step.arguments, str) else _compact(step.arguments)
        outcome = " failed" if step.failed else ""
        self._tell(
            work, "agent.tool", f"{step.tool}({_short(shown)}){outcome}", tool=step.tool, failed=step.failed
        )

    def _end(self, work: Work) -> None:
        if work.error is not None:
            code = getattr(work.error, "code", type(work.error).__name__)
            self._tell(work, "agent.failed", str(work.error) or code, code=code)
            return
        usage = work.conversation.usage if work.conversation is not None else None
        self._tell(
            work,
            "agent.finished",
            f"published {', '.join(a.type for a in work.published)}" if work.published else "answered",
            published=[artifact.id for artifact in work.published],
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
        )

    def _tell(self, work: Work, kind: Kind, message: str, **data: object) -> None:
        data |= {"source": work.source, "work": work.subject}
        if work.inputs:
            data |= {"inputs": [artifact.id for artifact in work.inputs]}
            data["correlation"] = work.inputs[0].correlation
        self._observer(Event(self._clock.now(), kind, work.agent, message, data))


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
