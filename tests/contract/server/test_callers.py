"""Who is let in."""

import time

import httpx2
import jwt
import pytest

from agent_runtime.auth.tokens import mint
from tests.contract.boards import ADMIN, SCOUT
from tests.contract.server.serving import KEY, Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def tokens(audience: str) -> dict[str, str]:
    """Tokens that are not good, by what is wrong with them."""
    good = jwt.decode(mint(KEY, ADMIN, audience), KEY, algorithms=["HS256"], audience=audience)
    head, body, signature = mint(KEY, SCOUT, audience).split(".")
    admins_body = mint(KEY, ADMIN, audience).split(".")[1]
    return {
        "nonsense": "nonsense",
        "half of one": f"{head}.{body}",
        "signed with another key": mint("x" * 64, SCOUT, audience),
        "for another board": mint(KEY, SCOUT, "blackboard/news/another"),
        "expired": jwt.encode(good | {"exp": int(time.time()) - 3600}, KEY),
        "unsigned": jwt.encode(good, "", algorithm="none"),
        "of another algorithm": jwt.encode(good, KEY, algorithm="HS512"),
        "another's words under one's own signature": f"{head}.{admins_body}.{signature}",
        "for nobody": jwt.encode({"aud": audience}, KEY),
    }


async def test_who_is_not_known_is_not_let_in(shared_server: Server) -> None:
    for what, token in tokens(shared_server.audience).items():
        for method, path in (("GET", "/v1/artifacts"), ("POST", "/v1/leases"), ("GET", "/v1/events")):
            headers = {"authorization": f"Bearer {token}"}
            answer = await shared_server.call(method, path, headers=headers)
            assert error_of(answer) == (401, "unauthenticated"), what
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic YTpi"}])
async def test_nor_is_who_brings_no_token(shared_server: Server, headers: dict[str, str]) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{shared_server.url}/v1/artifacts", headers=headers, content=b"not JSON")
    assert error_of(answer) == (401, "unauthenticated"), "asked before the body is looked at"
