"""The options of `covey board ...`."""

from pathlib import Path
from typing import Annotated

import typer

from agent_runtime.cli.errors import guarded
from agent_runtime.cli.groups import Commands

board_app = typer.Typer(
    cls=Commands,
    help="Look at a blackboard, publish on it, and deal with what went wrong.",
    no_args_is_help=True,
)
letters_app = typer.Typer(
    cls=Commands,
    help="Deliveries that were given up: list them, or deal with them.",
    invoke_without_command=True,
)
board_app.add_typer(letters_app, name="deadletters")

Url = Annotated[
    str,
    typer.Option(
        help="A blackboard server.  [default: the running covey up]",
        envvar="COVEY_BOARD_URL",
        show_default=False,
    ),
]
Token = Annotated[
    str, typer.Option(help="Who asks, with --url.", envvar="COVEY_BOARD_TOKEN", show_default=False)
]
Blackboard = Annotated[
    str, typer.Option("--blackboard", "-b", help="Without --url: which one, when there are several.")
]
State = Annotated[
    Path | None,
    typer.Option(
        help="State folder of the covey up that is meant.", envvar="COVEY_STATE", show_default=False
    ),
]
Type = Annotated[str, typer.Option("--type", help="Of this type.", show_default=False)]
Correlation = Annotated[str, typer.Option(help="What it belongs to.", show_default=False)]
Producer = Annotated[str, typer.Option(help="Who published it.", show_default=False)]
Tag = Annotated[str, typer.Option(help="With this tag.", show_default=False)]
Partition = Annotated[str, typer.Option(help="Of this partition.", show_default=False)]
Since = Annotated[str, typer.Option(help="Made then or later.", metavar="TIME", show_default=False)]
Until = Annotated[str, typer.Option(help="Made before.", metavar="TIME", show_default=False)]
Format = Annotated[str, typer.Option("--output", "-o", help="table, wide or json.")]
Deliveries = Annotated[
    list[str], typer.Argument(help="Their names, or how they begin.", metavar="DELIVERY...")
]


@board_app.command("publish")
@guarded
def publish(
    artifact: Annotated[
        str, typer.Argument(metavar="TYPE=JSON", help="Or TYPE=@FILE, or TYPE=- for standard input.")
    ],
    content: Annotated[
        str, typer.Argument(metavar="[JSON]", help="Of a TYPE alone, as it was written once.", hidden=True)
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be given several times.")] = None,
    correlation: Correlation = "",
    partition: Partition = "",
    version: Annotated[int | None, typer.Option(help="Of its type; the newest.", show_default=False)] = None,
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Publish an artifact on a Blackboard."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions
    from agent_runtime.cli.board.publish import given

    draft = given(artifact, content, "covey publish")
    where = ConnectionOptions(url, token, blackboard, state)
    board.publish(where, draft, tag or [], correlation, partition, version)


@board_app.command("query")
@guarded
def query(
    type_: Type = "",
    correlation: Correlation = "",
    producer: Producer = "",
    tag: Tag = "",
    partition: Partition = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
    output: Format = "table",
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show artifacts, oldest first."""
    from agent_runtime.blackboard.board import Query
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    wanted = Query(
        type=type_ or None,
        correlation=correlation or None,
        producer=producer or None,
        tag=tag or None,
        partition=partition or None,
        since=board.moment(since, "--since"),
        until=board.moment(until, "--until"),
        limit=limit,
    )
    board.query(ConnectionOptions(url, token, blackboard, state), wanted, output)


@board_app.command("show")
@guarded
def show(
    artifact: Annotated[str, typer.Argument(help="The artifact's id, or how it begins.", metavar="ID")],
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show one artifact."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.show(ConnectionOptions(url, token, blackboard, state), artifact)


@board_app.command("explain")
@guarded
def explain(
    artifact: Annotated[str, typer.Argument(help="The artifact's id, or how it begins.")],
    agent: Annotated[str, typer.Argument(help="The Agent; without it, every subscriber.")] = "",
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Say why an artifact sets an Agent to work, or does not; without an Agent, by whom it is consumed."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.explain(ConnectionOptions(url, token, blackboard, state), artifact, agent)


@board_app.command("stats")
@guarded
def stats(url: Url = "", token: Token = "", blackboard: Blackboard = "", state: State = None) -> None:
    """Show how full the board is."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.stats(ConnectionOptions(url, token, blackboard, state))


@board_app.command("watch")
@guarded
def watch(
    type_: Type = "",
    correlation: Correlation = "",
    producer: Producer = "",
    tag: Tag = "",
    partition: Partition = "",
    since: Since = "",
    count: Annotated[int | None, typer.Option(help="End after so many.", min=1, show_default=False)] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text, wide or json.")] = "text",
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show artifacts as they are published, those that are there first, until Ctrl-C."""
    from agent_runtime.blackboard.board import Query
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    wanted = Query(
        type=type_ or None,
        correlation=correlation or None,
        producer=producer or None,
        tag=tag or None,
        partition=partition or None,
        since=board.moment(since, "--since"),
    )
    board.watch(ConnectionOptions(url, token, blackboard, state), wanted, count, output)


@letters_app.callback()
@guarded
def list_letters(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    agent: Annotated[str, typer.Option(help="Of this Agent.", show_default=False)] = "",
    output: Format = "table",
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show deliveries that were given up, newest first."""
    if context.invoked_subcommand is not None:
        return
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.dead_letters(ConnectionOptions(url, token, blackboard, state), limit, agent, output)


@letters_app.command("show")
@guarded
def show_letter(
    delivery: Annotated[str, typer.Argument(help="Its name.")],
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show one, with its artifacts."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.open_letter(ConnectionOptions(url, token, blackboard, state), delivery)


@letters_app.command("replay")
@guarded
def replay_letters(
    deliveries: Deliveries,
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Offer them to their agents again."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.replay(ConnectionOptions(url, token, blackboard, state), deliveries)


@letters_app.command("drop")
@guarded
def drop_letters(
    deliveries: Deliveries,
    url: Url = "",
    token: Token = "",
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Delete them for good."""
    from agent_runtime.cli.board import commands as board
    from agent_runtime.cli.board.connect import ConnectionOptions

    board.drop(ConnectionOptions(url, token, blackboard, state), deliveries)


Store = Annotated[
    str,
    typer.Option(
        help="redis://..., postgresql://..., or a SQLite file.",
        envvar="COVEY_STORE_URL",
        metavar="URL|FILE",
    ),
]
StoredBoard = Annotated[str, typer.Option("--board", help="Which of the store's.", metavar="NAMESPACE/NAME")]
Backup = Annotated[Path, typer.Argument(help="What covey board backup made.", metavar="FILE")]


@board_app.command("backup")
@guarded
def backup(
    store: Store,
    board: StoredBoard,
    to: Annotated[Path, typer.Option(help="Where the file goes.", metavar="FOLDER")],
    keep: Annotated[
        int | None,
        typer.Option(help="Delete what is older than so many that verify.", min=1, show_default=False),
    ] = None,
) -> None:
    """Copy a board out of its store into a new file, while it is at work, and read that back."""
    from agent_runtime.cli.board import backup as board_backup

    board_backup.backup(store, board, to, keep)


@board_app.command("restore")
@guarded
def restore(
    file: Backup,
    store: Store,
    board: StoredBoard,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with one that was broken off.")] = False,
) -> None:
    """Restore a backup into an empty store of any kind, before its server is started."""
    from agent_runtime.cli.board import backup as board_backup

    board_backup.restore(file, store, board, resume=resume)


@board_app.command("verify")
@guarded
def verify(file: Backup) -> None:
    """Say whether a backup can be restored, and what is in it."""
    from agent_runtime.cli.board import backup as board_backup

    board_backup.check(file)
