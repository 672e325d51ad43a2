"""`/metrics` asks for a token where the environment names one, and nothing else does."""

import hashlib

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from agent_runtime.auth.metrics_token import MetricsToken
from agent_runtime.server.http.metrics_access import GuardedMetrics

DIGEST = hashlib.sha256(b"sesame").hexdigest()


@pytest.mark.parametrize(
    ("authorization", "lets_in"),
    [
        ("Bearer sesame", True),
        ("bearer  sesame ", True),
        ("Bearer sesam", False),
        ("Bearer ", False),
        ("Basic sesame", False),
        (f"Bearer {DIGEST}", False),
        ("Bearer s\udce9same", False),
        ("", False),
    ],
)
@pytest.mark.parametrize(
    "environ", [{"COVEY_METRICS_TOKEN": "sesame\n"}, {"COVEY_METRICS_TOKEN_SHA256": DIGEST}]
)
def test_who_is_let_in(environ: dict[str, str], authorization: str, lets_in: bool) -> None:
    assert MetricsToken.from_environ(environ).lets_in(authorization) is lets_in


def test_without_a_token_everybody_is() -> None:
    assert MetricsToken.from_environ({}).lets_in("")
    assert MetricsToken.from_environ({"COVEY_METRICS_TOKEN": " "}).lets_in("")


def test_only_metrics_are_guarded() -> None:
    paths = ("/metrics", "/healthz", "/v1/metrics")
    app = Starlette(routes=[Route(path, lambda request: PlainTextResponse("yes")) for path in paths])
    client = TestClient(GuardedMetrics(app, MetricsToken(DIGEST)))
    assert [client.get(path).status_code for path in (*paths, "/metrics/")] == [401, 200, 200, 401]
    refused = client.get("/metrics")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in refused.text
    assert client.head("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer sesame"}).text == "yes"
