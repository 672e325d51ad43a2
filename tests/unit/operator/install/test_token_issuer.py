"""Who signs the tokens of service accounts: read from a server that answers as API servers do, and worse."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.auth.issuer import Issuer
from covey_operator.install.installation import Installation
from covey_operator.install.token_issuer import EVERY, keep_issuer, with_issuer
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.telemetry.metrics import Metrics
from tests.noting_server import Asked, NotingServer, Says, noting_server
from tests.unit.operator.worlds import INSTALL

URL = "https://kubernetes.default.svc.cluster.local"
OLD: dict[str, Any] = {"kid": "a", "kty": "RSA", "n": "n", "e": "AQAB"}
NEW: dict[str, Any] = {"kid": "b", "kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
UNKNOWN = Installation(INSTALL.settings, INSTALL.key)


class ApiServer:
    """Says who the issuer is and which keys it has, unless it refuses."""

    def __init__(self) -> None:
        self.issuer: object = {"issuer": URL}
        self.keys: object = {"keys": [NEW, OLD]}
        self.refusal: Says | None = None

    def answer(self, asked: Asked) -> Says:
        documents = {"/.well-known/openid-configuration": self.issuer, "/openid/v1/jwks": self.keys}
        return self.refusal or Says(documents[asked.path])

    def refuse(self, status: int, message: str) -> None:
        self.refusal = Says({"reason": "", "message": message}, status)


@pytest.fixture
def api_server() -> ApiServer:
    return ApiServer()


@pytest.fixture
async def cluster(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[KubeClient]:
    with noting_server(api_server.answer) as server:
        cluster = await KubeClient.connect(Metrics(), str(kubeconfig(server, tmp_path)))
        yield cluster
        await cluster.close()


def kubeconfig(server: NotingServer, folder: Path) -> Path:
    file = folder / "kubeconfig"
    named = [("clusters", "cluster", {"server": server.url}), ("users", "user", {})]
    named.append(("contexts", "context", {"cluster": "x", "user": "x"}))
    content: dict[str, object] = {each: [{"name": "x", one: value}] for each, one, value in named}
    file.write_text(json.dumps({**content, "current-context": "x"}))
    return file


async def test_the_issuer_and_its_keys_in_one_order(cluster: KubeClient) -> None:
    found = await with_issuer(cluster, UNKNOWN)
    assert found == Installation(INSTALL.settings, INSTALL.key, Issuer(url=URL, keys=[OLD, NEW]))


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (403, "may not: grant the operator `get` of /.well-known/openid-configuration and /openid/v1/jwks"),
        (404, "may not"),
    ],
)
async def test_an_api_server_that_does_not_say_is_a_fault_that_boards_tell(
    cluster: KubeClient, api_server: ApiServer, status: int, fault: str
) -> None:
    api_server.refuse(status, "may not")
    found = await with_issuer(cluster, UNKNOWN)
    assert found.issuer is None
    assert found.issuer_fault.startswith(fault)


@pytest.mark.parametrize(
    ("issuer", "keys", "fault"),
    [
        ({}, {"keys": [OLD]}, "/.well-known/openid-configuration of the API server names no issuer"),
        ({"issuer": URL}, {}, "/openid/v1/jwks of the API server has no key of RSA or EC"),
        (
            {"issuer": URL},
            {"keys": [{"kty": "RSA"}]},
            "/openid/v1/jwks of the API server has no key of RSA or EC",
        ),
        (
            {"issuer": URL},
            {"keys": [{"kid": "a", "kty": "oct"}]},
            "/openid/v1/jwks of the API server has no key",
        ),
    ],
)
async def test_so_is_one_that_says_nothing_of_use(
    cluster: KubeClient, api_server: ApiServer, issuer: object, keys: object, fault: str
) -> None:
    api_server.issuer, api_server.keys = issuer, keys
    found = await with_issuer(cluster, UNKNOWN)
    assert found.issuer is None
    assert found.issuer_fault.startswith(fault)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_one_that_is_only_busy_is_asked_again_by_the_caller(
    cluster: KubeClient, api_server: ApiServer, status: int
) -> None:
    api_server.refuse(status, "not now")
    with pytest.raises(ApiError, match="not now"):
        await with_issuer(cluster, UNKNOWN)


class Enough(Exception):
    """The test has seen what it wanted."""


async def test_new_keys_are_told_once_and_what_is_known_is_not_given_up(
    cluster: KubeClient, api_server: ApiServer
) -> None:
    def new_keys() -> None:
        api_server.keys, api_server.refusal = {"keys": [NEW]}, None

    def end() -> None:
        raise Enough

    told: list[Installation] = []
    meanwhile: list[Callable[[], None]] = [
        lambda: api_server.refuse(403, "no longer"),
        lambda: api_server.refuse(500, "not now"),
        new_keys,
        lambda: None,
        end,
    ]

    async def sleep(seconds: float) -> None:
        assert seconds == EVERY
        meanwhile.pop(0)()

    known = await with_issuer(cluster, UNKNOWN)
    with pytest.raises(Enough):
        await keep_issuer(cluster, known, told.append, sleep=sleep)
    assert told == [replace(known, issuer=Issuer(url=URL, keys=[NEW]))]


async def test_an_issuer_that_shows_up_later_is_told_too(cluster: KubeClient, api_server: ApiServer) -> None:
    api_server.refuse(403, "not yet")
    told: list[Installation] = []
    meanwhile = [False, True]

    async def sleep(seconds: float) -> None:
        if meanwhile.pop():
            api_server.refusal = None
        else:
            raise Enough

    unknown = await with_issuer(cluster, UNKNOWN)
    with pytest.raises(Enough):
        await keep_issuer(cluster, unknown, told.append, sleep=sleep)
    assert [(found.issuer, found.issuer_fault) for found in told] == [(Issuer(url=URL, keys=[OLD, NEW]), "")]
