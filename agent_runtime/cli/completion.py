"""`covey completion`: the script by which a shell completes commands, options and names."""

import os
from collections.abc import Callable
from pathlib import Path

import typer
from typer import completion as library

from agent_runtime.cli.output.printing import say
from agent_runtime.local.errors import UserError

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_COVEY_COMPLETE"


def run(shell: str) -> None:
    """Print it."""
    if shell not in SHELLS:
        raise UserError(
            f"there is no completion for {shell!r}", f"There is one for {', '.join(SHELLS)}.", code=2
        )
    # it does not mark what it exports
    script = library.get_completion_script(  # type: ignore[attr-defined]
        prog_name="covey", complete_var=VARIABLE, shell=shell
    )
    say(script)


def prepare() -> None:
    """Teach the library the shells, in the process that completes."""
    if VARIABLE in os.environ:
        library.completion_init()  # type: ignore[attr-defined] # as above


def names_of(kind: str) -> Callable[[str], list[str]]:
    """Completes the names of one kind, those of the running `covey up`; none when there is none."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in _names(kind) if name.startswith(incomplete)]

    return complete


def names_of_kind(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completes the names of the kind that the word before says."""
    from agent_runtime.cli.resources.kinds import kind_named

    try:
        kind = kind_named(str(ctx.params.get("kind") or ""))
    except UserError:  # all, artifacts, or no kind
        return []
    return names_of(kind)(incomplete)


def subjects(incomplete: str) -> list[str]:
    """Completes what `covey logs` can be asked about."""
    return [name for kind in ("Agent", "FlowRun", "Blackboard") for name in names_of(kind)(incomplete)]


def _names(kind: str) -> list[str]:
    from agent_runtime.cli.client import Client

    try:
        items = Client.connect(_state()).get("/v1/resources", kind=kind)["items"]
    except UserError:
        return []
    return [str(item["metadata"]["name"]) for item in items]


def kinds(incomplete: str) -> list[str]:
    """Completes the words for what `covey get` shows."""
    from agent_runtime.api import KINDS

    words = ["all", "artifacts", *(kind.plural for kind in KINDS.values())]
    return [word for word in words if word.startswith(incomplete)]


def _state() -> Path | None:
    named = os.environ.get("COVEY_STATE")
    return Path(named) if named else None
