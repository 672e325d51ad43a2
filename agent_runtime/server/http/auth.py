"""Who is calling: bearer tokens, as a FastAPI dependency that yields an Identity.

caller = bearer(shared_token(token))

@app.get("/v1/stats")
async def stats(identity: Annotated[Identity, Depends(caller)]) -> ...
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fastapi import Request

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.server.http.errors import ApiError

GRANT_HEADER = "Covey-Grant"


class Credentials(NamedTuple):
    """What a caller brought."""

    token: str
    """From `Authorization: Bearer`."""
    grant: str = ""
    """From `Covey-Grant`, beside a token that only proves who calls: what the caller may see."""


Verify = Callable[[Credentials], Identity]
"""What a caller brought -> who that is. Raises InvalidToken."""

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def shared_token(expected: str, identity: Identity | None = None) -> Verify:
    """One secret for all callers, compared in constant time; they all are `identity`."""
    if not expected:
        raise ValueError("an empty token would let everybody in: set one, or switch authentication off")
    bearer_of_it = identity or Identity("caller", "user")
    wanted = expected.encode()

    def check(brought: Credentials) -> Identity:
        if not hmac.compare_digest(brought.token.encode(), wanted):
            raise InvalidToken("it is not the token of this server")
        return bearer_of_it

    return check


def anyone(identity: Identity | None = None) -> Callable[[Request], Awaitable[Identity]]:
    """The dependency for a server that was told to let everybody in."""
    everybody = identity or Identity("anonymous", "user")

    async def caller(request: Request) -> Identity:
        return everybody

    return caller


def credentials(request: Request) -> Credentials | None:
    """What the caller brought; None: no bearer's token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return Credentials(token.strip(), request.headers.get(GRANT_HEADER, "").strip())


def bearer(verify_token: Verify) -> Callable[[Request], Awaitable[Identity]]:
    """The dependency that demands `Authorization: Bearer TOKEN`; without a valid one it answers 401."""

    async def caller(request: Request) -> Identity:
        brought = credentials(request)
        if brought is None:
            raise ApiError(401, "send a token: Authorization: Bearer TOKEN", headers=_CHALLENGE)
        try:
            return verify_token(brought)
        except InvalidToken as error:
            raise ApiError(401, f"the token is not accepted: {error}", headers=_CHALLENGE) from error

    return caller


def require_role(identity: Identity, *roles: str) -> None:
    """Refuse with 403 whoever has none of the roles."""
    if identity.role not in roles:
        wanted = " or ".join(roles)
        raise ApiError(403, f"{identity.name} has the role {identity.role!r}; this needs {wanted}")
