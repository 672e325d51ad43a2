"""`covey run FLOW`: a Flow, from start to result."""

import json
import time
from pathlib import Path
from typing import Any

import typer

from agent_runtime.api.base import seconds
from agent_runtime.cli.client import Client, Json
from agent_runtime.cli.command import spelled
from agent_runtime.cli.payload import parameters
from agent_runtime.local.failure import Failure
from agent_runtime.local.run_status import ENDED

_STEP = 20
"""Seconds that one request waits for news of the run."""


def start(flow: str, params: list[str], timeout: str, state: Path | None) -> None:
    """Start it, say which nodes it visits, print its result on standard output."""
    given = parameters(params)
    client = Client.connect(state)
    name = client.post(f"/v1/flows/{flow}/runs", {"params": given})["metadata"]["name"]
    typer.echo(f"flowrun/{name} started", err=True)
    follow(client, name, timeout)


def follow(client: Client, name: str, timeout: str) -> None:
    """Say what the run does until it has ended, then print its result."""
    try:
        until = time.monotonic() + seconds(timeout)
    except ValueError as error:
        raise Failure(f"--timeout: {error}", code=2) from error
    status = _ended(client, name, until, timeout)
    if status["phase"] != "Succeeded":
        trace = (status.get("error") or {}).get("traceback")
        raise Failure(
            f"flowrun/{name} {status['phase'].lower()}: {_condition(status).get('message', '')}", trace or ""
        )
    _print(status.get("result"))


def _ended(client: Client, name: str, until: float, timeout: str) -> Json:
    """The status of the run when it has ended; tells nodes and waits on standard error meanwhile."""
    told: dict[str, str] = {}
    asked = ""
    while True:
        status: Json = client.get(f"/v1/runs/{name}", wait=_STEP)["status"]
        for node in status.get("nodes") or []:
            now = f"{node['state']} {node.get('visits', 0)}"
            if told.get(node["name"]) != now:
                told[node["name"]] = now
                typer.echo(f"  {node['name']}: {node['state'].lower()}", err=True)
        if status["phase"] in ENDED:
            return status
        asked = _tell_wait(name, status, asked)
        if time.monotonic() > until:
            raise Failure(
                f"flowrun/{name} has not ended after {timeout}; it goes on", f"See: covey run show {name}"
            )


def _tell_wait(name: str, status: Json, asked: str) -> str:
    """Say once what it waits for, and what to do; returns what was said."""
    waiting = status.get("waiting") if status["phase"] == "Waiting" else None
    now = json.dumps(waiting, sort_keys=True) if waiting else ""
    if waiting and now != asked:
        if waiting["for"] == "Approval":
            typer.echo(f"  {waiting['node']} asks: {waiting.get('prompt', '')}", err=True)
            for action in waiting["actions"]:
                typer.echo(f"    {spelled()} run answer {name} {action}", err=True)
        else:
            typer.echo(f"  {_condition(status).get('message', '')}", err=True)
    return now


def _condition(status: Json) -> Json:
    return next((c for c in status["conditions"] if c["type"] == "Succeeded"), {})


def _print(result: Any) -> None:
    typer.echo(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
