"""One entry of what an agent consumes: as in a manifest, and checked at the line where it is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent_runtime.api.agent import Consumes, Join
from agent_runtime.blackboard.matching.subscriptions import VARIABLES
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.sdk.errors import UsageError, usage_errors


def entry(
    agent: str,
    types: Sequence[str],
    *,
    where: object,
    join: Join | Mapping[str, Any] | None,
    **fields: object,
) -> Consumes:
    """The entry; `fields` are the others of `Consumes`, None where nothing was said. Raises UsageError."""
    _check_where(agent, where)
    given = {"types": list(types), "where": where, "join": join, **fields}
    with usage_errors(f"agent {agent!r} consumes {', '.join(types)}"):
        made = Consumes.model_validate({name: value for name, value in given.items() if value is not None})
    if made.join is not None and len(types) == 1 and sum(one.count for one in made.join.counts) < 2:
        raise UsageError(
            f"agent {agent!r} joins {types[0]} with nothing: name a second class, or how many of it "
            "in Join(counts=[...]), or use batch"
        )
    return made


def _check_where(agent: str, where: object) -> None:
    if where is None:
        return
    if not isinstance(where, str):
        raise UsageError(
            f"agent {agent!r}: where is CEL, for example 'payload.runtime > 120', since the board "
            "matches before anything is delivered; what only Python can tell, an engine does: "
            "returning None publishes nothing"
        )
    try:
        Expression(where, VARIABLES)
    except CelError as error:
        raise UsageError(f"agent {agent!r}: where: {error}") from error
