"""Runs as tests need them: real stores, scripted models, agents that note what they are asked."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent_runtime.api.flowrun import Answer
from agent_runtime.config.models import RunConfig
from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import RunStore
from agent_runtime.models.build import build_model
from agent_runtime.models.port import Usage
from agent_runtime.runs.execute import execute
from agent_runtime.runs.functions import Functions
from agent_runtime.runs.item import Place, execute_item
from agent_runtime.runs.nodes.mapping.items import Result
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.port import AgentAnswer, Publish
from agent_runtime.runs.publishing import nowhere
from agent_runtime.telemetry.events import Event, Observer, all_of, unobserved
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox
from tests.clocks import ManualClock, SteppingClock

SCRIPT = [
    {"when": "message.contains('break')", "error": "out of ink"},
    {"when": "message.contains('list')", "reply": '["bees", "ants"]'},
    {"reply": "about ${message}"},
]
Node = dict[str, Any]


class Agents:
    """Agents that answer by their names, and note what they were asked and under which keys."""

    def __init__(self, clock: SteppingClock) -> None:
        self.asked: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.failures = 0
        self.never = asyncio.Event()
        self._clock = clock

    async def __call__(self, agent: str, message: str, key: str) -> AgentAnswer:
        self.asked.append((agent, message))
        self.keys.append(key)
        if agent == "flaky" and len(self.asked) <= self.failures:
            raise ConnectionError("flaky is away")
        if agent == "slow":
            await self.never.wait()
        if agent == "hard-working":
            self._clock.advance(float(message))
        if agent == "typed":
            return AgentAnswer('{"score": 7}', {"score": 7}, Usage(5, 2))
        if agent == "echo":
            return AgentAnswer(message)
        return AgentAnswer(f"{agent} says {message}", usage=Usage(1, 1))


class Bench:
    """A place for the legs of one run: what outlives a process is the store, the clock and the agents."""

    def __init__(self, store: RunStore | None = None, folder: Path = Path("/nowhere")) -> None:
        # Without a store nothing renews a lease, so time may jump whenever somebody sleeps.
        self.clock = SteppingClock() if store is None else ManualClock()
        self.agents = Agents(self.clock)
        self.publish: Publish = nowhere
        self.events: list[Event] = []
        self.store = store
        self.folder = folder
        self.environ: dict[str, str] = {}
        self.functions = Functions(("tests.unit.runs", "no_such_module", "needs_more", "broken"))

    async def run(
        self,
        config: RunConfig,
        *answers: Mapping[str, Any],
        leg: str | None = None,
        patience: float = 60.0,
        take_over: bool = True,
        observer: Observer = unobserved,
    ) -> Outcome:
        """One leg."""
        return await execute(
            config,
            models=self._models(config),
            ask_agent=self.agents,
            publish=self.publish,
            tools=self._tools(),
            store=self.store,
            answers=[Answer.model_validate(answer) for answer in answers],
            leg=leg,
            take_over=take_over,
            patience=patience,
            clock=self.clock,
            observer=all_of(self.events.append, observer),
            environ=self.environ,
            functions=self.functions,
        )

    async def item(self, config: RunConfig, place: Place) -> Result:
        """One item of a node that is mapped in Jobs."""
        assert self.store is not None
        return await execute_item(
            config,
            place,
            store=self.store,
            models=self._models(config),
            ask_agent=self.agents,
            publish=self.publish,
            tools=self._tools(),
            clock=self.clock,
            observer=self.events.append,
            environ=self.environ,
            functions=self.functions,
        )

    def told(self, kind: str) -> list[str]:
        """The messages of one kind of event."""
        return [event.message for event in self.events if event.kind == kind]

    def _models(self, config: RunConfig) -> Mapping[str, Any]:
        clock: Clock = self.clock
        return {name: build_model(model, {}, clock=clock) for name, model in config.models.items()}

    def _tools(self) -> Toolbox:
        return Toolbox(BUILTIN.values(), ToolContext(self.folder, self.clock))


def flow(*nodes: Node, **fields: Any) -> dict[str, Any]:
    """A graph that starts at the first node."""
    return {"start": nodes[0]["name"], "nodes": list(nodes), **fields}


def config(
    *nodes: Node,
    params: Mapping[str, Any] | None = None,
    flows: Mapping[str, Any] | None = None,
    name: str = "r1",
    fork_of: Mapping[str, Any] | None = None,
    **fields: Any,
) -> RunConfig:
    """A compiled run of the flow `report` in the namespace `news`."""
    return RunConfig.model_validate(
        {
            "name": name,
            "namespace": "news",
            "uid": "u1",
            "flowName": "report",
            "flow": flow(*nodes, **fields),
            "flows": flows or {},
            "params": params or {},
            "models": {"fast": {"name": "fast", "provider": "Scripted", "script": SCRIPT}},
            "forkOf": fork_of,
        }
    )


def llm(name: str, prompt: str, **fields: Any) -> Node:
    return {"name": name, "llm": {"model": {"name": "fast"}, "prompt": prompt}, **fields}


def agent(name: str, of: str, input: Any, **fields: Any) -> Node:
    return {"name": name, "agent": of, "input": input, **fields}


def python(name: str, function: str, input: Any = None, **fields: Any) -> Node:
    """A function of `tests/unit/runs/functions.py`."""
    return {
        "name": name,
        "python": {"function": f"tests.unit.runs.functions:{function}"},
        "input": input,
        **fields,
    }


def then(*nodes: Node) -> Sequence[Node]:
    """The nodes in a chain."""
    return [
        {**node, "next": {"default": following["name"], **node.get("next", {})}}
        for node, following in itertools.pairwise(nodes)
    ] + [nodes[-1]]
