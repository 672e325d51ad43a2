"""`covey completion`: the script by which a shell completes commands, options and names."""

import os
from collections.abc import Callable
from pathlib import Path

from typer import completion as library

from agent_runtime.cli.output import say
from agent_runtime.local.failure import Failure

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_COVEY_COMPLETE"


def run(shell: str) -> None:
    """Print it."""
    if shell not in SHELLS:
        raise Failure(
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
        from agent_runtime.cli.client import Client

        try:
            items = Client.connect(_state()).get("/v1/resources", kind=kind)["items"]
        except Failure:
            return []
        names = [str(item["metadata"]["name"]) for item in items]
        return [name for name in names if name.startswith(incomplete)]

    return complete


def kinds(incomplete: str) -> list[str]:
    """Completes the words for what `covey get` shows."""
    from agent_runtime.api import KINDS

    words = ["all", "artifacts", *(kind.plural for kind in KINDS.values())]
    return [word for word in words if word.startswith(incomplete)]


def _state() -> Path | None:
    named = os.environ.get("COVEY_STATE")
    return Path(named) if named else None
