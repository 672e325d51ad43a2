"""The processes of the runtime image: started as a container does, stopped as Kubernetes does."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from agent_runtime.__main__ import main
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, Query
from agent_runtime.blackboard.client.client import HttpBoard
from tests.paths import ROOT

TOKEN = "let-me-in"
ENVIRON = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
LONG = 120
"""Seconds until a test gives up on a process."""


def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agent_runtime", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**ENVIRON, **environ},
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def write(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def agent(script: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    model = {"name": "actor", "provider": "Scripted", "script": script}
    return {"kind": "Agent", "name": "ann", "namespace": "news", "model": model, **fields}


def flow_run(url: str, *nodes: dict[str, Any], **flow: Any) -> dict[str, Any]:
    return {
        "kind": "FlowRun",
        "name": "r1",
        "namespace": "news",
        "flowName": "report",
        "flow": {"start": nodes[0]["name"], "nodes": list(nodes), **flow},
        "models": {
            "fast": {"name": "fast", "provider": "Scripted", "script": [{"reply": "ok", "delay": "50s"}]}
        },
        "agents": {"ann": {"url": url, "tokenEnv": "COVEY_AGENT_ANN_TOKEN"}},
    }


@contextmanager
def running_agent(folder: Path, script: list[dict[str, Any]]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An agent's process that is ready, and where it is."""
    port = free_port()
    config = write(folder / "agent.json", agent(script))
    process = start(
        "agent", "--config", config, "--host", "127.0.0.1", "--port", str(port), COVEY_AGENT_TOKEN=TOKEN
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _until_ready(url, process)
        yield url, process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an agent is that repeats what it hears, and calls a tool that it does not have when told to."""
    script: list[dict[str, Any]] = [
        {"when": "message == 'use a tool'", "toolCalls": [{"tool": "clock"}]},
        {"reply": "you said ${input}"},
    ]
    with running_agent(tmp_path_factory.mktemp("ann"), script) as (url, _):
        yield url


def _until_ready(url: str, process: subprocess.Popen[str]) -> None:
    _until(lambda: httpx.get(f"{url}/readyz").status_code == 200, process)


async def _first(board: Board, query: Query) -> Sequence[Artifact]:
    """What the query finds, once it finds something."""
    async with asyncio.timeout(LONG):
        while not (found := (await board.query(query)).artifacts):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return found


def _until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.ConnectError:
            assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("the process never became what it should")


def test_an_agent_answers_is_healthy_and_stops_when_told(tmp_path: Path) -> None:
    with running_agent(tmp_path, [{"reply": "you said ${input}"}]) as (url, process):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{url}/v1/chat", json={"message": "hello"}, headers=headers)
        assert answer.json()["reply"] == "you said hello"
        assert httpx.post(f"{url}/v1/chat", json={"message": "hello"}).status_code == 401
        port = url.rpartition(":")[2]
        assert start("healthcheck", "--port", port).wait(LONG) == 0
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=LONG)
        assert process.returncode == 0, errors
        assert start("healthcheck", "--port", port).wait(LONG) == 1
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["kind"] for line in lines if "kind" in line] == ["agent.finished"]
    assert lines[0]["service"] == "agent/ann"
    assert TOKEN not in output + errors


def test_a_run_asks_the_agent_and_leaves_its_outcome(ann: str, tmp_path: Path) -> None:
    node = {"name": "ask", "agent": "ann", "input": "hello"}
    config = write(tmp_path / "run.json", flow_run(ann, node, result="<${shared.ask}>"))
    result = tmp_path / "result"
    run = start("run", "--config", config, "--result", str(result), COVEY_AGENT_ANN_TOKEN=TOKEN)
    output, errors = run.communicate(timeout=LONG)
    assert run.returncode == 0, errors
    outcome = json.loads(result.read_text())
    (asked,) = outcome.pop("nodes")
    assert outcome == {"result": "<you said hello>", "usage": {"inputTokens": 1, "outputTokens": 3}}
    assert asked.pop("startedAt") <= asked.pop("finishedAt")
    assert asked == {"name": "ask", "state": "Succeeded", "action": "default", "visits": 1}
    assert TOKEN not in output + errors


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("wrong", 'agent "ann" at URL failed: the token is not accepted'),
        ("", 'no token for agent "ann": COVEY_AGENT_ANN_TOKEN is not set'),
        (TOKEN, 'agent "ann" at URL failed: the model of agent "ann" called clock, but pattern Chat'),
    ],
)
def test_a_run_that_fails_says_why_and_exits_with_1(
    ann: str, tmp_path: Path, token: str, message: str
) -> None:
    node = {"name": "ask", "agent": "ann", "input": "use a tool"}
    config = write(tmp_path / "run.json", flow_run(ann, node))
    result = tmp_path / "result"
    run = start("run", "--config", config, "--result", str(result), COVEY_AGENT_ANN_TOKEN=token)
    run.communicate(timeout=LONG)
    assert run.returncode == 1
    error = json.loads(result.read_text())["error"]
    assert error["node"] == "ask"
    assert error["message"].startswith(message.replace("URL", ann))


def test_a_run_that_is_told_to_stop_leaves_no_outcome_and_can_be_taken_up(tmp_path: Path) -> None:
    node = {"name": "think", "llm": {"model": {"name": "fast"}, "prompt": "hi"}}
    config = write(tmp_path / "run.json", flow_run("http://127.0.0.1:9", node))
    result = tmp_path / "result"
    run = start("run", "--config", config, "--result", str(result))
    assert run.stdout is not None
    for line in run.stdout:
        if json.loads(line).get("kind") == "run.started":
            break
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=LONG)
    assert run.returncode == 143
    assert not result.exists()


@pytest.mark.parametrize(
    ("role", "content", "message"),
    [
        ("agent", None, "agent.json: cannot be read: No such file or directory"),
        ("agent", "{", "agent.json: not JSON"),
        ("agent", [], "agent.json: kind is 'list', but this role needs \"Agent\""),
        ("agent", {"kind": "FlowRun"}, "agent.json: kind is 'FlowRun', but this role needs \"Agent\""),
        ("run", {"kind": "Agent"}, "agent.json: kind is 'Agent', but this role needs \"FlowRun\""),
        ("agent", agent([]) | {"patern": "Chat", "name": 5}, "agent.json: patern: Extra inputs"),
    ],
)
def test_a_config_that_cannot_be_used_is_one_clear_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], role: str, content: Any, message: str
) -> None:
    path = tmp_path / "agent.json"
    if content is not None:
        write(path, content)
    assert main([role, "--config", str(path)]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert all(line.startswith(f"covey-runtime {role}: ") for line in errors.splitlines())


def test_an_agent_without_its_token_or_with_a_broken_script_does_not_start(tmp_path: Path) -> None:
    broken = agent([{"reply": "${nobody}"}], tokenEnv=None)
    for config, message in (
        (agent([{"reply": "hi"}]), "the environment variable COVEY_AGENT_TOKEN is not set"),
        (broken, 'Model "actor" has a script that does not compile'),
    ):
        process = start("agent", "--config", write(tmp_path / "agent.json", config), COVEY_AGENT_TOKEN="")
        _, errors = process.communicate(timeout=LONG)
        assert process.returncode == 2
        assert errors.startswith(f"covey-runtime agent: {message}")
        assert "Traceback" not in errors


def test_a_blackboard_server_starts_and_stops_when_told(tmp_path: Path) -> None:
    types = [{"name": "Idea", "schema": {"type": "object"}}]
    config = {"kind": "Blackboard", "name": "board", "namespace": "news", "store": "memory", "types": types}
    port = free_port()
    arguments = ["--config", write(tmp_path / "board.json", config), "--host", "127.0.0.1"]
    process = start("blackboard", *arguments, "--port", str(port), COVEY_BLACKBOARD_KEY="00" * 32)
    try:
        _until_ready(f"http://127.0.0.1:{port}", process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=LONG)
        assert process.returncode == 0, errors
    finally:
        process.kill()
    keyless = start("blackboard", *arguments, COVEY_BLACKBOARD_KEY="")
    _, errors = keyless.communicate(timeout=LONG)
    assert (keyless.returncode, errors.startswith("covey-runtime blackboard: ")) == (2, True)


async def test_an_agent_waits_for_its_blackboard_and_then_works_on_what_comes(tmp_path: Path) -> None:
    key, port, agent_port = "00" * 32, free_port(), free_port()
    url, audience = f"http://127.0.0.1:{port}", "blackboard/news/board"
    types = [{"name": name, "schema": {"type": "object"}} for name in ("Idea", "Note")]
    board = {"kind": "Blackboard", "name": "board", "namespace": "news", "store": "memory", "types": types}
    ann = agent(
        [{"reply": "${{'text': 'about ' + input.payload.topic}}"}],
        blackboard={"name": "board", "url": url, "consumes": [{"types": ["Idea"]}]},
        publishes=[{"type": "Note"}],
    )
    local = ["--host", "127.0.0.1", "--port"]
    worker = start(
        *["agent", "--config", write(tmp_path / "agent.json", ann), *local, str(agent_port)],
        COVEY_AGENT_TOKEN=TOKEN,
        COVEY_BLACKBOARD_TOKEN=mint(key, Identity("ann"), audience),
    )
    server = None
    try:
        health = f"http://127.0.0.1:{agent_port}"
        _until(lambda: httpx.get(f"{health}/healthz").status_code == 200, worker)
        waiting = httpx.get(f"{health}/readyz")
        assert waiting.status_code == 503
        assert f'not subscribed to Blackboard "board" at {url} yet' in waiting.json()["error"]["message"]
        config = write(tmp_path / "board.json", board)
        server = start("blackboard", "--config", config, *local, str(port), COVEY_BLACKBOARD_KEY=key)
        _until_ready(health, worker)
        async with HttpBoard(url, mint(key, Identity("editor", "user"), audience)) as editor:
            await editor.publish([Draft(type="Idea", payload={"topic": "bees"})])
            notes = await _first(editor, Query(type="Note"))
        assert [(note.producer, note.payload) for note in notes] == [("ann", {"text": "about bees"})]
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate(timeout=LONG)
        assert worker.returncode == 0, errors
    finally:
        for process in filter(None, (worker, server)):
            process.kill()
            process.communicate()


def test_only_the_role_that_is_asked_for_is_imported(tmp_path: Path) -> None:
    check = (
        "import sys; from agent_runtime.__main__ import main\n"
        "assert main(['healthcheck', '--port', '1']) == 1\n"
        "heavy = {'fastapi', 'pydantic', 'pydantic_ai', 'openai', 'redis', 'apsw'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)
