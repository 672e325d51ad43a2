"""`covey run`: a Flow, from start to result."""

import json
import time
from pathlib import Path
from typing import Any

import typer

from agent_runtime.api.base import seconds
from agent_runtime.cli.client import Client, Json
from agent_runtime.cli.payload import parameters
from agent_runtime.local.failure import Failure

_STEP = 20
"""Seconds that one request waits for news of the run."""


def run(flow: str, params: list[str], timeout: str, state: Path | None) -> None:
    """Start it, say which nodes it visits, print its result on standard output."""
    given = parameters(params)
    try:
        patience = seconds(timeout)
    except ValueError as error:
        raise Failure(f"--timeout: {error}", code=2) from error
    client = Client.connect(state)
    name = client.post(f"/v1/flows/{flow}/runs", {"params": given})["metadata"]["name"]
    typer.echo(f"flowrun/{name} started", err=True)
    status = _ended(client, name, time.monotonic() + patience, timeout)
    if status["phase"] != "Succeeded":
        succeeded: Json = next((c for c in status["conditions"] if c["type"] == "Succeeded"), {})
        raise Failure(f"flowrun/{name} {status['phase'].lower()}: {succeeded.get('message', '')}")
    _print(status.get("result"))


def _ended(client: Client, name: str, until: float, timeout: str) -> Json:
    """The status of the run when it has ended; tells each node on standard error meanwhile."""
    told: dict[str, str] = {}
    while True:
        status: Json = client.get(f"/v1/runs/{name}", wait=_STEP)["status"]
        for node in status.get("nodes") or []:
            now = f"{node['state']} {node.get('visits', 0)}"
            if told.get(node["name"]) != now:
                told[node["name"]] = now
                typer.echo(f"  {node['name']}: {node['state'].lower()}", err=True)
        if status["phase"] in ("Succeeded", "Failed", "Cancelled"):
            return status
        if time.monotonic() > until:
            raise Failure(
                f"flowrun/{name} has not ended after {timeout}; it goes on", f"See: covey get runs {name}"
            )


def _print(result: Any) -> None:
    typer.echo(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
