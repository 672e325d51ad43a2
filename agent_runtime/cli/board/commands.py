"""`covey board ...`: look at a blackboard, publish on it, and deal with what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.matching.matcher import Verdict
from agent_runtime.blackboard.stores.records import DeadLetter
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.cli.board.connect import ConnectionOptions, OpenBoard, run_on
from agent_runtime.cli.output.printing import line, say, say_json
from agent_runtime.cli.output.summary import cut, summary
from agent_runtime.cli.output.table import age, table
from agent_runtime.cli.resources.prefixes import SHORTEST, completed
from agent_runtime.local.errors import UserError

_PAGE = 1000


def publish(
    where: ConnectionOptions,
    artifact: tuple[str, Mapping[str, Any]],
    tags: Sequence[str],
    correlation: str,
    partition: str,
    version: int | None,
) -> None:
    """Publish a payload of a type, and print the artifact's id."""
    type_, payload = artifact
    draft = Draft(
        type=type_,
        payload=payload,
        tags=tuple(tags),
        correlation=correlation or None,
        partition=partition or None,
        version=version,
    )

    async def work(opened: OpenBoard) -> None:
        [published] = await opened.board.publish([draft])
        say(f"{published.type} {published.id} published{f' on {opened.name}' if opened.name else ''}")

    run_on(where, work)


def query(where: ConnectionOptions, wanted: Query, output: str) -> None:
    """Print up to `wanted.limit` artifacts, oldest first."""
    _check_format(output, "table", "wide", "json")

    async def work(opened: OpenBoard) -> None:
        found: list[Artifact] = []
        cursor, more = None, True
        while more and len(found) < wanted.limit:
            limit = min(_PAGE, wanted.limit - len(found))
            page = await opened.board.query(replace(wanted, limit=limit, cursor=cursor))
            found += page.artifacts
            cursor, more = page.cursor, page.cursor is not None
        if output == "json":
            say_json({"items": [_as_json(artifact) for artifact in found]})
        else:
            say(_artifacts(found, wide=output == "wide"))

    run_on(where, work)


def show(where: ConnectionOptions, artifact_id: str) -> None:
    """Print one artifact."""

    async def work(opened: OpenBoard) -> None:
        say_json(_as_json(await _artifact_named(opened, artifact_id)))

    run_on(where, work)


def explain(where: ConnectionOptions, artifact_id: str, agent: str) -> None:
    """Print what each entry of the agent's `consumes` says to the artifact; "": of every subscriber."""

    async def work(opened: OpenBoard) -> None:
        artifact = await _artifact_named(opened, artifact_id)
        if not agent:
            await _explain_all(opened, artifact.id)
            return
        said = await opened.admin.explain(artifact.id, agent)
        if not said.subscribed:
            say(f"{agent} is not subscribed")
            return
        rows = [_said(verdict) for verdict in said.verdicts]
        say(table(["ENTRY", "MATCHES", "CHECK", "WHY"], rows))

    run_on(where, work)


def _said(verdict: Verdict) -> list[str]:
    matches = "yes" if verdict.refused_by is None else "no"
    return [str(verdict.entry), matches, verdict.refused_by or "", verdict.message]


async def _explain_all(opened: OpenBoard, artifact_id: str) -> None:
    found = await opened.admin.explain_all(artifact_id)
    rows = [[name, *_said(verdict)] for name, verdicts in found.items() for verdict in verdicts]
    if not rows:
        say("nobody is subscribed")
        return
    say(table(["AGENT", "ENTRY", "MATCHES", "CHECK", "WHY"], rows))
    if all(row[2] == "no" for row in rows):
        say("\nnobody consumes it")


def dead_letters(where: ConnectionOptions, limit: int, agent: str, output: str) -> None:
    """Print the newest, newest first."""
    _check_format(output, "table", "wide", "json")

    async def work(opened: OpenBoard) -> None:
        letters = await opened.admin.dead_letters(limit, agent or None)
        if output == "json":
            say_json({"items": [_letter(letter) for letter in letters]})
            return
        now = datetime.now(UTC)
        rows = [
            [
                letter.delivery,
                letter.agent,
                str(letter.attempts),
                age((now - letter.at).total_seconds()),
                cut(letter.error, wide=output == "wide"),
            ]
            for letter in letters
        ]
        say(table(["DELIVERY", "AGENT", "ATTEMPTS", "AGE", "ERROR"], rows))

    run_on(where, work)


def open_letter(where: ConnectionOptions, delivery: str) -> None:
    """Print a dead letter with its artifacts."""

    async def work(opened: OpenBoard) -> None:
        letter, artifacts = await opened.admin.dead_letter((await _letters_named(opened, [delivery]))[0])
        say_json({"deadLetter": _letter(letter), "artifacts": [_as_json(one) for one in artifacts]})

    run_on(where, work)


def replay(where: ConnectionOptions, deliveries: Sequence[str]) -> None:
    """Offer dead letters again."""

    async def work(opened: OpenBoard) -> None:
        for letter in await opened.admin.replay(await _letters_named(opened, deliveries)):
            say(f"{letter.delivery} is offered again")

    run_on(where, work)


def drop(where: ConnectionOptions, deliveries: Sequence[str]) -> None:
    """Delete dead letters for good."""

    async def work(opened: OpenBoard) -> None:
        dropped = await opened.admin.drop(await _letters_named(opened, deliveries))
        say(f"{dropped} of {len(deliveries)} dropped")

    run_on(where, work)


def stats(where: ConnectionOptions) -> None:
    """Print how full the board is."""

    async def work(opened: OpenBoard) -> None:
        now = await opened.admin.stats()
        rows = [[agent, str(pending)] for agent, pending in sorted(now.pending.items())]
        say(f"{now.artifacts} artifacts, {now.dead_letters} dead letters, {now.subscribers} subscribers")
        if rows:
            say("\n" + table(["AGENT", "PENDING"], rows))
        if now.unconsumed:
            unconsumed = [[type_, str(count)] for type_, count in sorted(now.unconsumed.items())]
            say("\n" + table(["TYPE", "CONSUMED BY NOBODY"], unconsumed))

    run_on(where, work)


def watch(where: ConnectionOptions, wanted: Query, count: int | None, output: str) -> None:
    """Print artifacts as they are published, until Ctrl-C or until there were `count` of them."""
    _check_format(output, "text", "wide", "json")

    async def work(opened: OpenBoard) -> None:
        seen = 0
        async for _, artifact in opened.board.follow(wanted):
            say_json(_as_json(artifact), indent=None) if output == "json" else say(
                _line(artifact, wide=output == "wide")
            )
            seen += 1
            if seen == count:
                return

    run_on(where, work)


def moment(text: str, option: str) -> datetime | None:
    """A time with its zone; None for an empty text. Raises UserError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UserError(
            f"{option} {text!r} is no time", "Write it with its zone, such as 2026-11-01T12:00:00Z.", code=2
        )
    return at


def _check_format(output: str, *formats: str) -> None:
    if output not in formats:
        raise UserError(f"-o {output} is no format", f"There are {' and '.join(formats)}.", code=2)


def _artifacts(artifacts: Sequence[Artifact], *, wide: bool) -> str:
    now = datetime.now(UTC)
    rows = [
        [
            one.id,
            one.type,
            one.producer,
            one.correlation,
            age((now - one.created_at).total_seconds()),
            summary(one.payload, wide=wide),
        ]
        for one in artifacts
    ]
    return table(["ID", "TYPE", "PRODUCER", "CORRELATION", "AGE", "CONTENT"], rows)


def _line(artifact: Artifact, *, wide: bool) -> str:
    at = artifact.created_at.astimezone()
    content = summary(artifact.payload, wide=wide)
    return line(f"{at:%H:%M:%S}  {artifact.producer:<13}  {artifact.type} {artifact.id}  {content}")


async def _artifact_named(opened: OpenBoard, name: str) -> Artifact:
    """The artifact, of whose id `name` may be the beginning. Raises UserError."""
    if (artifact := await opened.board.get(name)) is not None:
        return artifact
    found: list[Artifact] = []
    cursor, more = None, len(name) >= SHORTEST
    while more:
        page = await opened.board.query(Query(limit=_PAGE, cursor=cursor))
        found += [one for one in page.artifacts if one.id.startswith(name)]
        cursor, more = page.cursor, page.cursor is not None
    whole = completed(name, (one.id for one in found), "artifacts")
    for one in found:
        if one.id == whole:
            return one
    raise UserError(f"there is no artifact {name!r} that you may see", "See: covey board query")


async def _letters_named(opened: OpenBoard, names: Sequence[str]) -> list[str]:
    """Their whole names. Raises UserError when several begin with one of these."""
    known = [letter.delivery for letter in await opened.admin.dead_letters(_PAGE, None)]
    return [completed(name, known, "dead letters") for name in names]


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "delivery": letter.delivery,
        "agent": letter.agent,
        "artifacts": list(letter.artifact_ids),
        "attempts": letter.attempts,
        "error": letter.error,
        "at": letter.at.isoformat(),
    }


def _as_json(artifact: Artifact) -> dict[str, Any]:
    wire: dict[str, Any] = orjson.loads(encode(artifact))
    return wire
