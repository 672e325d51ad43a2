"""Names that a person writes only as far as they are unique, as commits of git."""

from collections.abc import Iterable

from agent_runtime.local.errors import UserError

SHORTEST = 4
"""Characters, at least."""
_SHOWN = 10


def completed(prefix: str, names: Iterable[str], what: str) -> str:
    """The one name that begins so; `prefix` itself when none does. Raises UserError when several do."""
    if len(prefix) < SHORTEST:
        return prefix
    found = sorted({name for name in names if name.startswith(prefix)})
    if prefix in found or not found:
        return prefix
    if len(found) > 1:
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        listed = "\n".join(f"  {name}" for name in found[:_SHOWN])
        raise UserError(
            f"{len(found)} {what} begin with {prefix}:\n{listed}{more}", "Write more of it.", code=2
        )
    return found[0]
