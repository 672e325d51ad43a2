"""Agents as tests need them: scripted, observed, on a clock that the test holds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from agent_runtime.agents.worker import AgentWorker
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Delivery
from agent_runtime.config.models import AgentConfig
from agent_runtime.core.clock import Clock
from agent_runtime.models.build import build_model
from agent_runtime.models.port import ModelClient
from agent_runtime.telemetry.events import Event
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox
from tests.clocks import START, SteppingClock

NOTE_SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 3}, "n": {"type": "integer"}},
    "required": ["text"],
    "additionalProperties": False,
}
NOTE = {"name": "Note", "schema": NOTE_SCHEMA}


def agent_config(script: Sequence[Mapping[str, Any]], **fields: Any) -> AgentConfig:
    """An agent whose model says what the script says; further fields as in the compiled config."""
    model = {"name": "actor", "provider": "Scripted", "script": list(script)}
    return AgentConfig.model_validate({"name": "ann", "namespace": "news", "model": model, **fields})


class Bench:
    """A worker, its clock, and the events that it told of."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        model: ModelClient | None = None,
        clock: Clock | None = None,
        folder: Path = Path("/nowhere"),
    ) -> None:
        self.events: list[Event] = []
        self.clock = clock or SteppingClock()
        self.worker = AgentWorker(
            config,
            model=model or build_model(config.model, {}, clock=self.clock),
            tools=Toolbox([BUILTIN[tool.builtin] for tool in config.tools], ToolContext(folder, self.clock)),
            clock=self.clock,
            observer=self.events.append,
            random=Random(7),
        )

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events, in order."""
        return [event.kind for event in self.events]


def bench(script: Sequence[Mapping[str, Any]], **fields: Any) -> Bench:
    """A worker for a script; fields as in `agent_config`."""
    return Bench(agent_config(script, **fields))


def artifact(payload: Mapping[str, Any], *, id: str = "a1", type: str = "Idea") -> Artifact:
    """An artifact by `editor`, of correlation c1."""
    return Artifact(
        id=id, type=type, version=1, payload=payload, producer="editor", correlation="c1", created_at=START
    )


def delivery(*artifacts: Artifact, attempt: int = 1) -> Delivery:
    """A delivery that nobody will take back."""
    return Delivery(f"d{attempt}", artifacts, attempt, datetime(2100, 1, 1, tzinfo=UTC))
