"""`covey get`: resources with the columns that kubectl shows, or a blackboard's artifacts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
import yaml

from agent_runtime.api import KINDS
from agent_runtime.cli.boards import board_named
from agent_runtime.cli.client import Client
from agent_runtime.cli.jsonpath import at
from agent_runtime.cli.kinds import kind_named
from agent_runtime.cli.table import age, table
from agent_runtime.local.failure import Failure

FORMATS = ("table", "wide", "name", "yaml", "json")
Item = Mapping[str, Any]


def run(kind: str, name: str, output: str, blackboard: str, state: Path | None) -> None:
    """Print what was asked for."""
    if output not in FORMATS:
        raise Failure(f"-o {output} is no format", f"There are {', '.join(FORMATS)}.", code=2)
    if kind.lower() in ("artifact", "artifacts"):
        _artifacts(Client.connect(state), name, output, blackboard)
        return
    wanted = "" if kind == "all" else kind_named(kind)
    client = Client.connect(state)
    if name:
        if not wanted:
            raise Failure("a name needs its kind", f"Write: covey get KIND {name}", code=2)
        items = [client.get(f"/v1/resources/{wanted}/{name}")]
    else:
        items = client.get("/v1/resources", kind=wanted)["items"]
    if output in ("yaml", "json"):
        _dump(items[0] if name else {"items": items}, output)
    elif output == "name":
        _echo(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in items)
    elif items:
        _echo(_tables(items, wide=output == "wide", prefix=not wanted))
        _echo(_troubles(items))
    else:
        typer.echo(f"There are no {KINDS[wanted].plural if wanted else 'resources'}.", err=True)


def _tables(items: Sequence[Item], *, wide: bool, prefix: bool) -> list[str]:
    blocks = []
    for kind, definition in KINDS.items():
        mine = [item for item in items if item["kind"] == kind]
        if not mine:
            continue
        columns = [column for column in definition.columns if wide or not column.wide]
        header = ["NAME", *(column.name.upper() for column in columns), "AGE"]
        rows = [
            [
                f"{kind.lower()}/{item['metadata']['name']}" if prefix else item["metadata"]["name"],
                *(_cell(at(item, column.json_path), column.type) for column in columns),
                _since(item["metadata"].get("creationTimestamp")),
            ]
            for item in mine
        ]
        blocks.append(table(header, rows))
    return ["\n\n".join(blocks)]


def _troubles(items: Sequence[Item]) -> list[str]:
    """What is wrong with what is not ready, so that nobody has to ask for it."""
    lines = []
    for item in items:
        for condition in at(item, ".status.conditions") or []:  # type: ignore[attr-defined]
            if condition["type"] in ("Ready", "Succeeded") and condition["status"] == "False":
                subject = f"{item['kind'].lower()}/{item['metadata']['name']}"
                lines.append(f"{subject}: {condition['reason']}: {condition['message']}")
    return ["", *lines] if lines else []


def _artifacts(client: Client, artifact: str, output: str, blackboard: str) -> None:
    board = board_named(client, blackboard)
    path = f"/v1/blackboards/{board}/artifacts"
    if artifact:
        _dump(client.get(f"{path}/{artifact}"), "json" if output == "json" else "yaml")
        return
    items: list[Item] = []
    cursor = ""
    while True:
        page = client.get(path, limit=500, cursor=cursor)
        items += page["artifacts"]
        cursor = page.get("cursor") or ""
        if not cursor:
            break
    if output in ("yaml", "json"):
        _dump({"items": items}, output)
    elif output == "name":
        _echo(item["id"] for item in items)
    elif items:
        rows = [[i["id"], i["type"], i["producer"], i["correlation"], _since(i["createdAt"])] for i in items]
        typer.echo(table(["ID", "TYPE", "PRODUCER", "CORRELATION", "AGE"], rows))
    else:
        typer.echo(f"There are no artifacts on {board}.", err=True)


def _dump(value: object, output: str) -> None:
    if output == "json":
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _cell(value: object, kind: str) -> str:
    if value is None:
        return ""
    if kind == "date":
        return _since(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _since(timestamp: object) -> str:
    if not isinstance(timestamp, str):
        return ""
    return age((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds())
