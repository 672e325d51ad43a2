"""The words by which a person may name a kind: `Agent`, `agent`, `agents`, `ag`."""

from agent_runtime.api import KINDS
from agent_runtime.local.errors import UserError


def kind_named(word: str) -> str:
    """The kind's own name. Raises UserError that lists what there is."""
    wanted = word.lower()
    for name, kind in KINDS.items():
        if wanted in (name.lower(), kind.plural, kind.short):
            return name
    if wanted in ("run", "runs"):
        return "FlowRun"
    raise UserError(
        f"there is no kind {word!r}",
        "There are " + ", ".join(f"{k.plural} ({k.short})" for k in KINDS.values()) + ", and artifacts.",
        code=2,
    )
