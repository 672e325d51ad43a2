"""`covey get`: resources with the columns that kubectl shows, or a blackboard's artifacts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent_runtime.api import KINDS
from agent_runtime.cli.boards import board_named
from agent_runtime.cli.client import Client, path
from agent_runtime.cli.jsonpath import at
from agent_runtime.cli.kinds import kind_named
from agent_runtime.cli.output import line, say, say_data, tell
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
        items = [client.get(path("resources", wanted, name))]
    else:
        items = client.get("/v1/resources", kind=wanted)["items"]
    if output in ("yaml", "json"):
        say_data(items[0] if name else {"items": items}, output)
    elif output == "name":
        _echo(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in items)
    elif items:
        _echo(_tables(items, wide=output == "wide", prefix=not wanted))
        _echo(_troubles(items))
    else:
        tell(f"There are no {KINDS[wanted].plural if wanted else 'resources'}.")


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
                lines.append(line(f"{subject}: {condition['reason']}: {condition['message']}"))
    return ["", *lines] if lines else []


def _artifacts(client: Client, artifact: str, output: str, blackboard: str) -> None:
    board = board_named(client, blackboard)
    root = ("blackboards", board, "artifacts")
    if artifact:
        say_data(client.get(path(*root, artifact)), "json" if output == "json" else "yaml")
        return
    items: list[Item] = []
    cursor = ""
    while True:
        page = client.get(path(*root), limit=500, cursor=cursor)
        items += page["artifacts"]
        cursor = page.get("cursor") or ""
        if not cursor:
            break
    if output in ("yaml", "json"):
        say_data({"items": items}, output)
    elif output == "name":
        _echo(item["id"] for item in items)
    elif items:
        rows = [[i["id"], i["type"], i["producer"], i["correlation"], _since(i["createdAt"])] for i in items]
        say(table(["ID", "TYPE", "PRODUCER", "CORRELATION", "AGE"], rows))
    else:
        tell(f"There are no artifacts on {board}.")


def _echo(lines: Iterable[str]) -> None:
    for each in lines:
        say(each)


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
