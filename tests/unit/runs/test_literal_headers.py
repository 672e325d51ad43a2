"""A process puts the headers back that its config does not hold."""

import json

import pytest

from agent_runtime.compile.flows.literal_headers import HEADERS_ENV, concealed, headers_of
from agent_runtime.config.load import ConfigError
from tests.noting_server import noting_server
from tests.unit.runs.bench import Bench, config


async def test_the_request_carries_them() -> None:
    with noting_server() as server:
        node = {
            "name": "call",
            "http": {"url": server.url, "headers": {"Authorization": "Bearer ${params.a}"}},
        }
        whole = config(node, params={"a": "sesame"})
        bench = Bench()
        bench.environ[HEADERS_ENV] = json.dumps(headers_of(whole))
        assert "Bearer" not in concealed(whole).model_dump_json()
        assert (await bench.run(concealed(whole))).error is None
        assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer sesame"]


@pytest.mark.parametrize("given", [None, "", "{}", "[]"])
async def test_without_them_the_run_does_not_start(given: str | None) -> None:
    node = {"name": "call", "http": {"url": "http://x", "headers": {"Authorization": "a"}}}
    bench = Bench()
    if given is not None:
        bench.environ[HEADERS_ENV] = given
    with pytest.raises(ConfigError, match="COVEY_HEADERS does not hold every header"):
        await bench.run(concealed(config(node)))
