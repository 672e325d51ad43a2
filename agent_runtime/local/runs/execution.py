"""What a leg of a run needs from the laptop: its models, its tools, the agents of this process, the store."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agent_runtime.agents.errors import Busy
from agent_runtime.api.flowrun import Answer
from agent_runtime.compile.result import Lookup
from agent_runtime.config.models import RunConfig
from agent_runtime.durable import open_store
from agent_runtime.durable.port import RunStore, StoreError
from agent_runtime.local.environment import Environment
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.manifests.credentials import environment_for
from agent_runtime.local.runs.boards import RunBoards
from agent_runtime.models.build import build_model
from agent_runtime.models.errors import ModelError
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.clients.asking import Asking, NotTaken
from agent_runtime.runs.errors import AgentFailed, Interrupted
from agent_runtime.runs.execute import execute
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.port import AgentAnswer
from agent_runtime.telemetry.events import Observer
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.toolbox import Toolbox


class RunExecution:
    """Executes legs. The store is opened when the first run needs it."""

    def __init__(
        self, file: Path, lookup: Lookup, host: Host, around: Environment, observer: Observer
    ) -> None:
        self._file = file
        self._lookup = lookup
        self._host = host
        self._around = around
        self._observer = observer
        self._store: RunStore | None = None
        self._opening = asyncio.Lock()
        self._asking = Asking(around.clock)

    async def __call__(self, config: RunConfig, answers: Sequence[Answer]) -> Outcome:
        """One leg, up to the end or a wait. Raises Interrupted."""
        models: dict[str, ModelClient] = {}
        environ = {**self._around.environ, **environment_for(config.secrets, self._lookup)}
        try:
            store = await self.store()
        except StoreError as error:
            raise Interrupted(str(error)) from error
        try:
            for name, model in config.models.items():
                models[name] = build_model(self._around.model(model), environ)
            return await execute(
                config,
                models=models,
                ask_agent=self._ask,
                publish=RunBoards(self._host, config.publisher or "", self._around.clock),
                tools=Toolbox(BUILTIN.values(), self._around.tools),
                store=store,
                answers=answers,
                # The state folder is locked: whoever held the run before has ended.
                take_over=True,
                clock=self._around.clock,
                observer=self._observer,
                environ=environ,
                functions=self._around.functions,
            )
        except ModelError as error:
            return Outcome(error=RunError("", str(error)))
        finally:
            for client in models.values():
                await client.close()

    async def store(self) -> RunStore:
        """Where the checkpoints of all runs are."""
        async with self._opening:
            if self._store is None:
                store = open_store(f"sqlite:///{self._file}")
                await store.open()
                self._store = store
        return self._store

    async def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            await self._store.close()

    async def _ask(self, agent: str, message: str, idempotency_key: str) -> AgentAnswer:
        hosted = self._host.agents.get(agent)
        if hosted is None:
            trouble = self._host.problems.get(("Agent", agent), f"see: covey get agent {agent}")
            raise AgentFailed(f'Agent "{agent}" is not running: {trouble}')
        worker = hosted.worker

        async def once() -> AgentAnswer:
            try:
                reply = await worker.chat(message)
            except Busy as error:
                raise NotTaken(str(error)) from error
            return AgentAnswer(reply.text, reply.output, reply.usage)

        return await self._asking(idempotency_key, f'agent "{agent}"', once)
