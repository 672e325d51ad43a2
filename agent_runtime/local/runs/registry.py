"""Runs of flows in this process. What a process leaves behind, the next one goes on with.

A run always leaves Running: by an outcome, by an interruption that is tried again (`_STORE_PATIENCE`), or,
for an error that nobody foresaw, as Failed with that error. Its slot is free in each case. A status that the
disk does not take counts in this process, and is written again until it is taken: the checkpoints are ahead
of it. What a person asks for (`add`, `change`) is refused when it cannot be written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_runtime.api.flowrun import Answer
from agent_runtime.config.models import RunConfig
from agent_runtime.core.background import describe, report, spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.local.errors import UserError
from agent_runtime.local.runs import status as run_status
from agent_runtime.local.runs.files import KeptRun, RunFiles
from agent_runtime.local.runs.status import ENDED, Status
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.outcome import Outcome, RunError, rfc3339
from agent_runtime.telemetry.events import Event

Execute = Callable[[RunConfig, Sequence[Answer]], Awaitable[Outcome]]
"""One leg of a run: up to its end, or to something that it has to wait for."""
_STORE_PATIENCE = 10.0
"""Seconds until a run that was interrupted, as by a full disk, is tried again, and a status written again."""


class Runs:
    """FlowRuns by name. Each is Queued, Running in a task, Waiting, or has ended."""

    def __init__(self, folder: Path, execute: Execute, clock: Clock = SYSTEM_CLOCK) -> None:
        self._files = RunFiles(folder)
        self._execute = execute
        self._clock = clock
        self._legs: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._alarms: dict[str, asyncio.Task[None]] = {}
        self._draining = False
        self._unwritten: set[str] = set()
        """Runs whose status is newer than their file."""
        self._rewriting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._runs = dict(self._files.read())

    @property
    def all(self) -> Mapping[str, KeptRun]:
        """Every run that is known, in the order in which they were made."""
        return self._runs

    def add(self, manifest: dict[str, Any], config: RunConfig) -> None:
        """Take a new run in; it begins at once, or when one of its flow's slots is free.

        Raises UserError when it cannot be written: then there is no such run.
        """
        name = config.name
        paused = bool(manifest["spec"].get("suspend"))
        status = run_status.suspended({}) if paused else run_status.queued("Starting", "", {})
        self._keep(name, KeptRun({**manifest, "status": self._dated(status)}, config))
        self._fill_slots()

    def refuse(self, manifest: dict[str, Any], reason: str, message: str) -> None:
        """Keep a run that cannot be started, with the reason."""
        name = manifest["metadata"]["name"]
        status = run_status.refused(reason, message, self._now())
        self._keep(name, KeptRun({**manifest, "status": self._dated(status)}, None))

    def resume(self) -> None:
        """Go on with what an earlier process left."""
        for name, run in self._runs.items():
            phase = run.status.get("phase")
            if phase == "Waiting":
                self._set_alarm(name)
            elif phase not in ENDED:
                self._queue(name)

    def change(self, name: str, spec: Mapping[str, Any]) -> None:
        """The run's spec is another now: it may be cancelled, suspended, resumed or answered.

        Raises UserError when it cannot be written: then nothing has changed.
        """
        run = self._runs[name]
        before = run.spec
        self._keep(name, KeptRun({**run.manifest, "spec": dict(spec)}, run.config))
        if run.status.get("phase") in ENDED:
            return
        if spec.get("cancel"):
            self._stop(name)
            self._note(name, run_status.cancelled(run.status, self._now()))
            self._fill_slots()
        elif spec.get("suspend"):
            self._stop(name)
            self._note(name, run_status.suspended(run.status))
            self._fill_slots()
        elif before.get("suspend") or self._is_answered(name):
            self._queue(name)

    def retry(self, name: str) -> bool:
        """Try a run that was interrupted again at once; False when it does not wait for that."""
        if self._runs[name].status.get("phase") != "Queued" or name not in self._alarms:
            return False
        self._queue(name)
        return True

    async def delete(self, name: str) -> None:
        """Stop a run, wait for its end and forget it. Raises KeyError."""
        del self._runs[name]
        self._unwritten.discard(name)
        self._files.delete(name)
        self._stop(name)
        self._fill_slots()
        self._wake()
        if (ending := self._ending.pop(name, None)) is not None:
            await asyncio.wait([ending])

    async def drain(self, grace: float) -> None:
        """Give the legs under way `grace` seconds; those that are left go on at the next start."""
        self._draining = True
        for alarm in self._alarms.values():
            alarm.cancel()
        if self._rewriting is not None:
            self._rewriting.cancel()
        legs = [leg for leg in self._legs.values() if not leg.done()]
        if legs:
            _, late = await asyncio.wait(legs, timeout=grace)
            for leg in late:
                leg.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def changed(self, name: str, wait: float) -> KeptRun:
        """The run, when it has ended or changed, or after `wait` seconds. Raises KeyError."""
        if wait and self._runs[name].status["phase"] not in ENDED:
            try:
                async with asyncio.timeout(wait):
                    before = self._runs[name].status
                    while self._runs[name].status is before:
                        await self._changed.wait()
            except TimeoutError:
                pass
        return self._runs[name]

    def observe(self, event: Event) -> None:
        """Follow the nodes of the runs."""
        run = self._runs.get(event.subject)
        if event.kind != "run.node" or run is None or "node" not in event.data:
            return
        if run.status.get("phase") in ENDED:
            return  # a node that is stopped with its run says last that it was under way
        node = {
            "name": event.data["node"],
            "state": event.data["state"],
            "visits": event.data["visit"],
            **({"action": event.data["action"]} if event.data.get("action") else {}),
        }
        nodes = [each for each in run.status.get("nodes", []) if each["name"] != node["name"]]
        run.manifest["status"] = {**run.status, "nodes": [*nodes, node]}
        self._wake()

    def _queue(self, name: str) -> None:
        """It has something to do: run it as soon as its flow has a slot."""
        self._stop(name)
        run = self._runs[name]
        self._note(name, run_status.queued("Starting", "", run.status))
        self._fill_slots()

    def _fill_slots(self) -> None:
        if self._draining:
            return
        for name, run in list(self._runs.items()):
            if run.status.get("phase") != "Queued" or run.config is None or name in self._alarms:
                continue
            limit = run.config.flow.run.max_concurrent
            under_way = sum(self._runs[other].flow == run.flow for other in self._legs if other in self._runs)
            if limit is None or under_way < limit:
                self._note(name, run_status.running(run.flow, run.status, self._now()))
                self._legs[name] = spawn(self._leg(name, run.config), name=f"run {name}")
            elif run.status["conditions"][0]["reason"] != "AtCapacity":
                message = f"{under_way} runs of flow {run.flow} are under way, its run.maxConcurrent"
                self._note(name, run_status.queued("AtCapacity", message, run.status))

    async def _leg(self, name: str, config: RunConfig) -> None:
        if (before := self._ending.pop(name, None)) is not None:
            await asyncio.wait([before])  # one writer at a time
        outcome, interruption = await self._outcome(name, config)
        if self._legs.get(name) is not asyncio.current_task():
            return  # it was cancelled, paused or deleted while it came to its end
        del self._legs[name]
        status = self._runs[name].status
        if outcome is None:
            self._note(name, run_status.queued("Starting", interruption, status))
            self._alarm(name, _STORE_PATIENCE)
        elif outcome.waiting is None:
            self._note(name, run_status.ended(outcome, status, self._now()))
        else:
            self._note(name, run_status.waiting(outcome, name, status))
            self._set_alarm(name)
            if self._is_answered(name):
                self._queue(name)
        self._fill_slots()

    async def _outcome(self, name: str, config: RunConfig) -> tuple[Outcome | None, str]:
        """What came of a leg; None and why, when it is to be tried again."""
        try:
            return await self._execute(config, answers_of(self._runs[name])), ""
        except Interrupted as error:
            return None, str(error)
        except asyncio.CancelledError:
            if self._draining or self._legs.get(name) is not asyncio.current_task():
                raise
            # Nobody cancelled it: something in the flow raised the error by itself.
            return Outcome(error=RunError("", "the run was cancelled from within, by one of its nodes")), ""
        except Exception as error:
            report(f"run {name}", error)
            message = f"an unforeseen error ended the run: {describe(error)}: see the log for its traceback"
            return Outcome(error=RunError("", message)), ""

    def _is_answered(self, name: str) -> bool:
        """Whether one of its answers is what it waits for; one that is refused is noted."""
        run = self._runs[name]
        waiting = run.status.get("waiting") or {}
        if (
            run.status.get("phase") != "Waiting"
            or waiting.get("for") != "Approval"
            or run.spec.get("suspend")
        ):
            return False
        for answer in answers_of(run):
            if (answer.node, answer.visit) == (waiting["node"], waiting["visit"]):
                if answer.action in waiting["actions"]:
                    return True
                offered = ", ".join(waiting["actions"])
                message = f"{answer.node} cannot be answered with {answer.action!r}: it offers {offered}"
                self._note(name, run_status.refused_answer(message, run.status))
                return False
        if message := run_status.stray_answer(answers_of(run), run.status):
            self._note(name, run_status.refused_answer(message, run.status))
        return False

    def _set_alarm(self, name: str) -> None:
        """Wake it when what it waits for is due, if that has a time."""
        until = (self._runs[name].status.get("waiting") or {}).get("until")
        if until and not self._runs[name].spec.get("suspend"):
            self._alarm(name, (datetime.fromisoformat(until) - self._clock.now()).total_seconds())

    def _alarm(self, name: str, delay: float) -> None:
        async def ring() -> None:
            await self._clock.sleep(max(0.0, delay))
            del self._alarms[name]  # it must not be stopped by what it sets off
            self._queue(name)

        self._alarms[name] = spawn(ring(), name=f"alarm {name}")

    def _stop(self, name: str) -> None:
        if alarm := self._alarms.pop(name, None):
            alarm.cancel()
        if leg := self._legs.pop(name, None):
            leg.cancel()
            self._ending[name] = leg

    def _note(self, name: str, status: Status) -> None:
        run = self._runs.get(name)
        if run is None:  # it was deleted meanwhile
            return
        run.manifest = {**run.manifest, "status": self._dated(status)}
        self._write(name)
        self._wake()

    def _dated(self, status: Status) -> Status:
        status["conditions"][0]["lastTransitionTime"] = self._now()
        return status

    def _keep(self, name: str, run: KeptRun) -> None:
        """The run is this one from now on, once that is written. Raises UserError."""
        self._files.write(name, run)
        self._runs[name] = run
        self._unwritten.discard(name)
        self._wake()

    def _write(self, name: str) -> None:
        """Write it, or have it written again later: what the disk refuses must not stop a run."""
        try:
            self._files.write(name, self._runs[name])
            self._unwritten.discard(name)
        except (UserError, ValueError, TypeError, RecursionError) as error:
            if name not in self._unwritten:
                report(f"status of run {name}", error)
            self._unwritten.add(name)
            if self._rewriting is None or self._rewriting.done():
                self._rewriting = spawn(self._rewrite(), name="statuses of runs")

    async def _rewrite(self) -> None:
        while self._unwritten:
            await self._clock.sleep(_STORE_PATIENCE)
            for name in list(self._unwritten):
                self._write(name)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _now(self) -> str:
        return rfc3339(self._clock.now())


def answers_of(run: KeptRun) -> list[Answer]:
    """What people have answered so far."""
    return [Answer.model_validate(answer) for answer in run.spec.get("answers") or ()]
