"""FlowRuns on the laptop: compiled when they start, run with the agents of this process."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_runtime.api import API_VERSION, FlowRunResource
from agent_runtime.compile.config import RunConfig
from agent_runtime.compile.result import Compiled, Lookup, Manifest
from agent_runtime.compile.run import compile_run
from agent_runtime.local.credentials import environment_of
from agent_runtime.local.host import Host
from agent_runtime.local.plan import Key, SameProcess
from agent_runtime.local.runs import Runs
from agent_runtime.local.surroundings import Surroundings
from agent_runtime.models.build import build_model
from agent_runtime.models.errors import ModelError
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.errors import AgentFailed
from agent_runtime.runs.execute import execute
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.port import AgentAnswer
from agent_runtime.serving.errors import ApiError
from agent_runtime.telemetry.events import Observer, all_of
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.toolbox import Toolbox


class RunControl:
    """Starts, finds and stops runs."""

    def __init__(
        self, folder: Path, lookup: Lookup, host: Host, around: Surroundings, observer: Observer
    ) -> None:
        self._lookup = lookup
        self._host = host
        self._around = around
        self._runs = Runs(folder, self._execute, around.clock)
        self._observer = all_of(self._runs.observe, observer)

    @property
    def manifests(self) -> dict[Key, Manifest]:
        """The runs that there are."""
        return {("FlowRun", name): run for name, run in self._runs.all.items()}

    def all(self) -> list[dict[str, Any]]:
        """Every run with its status, by name."""
        return [run for _, run in sorted(self._runs.all.items())]

    def one(self, name: str) -> dict[str, Any]:
        """A run with its status. Raises ApiError 404."""
        if name not in self._runs.all:
            raise ApiError(404, f'there is no FlowRun "{name}"')
        return self._runs.all[name]

    async def changed(self, name: str, wait: float) -> dict[str, Any]:
        """A run, when it has changed, or after `wait` seconds. Raises ApiError 404."""
        self.one(name)
        return await self._runs.changed(name, wait)

    def create(self, flow: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Start a run of a Flow. Raises ApiError 422 when it cannot be run so."""
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "FlowRun",
            "metadata": {"name": f"{flow[:50]}-{secrets.token_hex(3)}"},
            "spec": {"flow": {"name": flow}, "params": dict(params)},
        }
        compiled = self._compiled(manifest)
        if compiled.config is None:
            details = [{"pointer": _pointer(p.field), "message": p.message} for p in compiled.problems]
            raise ApiError(422, compiled.problems[0].message, details=details)
        return self._runs.start(manifest, compiled.config)

    def ensure(self, manifest: Manifest) -> str:
        """Start it unless it was started before. Returns `created` or `unchanged`."""
        if manifest["metadata"]["name"] in self._runs.all:
            return "unchanged"
        self._start(manifest)
        return "created"

    async def apply(self, manifest: Manifest) -> str:
        """As `ensure`; besides, `spec.cancel` stops it."""
        name = manifest["metadata"]["name"]
        if name in self._runs.all and manifest["spec"].get("cancel"):
            await self._runs.cancel(name, manifest)
            return "configured"
        return self.ensure(manifest)

    def resume(self) -> None:
        """Begin again what an earlier process left unfinished."""
        for manifest in self._runs.unfinished():
            self._start(manifest)

    async def delete(self, name: str) -> None:
        """Stop it, if it still runs, and forget it. Raises ApiError 404."""
        self.one(name)
        await self._runs.delete(name)

    async def drain(self, grace: float) -> None:
        """See `Runs.drain`."""
        await self._runs.drain(grace)

    def _start(self, manifest: Manifest) -> None:
        compiled = self._compiled(manifest)
        if compiled.config is None:
            problem = compiled.problems[0]
            self._runs.refuse(manifest, problem.reason, problem.message)
        else:
            self._runs.start(manifest, compiled.config)

    def _compiled(self, manifest: Manifest) -> Compiled[RunConfig]:
        spec = {key: manifest[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        return compile_run(FlowRunResource.model_validate(spec), self._lookup, SameProcess())

    async def _execute(self, config: RunConfig) -> Outcome:
        models: dict[str, ModelClient] = {}
        try:
            for name, model in config.models.items():
                models[name] = build_model(self._around.model(model), self._environ(config))
            tools = Toolbox(BUILTIN.values(), self._around.tools)
            return await execute(
                config,
                models=models,
                ask_agent=self._ask,
                tools=tools,
                clock=self._around.clock,
                observer=self._observer,
            )
        except ModelError as error:
            return Outcome(error=RunError("", str(error)))
        finally:
            for client in models.values():
                await client.close()

    def _environ(self, config: RunConfig) -> dict[str, str]:
        manifest = self._runs.all[config.name]
        return {**self._around.environ, **environment_of(self._compiled(manifest), self._lookup)}

    async def _ask(self, agent: str, message: str) -> AgentAnswer:
        hosted = self._host.agents.get(agent)
        if hosted is None:
            trouble = self._host.troubles.get(("Agent", agent), f"see: covey get agent {agent}")
            raise AgentFailed(f'Agent "{agent}" is not running: {trouble}')
        reply = await hosted.worker.chat(message)
        return AgentAnswer(reply.text, reply.output, reply.usage)


def _pointer(field: str) -> str:
    """`spec.params.name` of the run as a pointer into the request, `/params/name`."""
    return "/" + field.removeprefix("spec.").replace(".", "/").replace("[", "/").replace("]", "")
