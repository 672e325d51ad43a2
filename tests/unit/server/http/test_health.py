"""Health by dependency: some take a server out of service, some are only told of."""

import httpx2
import pytest
from fastapi import FastAPI

from agent_runtime.server.http.health import Check, Health


async def fine() -> None:
    """Answers."""


async def away() -> None:
    """Does not."""
    raise OSError("it is away")


@pytest.mark.parametrize(
    ("store", "log", "status", "told"),
    [
        (fine, fine, 200, {"store": "ok", "eventLog": "ok"}),
        (fine, away, 200, {"store": "ok", "eventLog": "it is away"}),
        (away, fine, 503, None),
    ],
)
async def test_what_is_only_noted_does_not_take_a_server_out_of_service(
    store: Check, log: Check, status: int, told: dict[str, str] | None
) -> None:
    app = FastAPI()
    app.include_router(Health({"store": store}, noted={"eventLog": log}).router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == status
    assert answer.json().get("dependencies") == told
