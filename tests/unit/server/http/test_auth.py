"""What a caller brings is in its headers; without something good there it gets a 401 that says why."""

import httpx2
import pytest
from fastapi import Depends, FastAPI

from agent_runtime.auth.identity import Identity
from agent_runtime.server.http.auth import Credentials, Verify, bearer, shared_token
from agent_runtime.server.http.errors import install_errors


async def ask(verify: Verify, **headers: str) -> httpx2.Response:
    """A request to a server that answers with the caller's name."""
    app = FastAPI()
    install_errors(app)
    caller = bearer(verify)

    @app.get("/")
    async def name(identity: Identity = Depends(caller)) -> str:  # noqa: B008 - as FastAPI has it
        return identity.name

    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        return await client.get("/", headers=headers)


@pytest.mark.parametrize(
    ("headers", "brought"),
    [
        ({"authorization": "Bearer t0ken"}, Credentials("t0ken")),
        ({"authorization": "bearer  t0ken "}, Credentials("t0ken")),
        ({"authorization": "Bearer t0ken", "covey-grant": " grant "}, Credentials("t0ken", "grant")),
    ],
)
async def test_both_tokens_are_taken_from_the_headers(headers: dict[str, str], brought: Credentials) -> None:
    seen = []

    def verify(credentials: Credentials) -> Identity:
        seen.append(credentials)
        return Identity("ann", "user")

    answer = await ask(verify, **headers)
    assert answer.json() == "ann"
    assert seen == [brought]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "send a token: Authorization: Bearer TOKEN"),
        ({"covey-grant": "t0ken"}, "send a token: Authorization: Bearer TOKEN"),
        ({"authorization": "Basic t0ken"}, "send a token: Authorization: Bearer TOKEN"),
        ({"authorization": "Bearer "}, "send a token: Authorization: Bearer TOKEN"),
        ({"authorization": "Bearer wrong"}, "the token is not accepted: it is not the token of this server"),
    ],
)
async def test_who_brings_nothing_good_is_told_so(headers: dict[str, str], message: str) -> None:
    answer = await ask(shared_token("t0ken"), **headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert answer.json()["error"]["message"] == message


def test_an_empty_shared_token_would_let_everybody_in() -> None:
    with pytest.raises(ValueError, match="an empty token would let everybody in"):
        shared_token("")
