"""The `covey` command line. What a command needs is imported when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent_runtime.cli.board.app import board_app
from agent_runtime.cli.board.app import publish as board_publish
from agent_runtime.cli.completion import kinds, names_of, names_of_kind, subjects
from agent_runtime.cli.entry import CommandLine
from agent_runtime.cli.errors import guarded
from agent_runtime.cli.groups import Commands, StartsByDefault
from agent_runtime.cli.output.printing import say
from agent_runtime.local.errors import UserError

app = CommandLine(
    name="covey",
    cls=Commands,
    help="AI agents as ordinary Kubernetes resources, and the same manifests on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # what stands in [brackets] is part of the help
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        say(f"covey {installed('covey')}")
        raise typer.Exit


@app.callback()
def covey(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """AI agents as ordinary Kubernetes resources, and the same manifests on this machine."""


Paths = Annotated[list[Path], typer.Argument(help="Files or folders of manifests.", metavar="PATH...")]
State = Annotated[
    Path | None,
    typer.Option(
        help="State folder of the covey up that is meant.", envvar="COVEY_STATE", show_default=False
    ),
]
Blackboard = Annotated[
    str, typer.Option("--blackboard", "-b", help="The Blackboard; the only one when there is one.")
]
Format = Annotated[str, typer.Option("--output", "-o", help="table, wide, name, yaml or json.")]


@app.command()
@guarded
def up(
    paths: Paths,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port on 127.0.0.1; 0 takes a free one.  [default: 8765, or 0 with --until]",
            min=0,
            max=65535,
        ),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where keys, artifacts and runs are kept.  [default: DIR/.covey]")
    ] = None,
    input_dir: Annotated[
        Path | None,
        typer.Option(
            "--input", help="Folder that the agents' file tools see.  [default: DIR/input]", readable=False
        ),
    ] = None,
    real_model: Annotated[
        bool,
        typer.Option(
            "--real-model",
            help="Replace every scripted Model by a real one, at OPENAI_BASE_URL or else at OpenAI, "
            "with OPENAI_API_KEY.",
        ),
    ] = False,
    model_name: Annotated[
        str | None,
        typer.Option(help="Which real model.  [default: gpt-5-mini]", metavar="NAME", show_default=False),
    ] = None,
    publish: Annotated[
        list[str] | None,
        typer.Option(help="Publish Type=JSON or Type=@FILE when ready.", metavar="TYPE=JSON"),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End when an artifact of this type appears.", metavar="TYPE")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="With --until: write its markdown, or its JSON, to this file.")
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(help="With --until: give up after this long.  [default: 1m, or 10m with a real model]"),
    ] = None,
) -> None:
    """Run the manifests of a folder on this machine, until Ctrl-C."""
    from agent_runtime.cli.up import DEFAULT_MODEL, Options, run

    run(
        Options(
            paths=tuple(paths),
            port=port,
            state=state,
            input_dir=input_dir,
            real_model=(model_name or DEFAULT_MODEL) if real_model or model_name else None,
            publish=tuple(publish or ()),
            until=until,
            save=save,
            timeout=timeout,
        )
    )


@app.command()
@guarded
def init(
    folder: Annotated[
        Path, typer.Argument(help="Where to; made when it is missing.", metavar="[FOLDER]")
    ] = Path(),
) -> None:
    """Write a model, agents, a blackboard and a flow to begin with."""
    from agent_runtime.cli.init import run

    run(folder)


@app.command()
@guarded
def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.", metavar="SHELL")],
) -> None:
    """Print the script for a shell's completion: source <(covey completion bash)."""
    from agent_runtime.cli.completion import run

    run(shell)


@app.command()
@guarded
def validate(paths: Paths) -> None:
    """Check manifests, and name every fault with its file, line and field."""
    from agent_runtime.cli.resources.validate import run

    run(paths)


@app.command()
@guarded
def apply(paths: Paths, state: State = None) -> None:
    """Bring manifests to the running covey up."""
    from agent_runtime.cli.resources.apply import run

    run(paths, state)


@app.command()
@guarded
def get(
    kind: Annotated[
        str, typer.Argument(help="all, a kind such as agents, or artifacts.", autocompletion=kinds)
    ] = "all",
    name: Annotated[
        str, typer.Argument(help="One of them.", show_default=False, autocompletion=names_of_kind)
    ] = "",
    output: Format = "table",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on with what changes, until Ctrl-C.")
    ] = False,
    blackboard: Blackboard = "",
    state: State = None,
) -> None:
    """Show resources and whether they are ready, or the artifacts of a blackboard."""
    from agent_runtime.cli.resources.get import run

    run(kind, name, output, blackboard, state, watch=watch)


app.add_typer(board_app, name="board")

run_app = typer.Typer(cls=StartsByDefault, help="Run Flows, and deal with their runs.", no_args_is_help=True)
app.add_typer(run_app, name="run")
Run = Annotated[
    str,
    typer.Argument(help="The FlowRun, or how it begins.", metavar="RUN", autocompletion=names_of("FlowRun")),
]
Boundary = Annotated[
    int | None, typer.Option("--at", help="The number of a boundary.  [default: the latest]", min=0)
]


Timeout = Annotated[
    str, typer.Option(help="Give up waiting after this long, with exit status 4; the run goes on.")
]
Wait = Annotated[
    str | None,
    typer.Option(
        help="Wait for the end, past approvals that others answer; --wait alone for as long as it takes.",
        metavar="[=DURATION]",
        show_default=False,
    ),
]


@run_app.command("start")
@guarded
def run_start(
    flow: Annotated[str, typer.Argument(help="The Flow.", autocompletion=names_of("Flow"))],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="A parameter, or KEY=@FILE.", metavar="KEY=VALUE"),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Start it and leave.")] = False,
    wait: Wait = None,
    timeout: Timeout = "10m",
    state: State = None,
) -> None:
    """Run a Flow, follow it, and print its result: covey run FLOW for short.

    When the run asks for an approval it is asked here on a terminal; elsewhere the command says how to answer
    and ends with exit status 3.
    """
    from agent_runtime.cli.flows.run import WaitOptions, start

    if detach and wait is not None:
        raise UserError("--detach and --wait are opposites", "Give one of them.", code=2)
    start(flow, param or [], WaitOptions(timeout, wait), detach=detach, state=state)


@run_app.command("follow")
@guarded
def run_follow(run: Run, wait: Wait = None, timeout: Timeout = "10m", state: State = None) -> None:
    """Follow a run that was started, and print its result."""
    from agent_runtime.cli.client import Client
    from agent_runtime.cli.flows.run import WaitOptions, follow
    from agent_runtime.cli.flows.runs import run_named

    client = Client.connect(state)
    follow(client, run_named(client, run), WaitOptions(timeout, wait))


@run_app.command("show")
@guarded
def run_show(
    run: Run,
    at: Boundary = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
    store: Annotated[
        str,
        typer.Option(
            help="Read this store instead: RUN is then NAMESPACE/NAME. sqlite:///FILE, redis://..., "
            "postgresql://..., or http://... with COVEY_RUNS_TOKEN.",
            metavar="URL",
            show_default=False,
        ),
    ] = "",
    state: State = None,
) -> None:
    """Show how a run stands, its history, and what it knew at a boundary between two nodes."""
    from agent_runtime.cli.flows.runs import show

    show(run, at, output, store, state)


@run_app.command("answer")
@guarded
def run_answer(
    run: Run,
    action: Annotated[str, typer.Argument(help="One of the actions that it offers.")],
    comment: Annotated[str, typer.Option(help="For those who come after.", show_default=False)] = "",
    node: Annotated[str, typer.Option(help="Only if this node asks.", show_default=False)] = "",
    visit: Annotated[int | None, typer.Option(help="Only if it is this visit.", min=1)] = None,
    state: State = None,
) -> None:
    """Answer a run that asks for approval."""
    from agent_runtime.cli.flows.runs import answer

    answer(run, action, node, visit, comment, state)


@run_app.command("suspend")
@guarded
def run_suspend(run: Run, state: State = None) -> None:
    """Pause a run; the node under way is abandoned and done again later."""
    from agent_runtime.cli.flows.runs import change

    change(run, "suspend", "suspended", state)


@run_app.command("resume")
@guarded
def run_resume(run: Run, state: State = None) -> None:
    """Go on with a run that is suspended; one that failed goes on as a new run, at the node that failed."""
    from agent_runtime.cli.flows.runs import resume

    resume(run, state)


@run_app.command("cancel")
@guarded
def run_cancel(run: Run, state: State = None) -> None:
    """Stop a run for good."""
    from agent_runtime.cli.flows.runs import change

    change(run, "cancel", "cancelled", state)


@run_app.command("fork")
@guarded
def run_fork(run: Run, at: Boundary = None, state: State = None) -> None:
    """Start a new run from a boundary of another."""
    from agent_runtime.cli.flows.runs import fork

    fork(run, at, state)


@app.command()
@guarded
def chat(
    agent: Annotated[str, typer.Argument(help="The Agent.", autocompletion=names_of("Agent"))],
    message: Annotated[
        str, typer.Argument(help="What to say; none: a conversation.", show_default=False)
    ] = "",
    session: Annotated[str, typer.Option(help="Go on with this session.", show_default=False)] = "",
    new_session: Annotated[
        str,
        typer.Option(help="Begin a session of this name.", show_default=False),
    ] = "",
    state: State = None,
) -> None:
    """Talk to an Agent: one message, or a conversation."""
    from agent_runtime.cli.chat import run

    run(agent, message, session, new_session, state)


app.command("publish")(board_publish)  # the same command, as one writes it most often


@app.command()
@guarded
def replay(
    log: Annotated[
        str,
        typer.Option(
            help="nats://..., kafka://... or redis://..., as in the Blackboard's spec.eventLog.",
            envvar="COVEY_EVENT_LOG_URL",
            metavar="URL",
        ),
    ],
    board: Annotated[str, typer.Option(help="Whose log.", metavar="NAMESPACE/NAME")],
    to: Annotated[
        str,
        typer.Option(
            help="The empty store: redis://..., postgresql://..., or a SQLite file.",
            metavar="URL|FILE",
            show_default=False,
        ),
    ] = "",
    as_: Annotated[
        str,
        typer.Option("--as", help="What it is called there.  [default: the same]", metavar="NAMESPACE/NAME"),
    ] = "",
    until: Annotated[
        str, typer.Option(help="As it was at this time.", metavar="RFC3339", show_default=False)
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
) -> None:
    """Rebuild a Blackboard from its event log in an empty store, before its server is started."""
    from agent_runtime.cli.board.replay import replay as rebuild

    rebuild(log, board, to, as_, until, dry_run=dry_run)


@app.command()
@guarded
def logs(
    subject: Annotated[
        str,
        typer.Argument(help="Of this agent or run only.", show_default=False, autocompletion=subjects),
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as things happen.")] = False,
    tail: Annotated[int, typer.Option(help="Lines to begin with.", min=0)] = 200,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
    state: State = None,
) -> None:
    """Show what happened."""
    from agent_runtime.cli.logs import run

    run(subject, follow, tail, output, state)


@app.command()
@guarded
def delete(
    kind: Annotated[str, typer.Argument(help="A kind, such as agent.", autocompletion=kinds)],
    name: Annotated[str, typer.Argument(help="Its name.", autocompletion=names_of_kind)],
    state: State = None,
) -> None:
    """Take back a resource that was applied."""
    from agent_runtime.cli.resources.delete import run

    run(kind, name, state)


@app.command()
@guarded
def token(
    blackboard: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="A Blackboard of the cluster.")],
    name: Annotated[str, typer.Option(help="Who will bear it.")],
    role: Annotated[Literal["user", "admin"], typer.Option(help="An admin sees everything.")] = "user",
    label: Annotated[list[str] | None, typer.Option(help="A label; may be given several times.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant.", show_default=False)] = "",
    for_: Annotated[str, typer.Option("--for", help="How long it is good.")] = "1h",
) -> None:
    """Sign a token for a person who uses a Blackboard, with its key in COVEY_BLACKBOARD_KEY."""
    from agent_runtime.cli.tokens import run

    run(blackboard, name, role, label or [], tenant, for_)


@app.command()
@guarded
def version() -> None:
    """Print the version."""
    _version(True)


flow_app = typer.Typer(cls=Commands, help="Check Flows, and draw them.", no_args_is_help=True)
app.add_typer(flow_app, name="flow")


@flow_app.command("check")
@guarded
def flow_check(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="Files or folders of manifests, or a Flow of the running covey up.", metavar="PATH...|FLOW"
        ),
    ],
    state: State = None,
) -> None:
    """Show the nodes of Flows, and name every fault with its file, line and field."""
    from agent_runtime.cli.flows.flow import check

    check(targets, state)


@flow_app.command("draw")
@guarded
def flow_draw(
    target: Annotated[
        str,
        typer.Argument(
            help="A Flow of the running covey up, or a file or folder.",
            metavar="FLOW|PATH",
            autocompletion=names_of("Flow"),
        ),
    ],
    flow: Annotated[str, typer.Option(help="Which Flow of the files.", show_default=False)] = "",
    format_: Annotated[
        str | None,
        typer.Option("--format", help="svg or mermaid.  [default: by the name of FILE, or svg]"),
    ] = None,
    run: Annotated[
        str,
        typer.Option(
            help="Show the states of this FlowRun.", show_default=False, autocompletion=names_of("FlowRun")
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to.  [default: standard output]")
    ] = None,
    state: State = None,
) -> None:
    """Draw the graph of a Flow, with the states of a run on it."""
    from agent_runtime.cli.flows.flow import draw

    draw(target, flow, format_, run, output, state)
