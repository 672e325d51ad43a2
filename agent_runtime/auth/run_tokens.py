"""Who calls the runs server: what a token says, and tokens that say it.

A pod of a run bears a token for its run alone; a warm worker one for its flow's queue; the operator one for
everything. All are signed with the server's key (`COVEY_RUNS_KEY`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Literal, get_args

from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.token_cache import cached
from agent_runtime.auth.tokens import claims_of, sign

AUDIENCE = "runs"
Role = Literal["run", "worker", "operator"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking."""

    name: str
    """Of a run: its id; of a worker: its queue, `NAMESPACE/FLOW`."""
    role: Role
    reads: frozenset[str] = frozenset()
    """Further runs that a run may read, such as the one it is forked from."""


def mint(key: str, caller: Caller, *, until: int | None = None) -> str:
    """A token for the caller, good until a Unix time in seconds; None: as long as the key is."""
    claims: dict[str, object] = {"role": caller.role, "reads": sorted(caller.reads)}
    if until is not None:
        claims["exp"] = until
    return sign(key, caller.name, AUDIENCE, claims)


def verifier(key: str, *, clock: Callable[[], float] = time) -> Callable[[str], Caller]:
    """Token -> who bears it; the function raises InvalidToken. It remembers the tokens it met last.

    `clock` gives the Unix time, in seconds.
    """

    def check(token: str) -> tuple[Caller, float | None]:
        claims = claims_of(key, token, AUDIENCE, clock=clock)
        role: Role | None = claims.get("role")
        if role is None or role not in get_args(Role):
            raise InvalidToken(f"its role is {role!r}; want one of {', '.join(get_args(Role))}")
        return Caller(claims["sub"], role, frozenset(claims.get("reads") or ())), claims.get("exp")

    return cached(check, clock=clock)
