"""FlowRuns on the laptop, as people deal with them: made, answered, paused, cancelled, looked at, forked."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from agent_runtime.api import API_VERSION, FlowRunResource
from agent_runtime.api.flow import Graph
from agent_runtime.compile.flows.run import compile_run
from agent_runtime.compile.result import Compiled, Lookup, Manifest
from agent_runtime.config.models import RunConfig
from agent_runtime.durable.port import NoSuchRun
from agent_runtime.local.environment import Environment
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.manifests.plan import Key, SameProcess
from agent_runtime.local.runs.execution import RunExecution
from agent_runtime.local.runs.files import KeptRun
from agent_runtime.local.runs.history import history_of, state_at
from agent_runtime.local.runs.registry import Runs
from agent_runtime.local.runs.status import ENDED
from agent_runtime.local.state import StateFolder
from agent_runtime.runs.outcome import rfc3339
from agent_runtime.server.http.errors import ApiError
from agent_runtime.telemetry.events import Event, Observer, all_of

_LONGEST_STEM = 38
"""Characters of a flow's or run's name that go into the name of a new run."""


class RunControl:
    """Starts, finds, changes and stops runs."""

    def __init__(
        self, state: StateFolder, lookup: Lookup, host: Host, around: Environment, observer: Observer
    ) -> None:
        self._lookup = lookup
        self._around = around
        execution = RunExecution(
            state.path / "runs.db", lookup, host, around, all_of(self._observe, observer)
        )
        self._execution = execution
        self._runs = Runs(state.folder("runs"), execution, around.clock)

    @property
    def manifests(self) -> dict[Key, Manifest]:
        """The runs that there are."""
        return {("FlowRun", name): run.manifest for name, run in self._runs.all.items()}

    def all(self) -> list[dict[str, Any]]:
        """Every run with its status, the newest first."""
        return [run.manifest for run in reversed(list(self._runs.all.values()))]

    def one(self, name: str) -> dict[str, Any]:
        """A run with its status. Raises ApiError 404."""
        return self._kept(name).manifest

    async def changed(self, name: str, wait: float) -> dict[str, Any]:
        """A run, when it has changed, or after `wait` seconds. Raises ApiError 404."""
        self._kept(name)
        try:
            return (await self._runs.changed(name, wait)).manifest
        except KeyError:  # deleted meanwhile
            return self._kept(name).manifest

    def create(self, flow: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Start a run of a Flow. Raises ApiError 422 when it cannot be run so."""
        return self._create(flow, {"flow": {"name": flow}, "params": dict(params)})

    def fork(self, name: str, at: int | None) -> dict[str, Any]:
        """A new run that goes on from a boundary of this one; None: the latest. Raises ApiError 404, 422."""
        spec = self._kept(name).spec
        same: dict[str, Any] = {
            key: spec[key] for key in ("flow", "flowSpec", "agent", "params") if key in spec
        }
        where = {"run": name} if at is None else {"run": name, "at": at}
        return self._create(name, {**same, "forkOf": where})

    def ensure(self, manifest: Manifest) -> str:
        """Start it unless it was started before. Returns `created` or `unchanged`."""
        if manifest["metadata"]["name"] in self._runs.all:
            return "unchanged"
        made = self._with_identity(manifest)
        compiled = self._compiled(made)
        if compiled.config is None:
            problem = compiled.problems[0]
            self._runs.refuse(made, problem.reason, problem.message)
        else:
            self._runs.add(made, _in_this_process(compiled.config))
        return "created"

    def apply(self, manifest: Manifest) -> str:
        """As `ensure`; of a run that is there, `cancel`, `suspend` and `answers` are taken over."""
        kept = self._runs.all.get(manifest["metadata"]["name"])
        if kept is None:
            return self.ensure(manifest)
        if kept.spec == manifest["spec"]:
            return "unchanged"
        self._runs.change(manifest["metadata"]["name"], manifest["spec"])
        return "configured"

    def answer(
        self, name: str, action: str, *, node: str | None, visit: int | None, comment: str
    ) -> dict[str, Any]:
        """Answer what the run asks. Raises ApiError 404, 409 when it asks nothing or has its answer, 422."""
        kept = self._kept(name)
        waiting = kept.status.get("waiting") or {}
        if waiting.get("for") != "Approval":
            message = f'FlowRun "{name}" asks nothing now: it is {kept.status["phase"]}'
            raise ApiError(409, message, code="not_asked")
        if node not in (None, waiting["node"]):
            message = f'FlowRun "{name}" asks nothing at {node}: it asks at {waiting["node"]}'
            raise ApiError(409, message, code="not_asked")
        if visit not in (None, waiting["visit"]):
            message = f'FlowRun "{name}" asks at visit {waiting["visit"]} of {waiting["node"]}, not {visit}'
            raise ApiError(409, message, code="not_asked")
        if action not in waiting["actions"]:
            offered = ", ".join(waiting["actions"])
            raise ApiError(422, f"{waiting['node']} cannot be answered with {action!r}: it offers {offered}")
        answer = {
            "node": waiting["node"],
            "visit": waiting["visit"],
            "action": action,
            **({"comment": comment} if comment else {}),
            "by": self._around.user,
        }
        # One that is there already was refused, else the run would not wait.
        question = (answer["node"], answer["visit"])
        others = [
            each
            for each in kept.spec.get("answers") or []
            if (each["node"], each.get("visit", 1)) != question
        ]
        self._runs.change(name, {**kept.spec, "answers": [*others, answer]})
        return self.one(name)

    def suspend(self, name: str) -> dict[str, Any]:
        """Pause it. Raises ApiError 404, 409 when it has ended."""
        return self._set(name, suspend=True)

    def go_on(self, name: str) -> dict[str, Any]:
        """Let a paused run continue, or try an interrupted one again now.

        One that failed continues as a new run, which is returned. Raises ApiError 409, with the cure, where
        there is nothing to resume.
        """
        kept = self._kept(name)
        phase = kept.status.get("phase")
        if phase == "Failed":
            return self.fork(name, None)
        if phase == "Cancelled":
            raise ApiError(
                409,
                f'FlowRun "{name}" was cancelled, which is for good. To continue from where it was: '
                f"covey run fork {name}",
                code="cancelled",
            )
        if kept.spec.get("suspend") and phase not in ENDED:
            return self._set(name, suspend=False)
        if not self._runs.retry(name):
            raise ApiError(409, f'FlowRun "{name}" is not paused: {_standing(kept)}', code="not_suspended")
        return self.one(name)

    def cancel(self, name: str) -> dict[str, Any]:
        """Stop it for good. Raises ApiError 404, 409 when it has ended."""
        return self._set(name, cancel=True)

    async def history(self, name: str) -> list[dict[str, Any]]:
        """The boundaries that can be looked at and forked from, oldest first."""
        return await history_of(await self._execution.store(), self._run_id(name))

    async def state(self, name: str, at: int | None) -> dict[str, Any]:
        """What the run knew at a boundary. Raises ApiError 404."""
        try:
            return await state_at(await self._execution.store(), self._run_id(name), at)
        except NoSuchRun as error:
            raise ApiError(404, str(error)) from error

    def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        self._runs.resume()

    async def delete(self, name: str) -> None:
        """Stop it, if it still runs, and forget it and its checkpoints. Raises ApiError 404."""
        run = self._run_id(name)
        await self._runs.delete(name)
        await (await self._execution.store()).delete(run)

    async def drain(self, grace: float) -> None:
        """See `Runs.drain`."""
        await self._runs.drain(grace)
        await self._execution.close()

    def _observe(self, event: Event) -> None:
        self._runs.observe(event)

    def _kept(self, name: str) -> KeptRun:
        if name not in self._runs.all:
            raise ApiError(404, f'there is no FlowRun "{name}"')
        return self._runs.all[name]

    def _run_id(self, name: str) -> str:
        kept = self._kept(name)
        return kept.config.run_id if kept.config is not None else name

    def _set(self, name: str, **changes: bool) -> dict[str, Any]:
        kept = self._kept(name)
        if kept.status.get("phase") in ENDED:
            raise ApiError(409, f'FlowRun "{name}" has ended: {kept.status["phase"]}', code="ended")
        self._runs.change(name, {**kept.spec, **changes})
        return self.one(name)

    def _create(self, stem: str, spec: dict[str, Any]) -> dict[str, Any]:
        name = f"{stem[:_LONGEST_STEM].rstrip('-')}-{secrets.token_hex(3)}"
        manifest = self._with_identity(
            {"apiVersion": API_VERSION, "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}
        )
        compiled = self._compiled(manifest)
        if compiled.config is None:
            details = [{"pointer": _pointer(p.field), "message": p.message} for p in compiled.problems]
            raise ApiError(422, compiled.problems[0].message, details=details)
        self._runs.add(manifest, _in_this_process(compiled.config))
        return self.one(name)

    def _with_identity(self, manifest: Manifest) -> dict[str, Any]:
        """What the API server would add."""
        identity = {"creationTimestamp": rfc3339(self._around.clock.now()), "uid": str(uuid4())}
        return {**manifest, "metadata": {**identity, **manifest["metadata"]}}

    def _compiled(self, manifest: Manifest) -> Compiled[RunConfig]:
        spec = {key: manifest[key] for key in ("apiVersion", "kind", "metadata", "spec")}

        def lookup(kind: str, name: str) -> Manifest | None:
            return self.manifests.get((kind, name)) if kind == "FlowRun" else self._lookup(kind, name)

        return compile_run(FlowRunResource.model_validate(spec), lookup, SameProcess())


def _standing(kept: KeptRun) -> str:
    """Phase and condition of a run, for people."""
    status = kept.status
    message = status["conditions"][0]["message"]
    return f"it is {status['phase']}" + (f" ({message})" if message else "")


def _in_this_process(config: RunConfig) -> RunConfig:
    """There are no Jobs here: items that ask for one each are done in the run's own process."""

    def inline(graph: Graph) -> Graph:
        nodes = [
            node
            if node.map is None
            else node.model_copy(update={"map": node.map.model_copy(update={"isolation": "Inline"})})
            for node in graph.nodes
        ]
        return graph.model_copy(update={"nodes": nodes})

    flows = {name: inline(graph) for name, graph in config.flows.items()}
    return config.model_copy(update={"flow": inline(config.flow), "flows": flows})


def _pointer(field: str) -> str:
    """`spec.params.name` of the run as a pointer into the request, `/params/name`."""
    return "/" + field.removeprefix("spec.").replace(".", "/").replace("[", "/").replace("]", "")
