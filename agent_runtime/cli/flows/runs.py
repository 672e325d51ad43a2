"""`covey run show|answer|suspend|resume|cancel|fork`: runs that are there."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from agent_runtime.cli.client import Client, Json, path
from agent_runtime.cli.output.printing import block, json_text, line, say, say_json
from agent_runtime.cli.output.table import table
from agent_runtime.cli.resources.prefixes import completed
from agent_runtime.cli.target import announce, without_password
from agent_runtime.local.errors import UserError


def run_named(client: Client, name: str) -> str:
    """The run's name, of which `name` may be the beginning. Raises UserError when several begin so."""
    runs = client.get("/v1/resources", kind="FlowRun")["items"]
    return completed(name, (str(run["metadata"]["name"]) for run in runs), "runs")


def show(name: str, at: int | None, output: str, store: str, state: Path | None) -> None:
    """Print how the run stands, its history, and what it knew: at the boundary `at`, or at the latest."""
    if output not in ("text", "json"):
        raise UserError(f"-o {output} is no format", "There are text, json.", code=2)
    if store:
        found = _from_store(name, at, store)
    else:
        client = Client.connect(state)
        name = run_named(client, name)
        found = _from_server(name, at, client)
    if output == "json":
        say_json(found)
        return
    blocks = (
        _headline(name, found),
        _traceback(found),
        _nodes(found),
        _history(found["history"]),
        _known(found["state"]),
    )
    say("\n\n".join(block for block in blocks if block))


def answer(name: str, action: str, node: str, visit: int | None, comment: str, state: Path | None) -> None:
    """Answer what the run asks."""
    body: Json = {"action": action, "comment": comment, "visit": visit, "node": node or None}
    client = Client.connect(state)
    name = run_named(client, name)
    client.post(path("runs", name, "answers"), body)
    say(f"flowrun/{name} answered: {action}")


def change(name: str, verb: str, done: str, state: Path | None) -> None:
    """Suspend or cancel it."""
    client = Client.connect(state)
    name = run_named(client, name)
    client.post(path("runs", name, verb), {})
    say(f"flowrun/{name} {done}")


def resume(name: str, state: Path | None) -> None:
    """Take a pause back; a run that failed goes on as a new one."""
    client = Client.connect(state)
    name = run_named(client, name)
    run = client.post(path("runs", name, "resume"), {})
    _tell_new(name, run, "resumed")


def fork(name: str, at: int | None, state: Path | None) -> None:
    """A new run from a boundary of this one."""
    client = Client.connect(state)
    name = run_named(client, name)
    run = client.post(path("runs", name, "fork"), {} if at is None else {"at": at})
    _tell_new(name, run, "forked")


def _tell_new(name: str, run: Json, done: str) -> None:
    new = run["metadata"]["name"]
    say(f"flowrun/{name} {done}" if new == name else f"flowrun/{new} goes on where {name} stood")


def _from_server(name: str, at: int | None, client: Client) -> Json:
    query = {} if at is None else {"at": at}
    return {
        "run": client.get(path("runs", name)),
        "history": client.get(path("runs", name, "history"))["items"],
        "state": client.get(path("runs", name, "state"), **query),
    }


def _from_store(name: str, at: int | None, url: str) -> Json:
    """Read the store itself. `name` is NAMESPACE/NAME, or the whole id of the run."""
    from agent_runtime.durable import open_store
    from agent_runtime.durable.checkpoint import CheckpointError
    from agent_runtime.durable.port import StoreError
    from agent_runtime.local.runs.history import history_of, state_at

    announce(f"the run store at {without_password(url)}")

    async def read() -> Json:
        store = open_store(url, environ=os.environ)
        await store.open()
        try:
            runs = [found.run for found in await store.runs(name)]
            ids = [run for run in runs if run == name or run.startswith(f"{name}/")]
            if not ids:
                raise UserError(f"the store has no run {name}", "Name it NAMESPACE/NAME.", code=1)
            return {
                "run": None,
                "history": await history_of(store, ids[0]),
                "state": await state_at(store, ids[0], at),
            }
        finally:
            await store.close()

    try:
        return asyncio.run(read())
    except (StoreError, CheckpointError, ValueError) as error:
        raise UserError(str(error), code=1) from error


def _headline(name: str, found: Json) -> str:
    if found["run"] is None:
        return name
    status = found["run"]["status"]
    condition = status["conditions"][0]
    lines = [f"flowrun/{name} is {status['phase']} ({condition['reason']})"]
    lines += [line(condition["message"])] if condition.get("message") else []
    waiting = status.get("waiting") or {}
    lines += [f"{waiting['node']} asks:", block(waiting["prompt"], "| ")] if "prompt" in waiting else []
    return "\n".join(lines)


def _traceback(found: Json) -> str:
    """Of the exception that a Python function raised, when the run failed by one."""
    status = (found["run"] or {}).get("status") or {}
    return str((status.get("error") or {}).get("traceback") or "")


def _nodes(found: Json) -> str:
    nodes = ((found["run"] or {}).get("status") or {}).get("nodes") or []
    rows = [
        [n["name"], n["state"], n.get("action") or "", str(n.get("visits", "")), str(n.get("attempts") or "")]
        for n in nodes
    ]
    heads = ["NODE", "STATE", "ACTION", "VISITS", "ATTEMPTS"]
    if any(n.get("answeredBy") for n in nodes):
        heads.append("ANSWERED BY")
        rows = [[*row, n.get("answeredBy") or ""] for row, n in zip(rows, nodes, strict=True)]
    return table(heads, rows) if rows else ""


def _history(boundaries: Sequence[Json]) -> str:
    rows = [[str(each["number"]), _place(each), str(each["action"] or ""), each["at"]] for each in boundaries]
    return table(["BOUNDARY", "AFTER", "ACTION", "AT"], rows) if rows else ""


def _place(boundary: Json) -> str:
    if not boundary["node"]:
        return "the end" if boundary["visit"] else "the start"
    return f"{boundary['node']} ({boundary['visit']})"


def _known(state: Json) -> str:
    following = ", ".join(state["next"]) or "nothing"
    outputs = {key: value for key, value in state["shared"].items() if not key.startswith("$")}
    shown = json_text(outputs)
    return f"At boundary {state['boundary']['number']}, next comes {following}. It knows:\n{shown}"
