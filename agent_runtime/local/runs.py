"""Runs of flows in this process, kept in the state folder: what was not finished begins again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_runtime.clock import SYSTEM_CLOCK, Clock
from agent_runtime.compile.config import RunConfig
from agent_runtime.local.files import write_private
from agent_runtime.runs.outcome import Outcome
from agent_runtime.telemetry.events import Event

Execute = Callable[[RunConfig], Awaitable[Outcome]]
ENDED = ("Succeeded", "Failed", "Cancelled")


class Runs:
    """FlowRuns by name, as manifests with their status."""

    def __init__(self, folder: Path, execute: Execute, clock: Clock = SYSTEM_CLOCK) -> None:
        self._folder = folder
        self._execute = execute
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._runs: dict[str, dict[str, Any]] = {
            file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))
        }

    @property
    def all(self) -> Mapping[str, dict[str, Any]]:
        """Every run that is known."""
        return self._runs

    def unfinished(self) -> list[dict[str, Any]]:
        """Runs that an earlier process left behind."""
        return [
            run
            for name, run in self._runs.items()
            if name not in self._tasks and run["status"].get("phase") not in ENDED
        ]

    def start(self, manifest: Mapping[str, Any], config: RunConfig) -> dict[str, Any]:
        """Begin a run, or begin one again, and return its manifest."""
        name = config.name
        now = self._now()
        metadata = {"creationTimestamp": now, **manifest["metadata"]}
        self._runs[name] = {**manifest, "metadata": metadata}
        self._note(
            name, _status("Running", "Unknown", "Running", f"runs flow {config.flow_name}", startedAt=now)
        )
        self._tasks[name] = asyncio.create_task(self._run(config), name=f"run {name}")
        return self._runs[name]

    def refuse(self, manifest: Mapping[str, Any], reason: str, message: str) -> dict[str, Any]:
        """Keep a run that cannot be started, with the reason."""
        name = manifest["metadata"]["name"]
        self._runs[name] = {
            **manifest,
            "metadata": {"creationTimestamp": self._now(), **manifest["metadata"]},
        }
        self._note(name, _status("Failed", "False", reason, message, finishedAt=self._now()))
        return self._runs[name]

    def observe(self, event: Event) -> None:
        """Follow the nodes of the runs."""
        if event.kind != "run.node" or event.subject not in self._runs:
            return
        status = self._runs[event.subject]["status"]
        node = {
            "name": event.data["node"],
            "state": event.data["state"],
            "visits": event.data["visit"],
            **({"action": event.data["action"]} if event.data.get("action") else {}),
        }
        nodes = [n for n in status.get("nodes", []) if n["name"] != node["name"]]
        self._runs[event.subject]["status"] = {**status, "nodes": [*nodes, node]}
        self._wake()

    async def changed(self, name: str, wait: float) -> dict[str, Any]:
        """The run, when it has ended or changed, or after `wait` seconds. Raises KeyError."""
        if wait and self._runs[name]["status"]["phase"] not in ENDED:
            try:
                async with asyncio.timeout(wait):
                    before = self._runs[name]["status"]
                    while self._runs[name]["status"] is before:
                        await self._changed.wait()
            except TimeoutError:
                pass
        return self._runs[name]

    async def cancel(self, name: str, manifest: Mapping[str, Any]) -> None:
        """Stop a run for good; `manifest` says so. One that has ended stays as it is."""
        self._runs[name] = {**self._runs[name], "spec": manifest["spec"]}
        await self._stop(name)
        if self._runs[name]["status"].get("phase") not in ENDED:
            self._note(name, _status("Cancelled", "False", "Cancelled", "spec.cancel is true"))

    async def delete(self, name: str) -> None:
        """Stop a run and forget it. Raises KeyError."""
        del self._runs[name]
        (self._folder / f"{name}.json").unlink(missing_ok=True)
        await self._stop(name)

    async def _stop(self, name: str) -> None:
        if task := self._tasks.pop(name, None):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def drain(self, grace: float) -> None:
        """Give the runs under way `grace` seconds; those that are left begin again at the next start."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, config: RunConfig) -> None:
        outcome = await self._execute(config)
        wire = outcome.wire()
        error = wire.get("error")
        where = f"{error['node']}: " if error and error["node"] else ""
        condition = (
            ("Failed", "False", "Failed", f"{where}{error['message']}")
            if error
            else ("Succeeded", "True", "Succeeded", "")
        )
        started = self._runs[config.name]["status"].get("startedAt")
        status = _status(*condition, startedAt=started, finishedAt=self._now())
        status |= {key: wire[key] for key in ("nodes", "usage")}
        if not error:
            status["result"] = wire["result"]
        self._note(config.name, status)

    def _note(self, name: str, status: dict[str, Any]) -> None:
        status["conditions"][0]["lastTransitionTime"] = self._now()
        self._runs[name] = {**self._runs[name], "status": status}
        write_private(self._folder / f"{name}.json", json.dumps(self._runs[name]))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _now(self) -> str:
        return rfc3339(self._clock.now())


def rfc3339(time: datetime) -> str:
    """As Kubernetes writes times: UTC, whole seconds."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _status(phase: str, succeeded: str, reason: str, message: str, **more: str | None) -> dict[str, Any]:
    condition = {"type": "Succeeded", "status": succeeded, "reason": reason, "message": message[:1024]}
    return {"phase": phase, "conditions": [condition], **{k: v for k, v in more.items() if v}}
