"""A provider that answers 429: `covey up` waits as long as it asks, within bounds, says so, and recovers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.laptop.conftest import Covey
from tests.noting_server import Asked, NotingServer, Says, noting_server

FOLDER = """apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: m}
spec: {provider: OpenAICompatible, model: any, baseURL: "%s/v1"}
---
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: ann}
spec:
  model: {name: m}
  retry: {maxAttempts: 3, initialDelay: 10ms, maxDelay: 3s}
---
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: ask-model}
spec:
  start: a
  nodes:
    - {name: a, llm: {model: {name: m}, prompt: "hi"}, retry: {maxAttempts: 3, wait: 10ms}}
---
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: ask-agent}
spec:
  start: a
  nodes:
    - {name: a, agent: ann, input: "hi"}
---
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: fetch}
spec:
  start: a
  nodes:
    - {name: a, http: {url: "%s/page", method: GET}, retry: {maxAttempts: 3, wait: 10ms}}
"""
SLOW = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
FINE = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "any",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def a_date() -> str:
    """In three seconds; of a date the seconds are whole, so that two of them pass at least."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)


class Throttle:
    """Answers 429 so often, then well, and notes when it was asked."""

    def __init__(self, times: int, after: Callable[[], str]) -> None:
        self.left, self.after, self.at = times, after, list[float]()

    def __call__(self, asked: Asked) -> Says:
        self.at.append(time.monotonic())
        if self.left:
            self.left -= 1
            return Says(SLOW, 429, {"Retry-After": self.after()})
        return Says({"ok": True} if asked.method == "GET" else FINE)

    @property
    def waits(self) -> list[float]:
        """Seconds between two requests."""
        return [after - before for before, after in zip(self.at, self.at[1:], strict=False)]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[NotingServer], Path]:
    def made(server: NotingServer) -> Path:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "all.yaml").write_text(FOLDER % (server.url, server.url))
        return tmp_path / "shop"

    return made


def test_what_the_provider_asks_for_is_waited_within_bounds_and_told(
    covey: Covey, folder: Callable[[NotingServer], Path]
) -> None:
    with noting_server() as server, covey.up(folder(server)) as running:
        for number, (after, least) in enumerate(
            [
                (lambda: "2", 2.0),
                (a_date, 1.5),
                (lambda: "9" * 400, 3.0),
                (lambda: "99999999.9", 3.0),
                (lambda: "-5", 0.0),
                (lambda: "soon", 0.0),
            ],
            1,
        ):
            throttle = server.answer = Throttle(2, after)
            assert "hello" in covey("chat", "ann", "hi").stdout
            assert len(throttle.waits) == 2
            # The agent's maxDelay of 3 s is the bound; a date that has passed asks for nothing.
            assert throttle.waits[0] >= least
            assert sum(throttle.waits) < 30
            running.wait_for("tries again", times=2 * number)
        assert 'Model "m" at ' in running.output
        assert "is over its rate limit" in running.output
        assert "is over its rate limit" in covey("logs").stdout


@pytest.mark.parametrize(("flow", "reply"), [("ask-model", "hello"), ("ask-agent", "hello"), ("fetch", "ok")])
def test_nodes_wait_and_go_on(
    covey: Covey, folder: Callable[[NotingServer], Path], flow: str, reply: str
) -> None:
    with noting_server(Throttle(1, lambda: "2")) as server, covey.up(folder(server)) as running:
        assert reply in covey("run", flow).stdout
        throttle = server.answer
        assert isinstance(throttle, Throttle)
        assert throttle.waits[0] >= 2.0
        running.wait_for("429" if flow == "fetch" else "is over its rate limit")


def test_one_that_never_recovers_fails_with_the_cure(
    covey: Covey, folder: Callable[[NotingServer], Path]
) -> None:
    with noting_server(Throttle(1000, lambda: "0")) as server, covey.up(folder(server)):
        for flow in ("ask-model", "ask-agent"):
            before = len(server.asked)
            said = covey("run", flow, status=1).stderr
            assert "lower limits.maxConcurrency of its agents, or raise the limit at the provider" in said
            assert len(server.asked) - before == 3  # of the node or of the agent, not of both
