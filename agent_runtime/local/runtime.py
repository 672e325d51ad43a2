"""What the cluster is for `kubectl`, in one process: takes manifests in, runs them, tells their state."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from agent_runtime.api import KINDS, FlowResource
from agent_runtime.compile.result import Compiled, Manifest
from agent_runtime.local.environment import Environment
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.hosting.subscribers import subscribers
from agent_runtime.local.manifests.apply import admit
from agent_runtime.local.manifests.check import Checked, check, lookup_in
from agent_runtime.local.manifests.credentials import environment_of
from agent_runtime.local.manifests.defaults import with_laptop_defaults
from agent_runtime.local.manifests.function_watch import Found, FunctionWatch
from agent_runtime.local.manifests.inventory import InFile, Inventory, key_of
from agent_runtime.local.manifests.load import Loaded, Source
from agent_runtime.local.manifests.plan import Key, Plan, plan
from agent_runtime.local.runs.control import RunControl
from agent_runtime.local.runs.triggers import Triggers
from agent_runtime.local.state import StateFolder
from agent_runtime.local.status import Running, conditions
from agent_runtime.runs.outcome import rfc3339
from agent_runtime.server.http.errors import ApiError
from agent_runtime.telemetry import logs

_log = logs.logger("flows")

DRAIN_RUNS = 20.0
"""Seconds that runs under way get when the laptop stops; what is left goes on at the next start."""


class LocalRuntime:
    """Resources, and what runs because of them. All of it lives in one event loop."""

    def __init__(self, state: StateFolder, around: Environment, feed: EventBroadcaster) -> None:
        self.feed = feed
        self._around = around
        self._inventory = Inventory(state.folder("applied"), self._now)
        self.host = Host(state, around.tools, feed, self._note_statuses)
        self.runs = RunControl(state, self.lookup, self.host, around, feed)
        self._triggers = Triggers(state.path / "triggers.json", self.runs, self.host, around.clock)
        folders = around.functions.folders
        self._functions = FunctionWatch(folders[0] if folders else None, self._note_functions)
        self._sources: dict[Key, Source] = {}
        self.plan: Plan = plan({}, lambda kind, name: None)
        self._changing = asyncio.Lock()
        self._has_begun = False

    @property
    def manifests(self) -> Mapping[Key, Manifest]:
        """All manifests that were taken in."""
        return self._inventory.manifests

    def lookup(self, kind: str, name: str) -> Manifest | None:
        """A manifest that was taken in, or a Secret that the environment holds."""
        return lookup_in(self.manifests, self._around.environ)(kind, name)

    def check(self, loaded: Loaded) -> Checked:
        """What is wrong with files that were loaded, next to what was applied."""
        applied = {k: e.manifest for k, e in self._inventory.entries.items() if not e.origin}
        return check(loaded, self._around.environ, applied)

    async def load(self, loaded: Loaded) -> None:
        """Take in what the files hold now. They must have no faults."""
        async with self._changing:
            runs = [source for source in loaded.resources if source.kind == "FlowRun"]
            rest = [source for source in loaded.resources if source.kind != "FlowRun"]
            self._sources = {(source.kind, source.name): source for source in rest}
            self._inventory.set_files((source.manifest, source.origin) for source in rest)
            await self._follow()
            if not self._has_begun:  # later a file may be gone for a moment only, as while it is saved
                await self.host.forget_all_but(subscribers(self.manifests))
                self._has_begun = True
            for run in runs:
                self.runs.ensure(run.manifest)

    def resume_runs(self) -> None:
        """Go on with what an earlier process left unfinished."""
        self.runs.resume()

    def resources(self, kind: str = "") -> list[dict[str, Any]]:
        """All resources of Covey's kinds, or those of one, by kind and name, with their statuses."""
        _known(kind)
        keys = [key for key in self.manifests if key[0] in KINDS and kind in ("", key[0])]
        shown = [self.resource(*key) for key in sorted(keys)]
        return shown + (self.runs.all() if kind in ("", "FlowRun") else [])

    def resource(self, kind: str, name: str) -> dict[str, Any]:
        """One resource with its status. Raises ApiError 404."""
        _known(kind)
        if kind == "FlowRun":
            return self.runs.one(name)
        shown = self._inventory.shown((kind, name))
        if shown is None:
            raise self.missing(kind, name)
        if kind == "Flow" and (self.plan.flows[name].config is not None):
            triggers = self._triggers.status(FlowResource.model_validate(self.manifests[kind, name]))
            shown["status"] |= {"triggers": triggers} if triggers else {}
        return shown

    def missing(self, kind: str, name: str) -> ApiError:
        """The error that says which ones there are."""
        there = ", ".join(sorted(n for k, n in self.manifests if k == kind)) or "none"
        return ApiError(404, f'there is no {kind} "{name}"; there are: {there}')

    async def apply(self, manifests: Sequence[Manifest]) -> list[dict[str, str]]:
        """Take in all of them, or none. Raises ApiError 409 and 422, with each fault."""
        manifests = [with_laptop_defaults(manifest) for manifest in manifests]
        async with self._changing:
            admit(manifests, {**self.manifests, **self.runs.manifests}, self._around.environ)
            with _in_file_is_a_conflict():
                for manifest in manifests:
                    self._inventory.refuse_in_file(key_of(manifest))
            results = []
            for manifest in manifests:
                kind, name = key_of(manifest)
                result = "" if kind == "FlowRun" else self._inventory.apply(manifest)
                results.append({"kind": kind, "name": name, "result": result})
            await self._follow()
            # Runs come last: what they name may be among the rest.
            for manifest, told in zip(manifests, results, strict=True):
                if told["kind"] == "FlowRun":
                    told["result"] = self.runs.apply(manifest)
            return results

    async def delete(self, kind: str, name: str) -> None:
        """Take back what was applied. Raises ApiError 404 and 409."""
        _known(kind)
        async with self._changing:
            if kind == "FlowRun":
                await self.runs.delete(name)
                return
            if (kind, name) not in self.manifests:
                raise self.missing(kind, name)
            with _in_file_is_a_conflict():
                self._inventory.delete((kind, name))
            await self._follow()
            if kind == "Agent":
                await self.host.forget(name)

    async def drain(self) -> None:
        """Finish what is under way, then stop everything."""
        async with self._changing:
            await self._functions.close()
            await self._triggers.close()
            await self.runs.drain(DRAIN_RUNS)
            await self.host.close()
            self.feed.close()

    async def _follow(self) -> None:
        """Make what runs agree with the manifests, and note the state of each."""
        manifests = self.manifests
        lookup = lookup_in(manifests, self._around.environ)
        self.plan = plan(manifests, lookup)
        boards = {
            name: (compiled.config, {**self._around.environ, **environment_of(compiled, lookup)})
            for name, compiled in self.plan.blackboards.items()
            if compiled.config is not None
        }
        agents = {
            name: (
                config.model_copy(update={"model": self._around.model(config.model)}),
                {**self._around.environ, **environment_of(compiled, lookup)},
            )
            for name, compiled in self.plan.agents.items()
            if (config := compiled.config) is not None and not _suspended(manifests["Agent", name])
        }
        await self.host.follow(boards, agents, subscribers(manifests))
        await self._triggers.follow(self._flows())
        self._functions.follow(self._accepted_flows())
        self._note_statuses()

    def _note_statuses(self) -> None:
        """The state of each resource, as it is now."""
        for key, entry in self._inventory.entries.items():
            compiled = self.plan.compiled(key)
            if compiled is not None:
                if key[0] == "Flow" and (more := self._functions.problems.get(key[1])):
                    compiled = replace(compiled, problems=(*compiled.problems, *more))
                running = self._running(key, entry.manifest)
                said = conditions(
                    compiled,
                    running=running,
                    generation=entry.generation,
                    now=self._now(),
                    earlier=entry.conditions,
                )
                self._inventory.set_status(key, said, _details(key, compiled, said[-1].status == "True"))

    def _note_functions(self, found: Found) -> None:
        """Say which Flows cannot call their functions, and where they name them."""
        self._note_statuses()
        for name, problems in found.items():
            source = self._sources.get(("Flow", name))
            if not problems:
                _log.warning("its functions are there now", flow=name)
            for problem in problems:
                place = source.fault(problem.field, problem.message) if source else problem.message
                _log.warning("a function cannot be called", flow=name, error=str(place))

    def _accepted_flows(self) -> dict[str, Manifest]:
        """The flows that can be run, by name."""
        return {flow.name: self.manifests["Flow", flow.name] for flow, _ in self._flows()}

    def _flows(self) -> list[tuple[FlowResource, datetime]]:
        """The flows that can be run, and since when each is there."""
        return [
            (FlowResource.model_validate(entry.manifest), datetime.fromisoformat(entry.created_at))
            for (kind, name), entry in self._inventory.entries.items()
            if kind == "Flow" and self.plan.flows[name].config is not None
        ]

    def _running(self, key: Key, manifest: Manifest) -> Running | None:
        if key[0] not in ("Agent", "Blackboard"):
            return None
        return Running(_suspended(manifest), self.host.problems.get(key, ""))

    def _now(self) -> str:
        return rfc3339(self._around.clock.now())


@contextmanager
def _in_file_is_a_conflict() -> Iterator[None]:
    try:
        yield
    except InFile as error:
        raise ApiError(409, str(error), code="in_file") from error


def _known(kind: str) -> None:
    if kind and kind not in KINDS:
        raise ApiError(404, f'there is no kind "{kind}"; there are: {", ".join(KINDS)}')


def _suspended(manifest: Manifest) -> bool:
    return bool((manifest.get("spec") or {}).get("suspend"))


def _details(key: Key, compiled: Compiled[Any], ready: bool) -> dict[str, Any]:
    """What the status of a kind says besides its conditions."""
    match key[0]:
        case "Agent":
            return {"replicas": int(ready), "readyReplicas": int(ready)}
        case "Blackboard":
            return {"storeReady": ready, "replicas": int(ready)}
        case "Flow" if compiled.config is not None:
            return {"nodes": len(compiled.config.nodes)}
    return {}
