"""`covey run FLOW`: a Flow, from start to result.

It ends with 0 when the run succeeded, 1 when it failed or was cancelled, 3 when the run asks for an approval
and nobody is there to be asked, 4 when it still goes on after the time that was given, 130 after Ctrl-C. The
run itself stays as it is in the last three.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.cli.client import Client, Json, path
from agent_runtime.cli.command import spelled
from agent_runtime.cli.errors import Left
from agent_runtime.cli.output.printing import block, line, say, say_json, tell
from agent_runtime.cli.payload import parameters
from agent_runtime.local.errors import UserError
from agent_runtime.local.runs.status import ENDED

ASKS, STILL_RUNNING, INTERRUPTED = 3, 4, 130
"""Exit statuses, see above."""
_EVENTS = 1000
"""So many of the last events of a run are told to who begins to follow it."""
_STEP = 20
"""Seconds that one request waits for news of the run."""


class WaitOptions:
    """How long a command waits for the end of a run."""

    def __init__(self, timeout: str, wait: str | None) -> None:
        """`wait`, a duration or empty for any time, goes past approvals; None: `timeout`, up to one.

        Raises UserError for what is no duration.
        """
        self.past_approvals = wait is not None
        self.words = timeout if wait is None else wait
        option = "--timeout" if wait is None else "--wait"
        try:
            self.seconds = seconds(self.words) if self.words else None
        except ValueError as error:
            raise UserError(f"{option}: {error}", f"Write it as {option}=90s, 10m or 2h.", code=2) from error


def start(flow: str, params: list[str], patience: WaitOptions, *, detach: bool, state: Path | None) -> None:
    """Start it, say which nodes it visits, print its result on standard output."""
    given = parameters(params)
    client = Client.connect(state)
    name = str(client.post(path("flows", flow, "runs"), {"params": given})["metadata"]["name"])
    if detach:
        say(f"flowrun/{name}")
        tell(_commands(name, "follow", "cancel"))
        return
    tell(f"flowrun/{name} started")
    follow(client, name, patience)


def follow(client: Client, name: str, patience: WaitOptions) -> None:
    """Say what the run does until it has ended, then print its result."""
    try:
        status = _Following(client, name, patience).until_it_ends()
    except KeyboardInterrupt:
        raise Left(f"\nflowrun/{name} goes on", _commands(name, "follow", "cancel"), INTERRUPTED) from None
    if status["phase"] != "Succeeded":
        trace = (status.get("error") or {}).get("traceback")
        raise UserError(
            f"flowrun/{name} {status['phase'].lower()}: {_condition(status).get('message', '')}",
            trace or f"See: {spelled()} run show {name}",
        )
    _print(status.get("result"))


class _Following:
    """One run, as it is told to the person who started it."""

    def __init__(self, client: Client, name: str, patience: WaitOptions) -> None:
        self._client = client
        self._name = name
        self._patience = patience
        until = patience.seconds
        self._until = None if until is None else time.monotonic() + until
        self._seen = 0
        self._asked = ""

    def until_it_ends(self) -> Json:
        """Its status then. Raises Left when it asks and nobody answers, or takes too long."""
        while True:
            status: Json = self._client.get(path("runs", self._name), wait=self._step())["status"]
            self._tell_nodes()
            if status["phase"] in ENDED:
                return status
            self._tell_wait(status)
            if self._until is not None and time.monotonic() > self._until:
                raise Left(
                    f"flowrun/{self._name} has not ended after {self._patience.words}; it goes on",
                    _commands(self._name, "follow", "cancel"),
                    code=STILL_RUNNING,
                )

    def _step(self) -> float:
        left = _STEP if self._until is None else self._until - time.monotonic()
        return round(min(_STEP, max(0.1, left)), 1)

    def _tell_nodes(self) -> None:
        """Each visit of a node in the order in which it happened, those of loops too."""
        with self._client.lines("/v1/logs", tail=_EVENTS, subject=self._name) as events:
            for event in events:
                if event["number"] <= self._seen:
                    continue
                self._seen = event["number"]
                data = event["data"]
                if event["kind"] == "run.node" and "node" in data:
                    visit = f" (visit {data['visit']})" if data.get("visit", 1) > 1 else ""
                    tell(line(f"  {data['node']}: {str(data['state']).lower()}{visit}"))

    def _tell_wait(self, status: Json) -> None:
        """Say once what it waits for; of an approval ask the person, or say how to answer."""
        waiting = status.get("waiting") if status["phase"] == "Waiting" else None
        now = json.dumps(waiting, sort_keys=True) if waiting else ""
        if not waiting or now == self._asked:
            return
        self._asked = now
        if waiting["for"] != "Approval":
            tell(line(f"  {_condition(status).get('message', '')}"))
            return
        tell(line(f"  {waiting['node']} asks:") + f"\n{block(str(waiting.get('prompt', '')), '  | ')}")
        if sys.stdin.isatty() and sys.stderr.isatty():
            self._ask(waiting)
            return
        answers = "\n".join(_answers(self._name, waiting["actions"]))
        if not self._patience.past_approvals:
            raise Left(f"flowrun/{self._name} waits for an answer", answers, code=ASKS)
        tell(answers)

    def _ask(self, waiting: Json) -> None:
        """Take the answer from the terminal. Raises Left when the person leaves the question open."""
        actions = waiting["actions"]
        while True:
            tell(f"  Answer {' or '.join(actions)}, with a comment behind it if you like: ", end="")
            words = sys.stdin.readline().strip().split(None, 1)
            if not words:
                answers = "\n".join(_answers(self._name, actions))
                raise Left(f"flowrun/{self._name} still waits for an answer", answers, code=ASKS)
            if words[0] in actions:
                break
            tell(f"  {line(words[0])} is none of them.")
        body = {
            "action": words[0],
            "comment": words[1] if len(words) > 1 else "",
            "node": waiting["node"],
            "visit": waiting["visit"],
        }
        try:
            self._client.post(path("runs", self._name, "answers"), body)
        except UserError as failure:  # somebody else was quicker, or its time is up
            tell(f"  {failure.what}")


def _commands(name: str, *verbs: str) -> str:
    return "\n".join(f"  {spelled()} run {verb} {name}" for verb in verbs)


def _answers(name: str, actions: list[str]) -> list[str]:
    return [f"  {spelled()} run answer {name} {action}" for action in actions]


def _condition(status: Json) -> Json:
    return next((c for c in status["conditions"] if c["type"] == "Succeeded"), {})


def _print(result: Any) -> None:
    if isinstance(result, str):
        say(result)
    else:
        say_json(result)
