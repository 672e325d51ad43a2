"""`covey get`: resources with the columns that kubectl shows, or a blackboard's artifacts."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent_runtime.api import KINDS
from agent_runtime.cli.board.choose import board_named
from agent_runtime.cli.client import Client, path
from agent_runtime.cli.output.jsonpath import at
from agent_runtime.cli.output.printing import line, say, say_data, say_json, tell
from agent_runtime.cli.output.summary import summary
from agent_runtime.cli.output.table import age, table
from agent_runtime.cli.resources.kinds import kind_named
from agent_runtime.cli.resources.prefixes import completed
from agent_runtime.local.errors import UserError

FORMATS = ("table", "wide", "name", "yaml", "json")
Item = Mapping[str, Any]
_STEP = 0.5
"""Seconds between two looks of a watch."""


def run(kind: str, name: str, output: str, blackboard: str, state: Path | None, *, watch: bool) -> None:
    """Print what was asked for; with `watch` also what becomes of it, until Ctrl-C."""
    if output not in FORMATS:
        raise UserError(f"-o {output} is no format", f"There are {', '.join(FORMATS)}.", code=2)
    artifacts = kind.lower() in ("artifact", "artifacts")
    if artifacts and watch:
        raise UserError("get --watch is for resources", "Artifacts: covey board watch", code=2)
    if artifacts:
        _artifacts(Client.connect(state), name, output, blackboard)
        return
    wanted = "" if kind == "all" else kind_named(kind)
    if name and not wanted:
        raise UserError("a name needs its kind", f"Write: covey get KIND {name}", code=2)
    client = Client.connect(state)
    items = _items(client, wanted, name)
    if items or not watch:
        _show(items, wanted, name, output)
    if watch:
        try:
            _watch(client, items, wanted, name, output)
        except KeyboardInterrupt:
            return


def _items(client: Client, wanted: str, name: str) -> list[Item]:
    if not name:
        return list(client.get("/v1/resources", kind=wanted)["items"])
    if wanted == "FlowRun":
        runs = client.get("/v1/resources", kind=wanted)["items"]
        name = completed(name, (str(each["metadata"]["name"]) for each in runs), "runs")
    return [client.get(path("resources", wanted, name))]


def _show(items: Sequence[Item], wanted: str, name: str, output: str) -> None:
    if output in ("yaml", "json"):
        say_data(items[0] if name else {"items": items}, output)
    elif output == "name":
        _echo(f"{item['kind'].lower()}/{item['metadata']['name']}" for item in items)
    elif items:
        _echo(_tables(items, wide=output == "wide", prefix=not wanted))
        _echo(_troubles(items))
    else:
        tell(f"There are no {KINDS[wanted].plural if wanted else 'resources'}.")


def _watch(client: Client, items: Sequence[Item], wanted: str, name: str, output: str) -> None:
    """Print each resource again when what is shown of it has changed, and say which are gone."""
    before = {_key(item): _seen(item, output) for item in items}
    while True:
        time.sleep(_STEP)
        try:
            items = _items(client, wanted, name)
        except UserError as failure:
            if name and failure.code == 1:  # it was deleted
                items = []
            else:
                raise
        now = {_key(item): _seen(item, output) for item in items}
        for item in items:
            if before.get(_key(item)) != now[_key(item)]:
                _show_again(item, output, prefix=not wanted)
        for kind, gone in before.keys() - now.keys():
            tell(f"{kind.lower()}/{gone} is gone")
        if name and not items:
            return
        before = now


def _key(item: Item) -> tuple[str, str]:
    return str(item["kind"]), str(item["metadata"]["name"])


def _seen(item: Item, output: str) -> object:
    """What is printed of it, but for its age."""
    if output in ("yaml", "json"):
        return item
    return _row(item, wide=output == "wide", prefix=True)[:-1]


def _show_again(item: Item, output: str, *, prefix: bool) -> None:
    if output == "json":
        say_json(item, indent=None)
    elif output == "yaml":
        say("---")
        say_data(item, "yaml")
    elif output == "name":
        _show([item], str(item["kind"]), "", "name")
    else:
        say("   ".join(line(cell) for cell in _row(item, wide=output == "wide", prefix=prefix)).rstrip())


def _row(item: Item, *, wide: bool, prefix: bool) -> list[str]:
    definition = KINDS[str(item["kind"])]
    name = item["metadata"]["name"]
    return [
        f"{item['kind'].lower()}/{name}" if prefix else name,
        *(
            _cell(at(item, column.json_path), column.type)
            for column in definition.columns
            if wide or not column.wide
        ),
        _since(item["metadata"].get("creationTimestamp")),
    ]


def _tables(items: Sequence[Item], *, wide: bool, prefix: bool) -> list[str]:
    blocks = []
    for kind, definition in KINDS.items():
        mine = [item for item in items if item["kind"] == kind]
        if not mine:
            continue
        columns = [column for column in definition.columns if wide or not column.wide]
        header = ["NAME", *(column.name.upper() for column in columns), "AGE"]
        rows = [_row(item, wide=wide, prefix=prefix) for item in mine]
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
    items: list[Item] = []
    cursor = ""
    exact = _exact(client, path(*root, artifact)) if artifact else None
    while exact is None:
        page = client.get(path(*root), limit=500, cursor=cursor)
        items += page["artifacts"]
        cursor = page.get("cursor") or ""
        if not cursor:
            break
    if artifact:
        whole = completed(artifact, (str(item["id"]) for item in items), "artifacts")
        found = exact or client.get(path(*root, whole))
        say_data(found, "json" if output == "json" else "yaml")
        return
    if output in ("yaml", "json"):
        say_data({"items": items}, output)
    elif output == "name":
        _echo(item["id"] for item in items)
    elif items:
        wide = output == "wide"
        rows = [
            [
                *(str(i[key]) for key in ("id", "type", "producer", "correlation")),
                _since(i["createdAt"]),
                summary(i["payload"], wide=wide),
            ]
            for i in items
        ]
        say(table(["ID", "TYPE", "PRODUCER", "CORRELATION", "AGE", "CONTENT"], rows))
    else:
        tell(f"There are no artifacts on {board}.")


def _exact(client: Client, place: str) -> Item | None:
    try:
        return client.get(place)
    except UserError as failure:
        if failure.code != 1:
            raise
        return None


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
