"""One publication is one trace, although a server and two agents take part in it, each a process."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.telemetry import traces
from tests.collector import collector
from tests.laptop.test_roles import LONG, TOKEN, _first, _until_ready, agent, free_port, start, write

KEY = "00" * 32
AUDIENCE = "blackboard/news/board"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
USER = mint(KEY, Identity("editor", "user"), AUDIENCE)


def chained(name: str, consumed: str, published: str, reply: str, url: str) -> dict[str, Any]:
    """An agent that calls a tool before it answers."""
    script: list[dict[str, Any]] = [
        {"when": "turn == 0", "toolCalls": [{"tool": "clock"}]},
        {"reply": reply},
    ]
    fields = {
        "pattern": "ReAct",
        "tools": [{"builtin": "clock"}],
        "blackboard": {"name": "board", "url": url, "consumes": [{"types": [consumed]}]},
        "publishes": [{"type": published}],
    }
    return agent(script, **fields) | {"name": name}


async def test_a_publication_is_one_trace_across_processes(tmp_path: Path) -> None:
    board_port, ports = free_port(), {"ann": free_port(), "bob": free_port()}
    url = f"http://127.0.0.1:{board_port}"
    types = [{"name": name, "schema": {"type": "object"}} for name in ("Idea", "Note", "Story")]
    board = {"kind": "Blackboard", "name": "board", "namespace": "news", "store": "memory", "types": types}
    agents = {
        "ann": chained("ann", "Idea", "Note", "${{'text': input.payload.topic}}", url),
        "bob": chained("bob", "Note", "Story", "${{'story': input.payload.text}}", url),
    }
    processes: list[subprocess.Popen[str]] = []

    def run(role: str, name: str, config: dict[str, Any], port: int, **environ: str) -> None:
        file = write(tmp_path / f"{name}.json", config)
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collected_at}
        local = ["--config", file, "--host", "127.0.0.1", "--port", str(port)]
        processes.append(start(role, *local, **telemetry, **environ))
        _until_ready(f"http://127.0.0.1:{port}", processes[-1])

    with collector() as (collected_at, spans):
        try:
            run("blackboard", "board", board, board_port, COVEY_BLACKBOARD_KEY=KEY)
            for name, config in agents.items():
                token = mint(KEY, Identity(name), AUDIENCE)
                run("agent", name, config, ports[name], COVEY_AGENT_TOKEN=TOKEN, COVEY_BLACKBOARD_TOKEN=token)
            async with HttpBoard(url, USER, trace=traces.outgoing_headers) as editor:
                with traces.carried(CALLER):
                    [idea] = await editor.publish([Draft(type="Idea", payload={"topic": "bees"})])
                [story] = await _first(editor, Query(type="Story"))
            for process in reversed(processes):  # the agents first: they give back what they hold
                process.send_signal(signal.SIGTERM)
                output, errors = await asyncio.to_thread(process.communicate, timeout=LONG)
                assert process.returncode == 0, errors
        finally:
            for process in processes:
                process.kill()
                process.communicate()
    assert '"blackboard: progress"' in output
    assert '"reason":"called clock"' in output
    ours = [span for span in spans if span.trace_id.hex() == CALLER.split("-")[1]]
    assert family(ours) >= {
        ("POST /v1/artifacts", "the caller"),
        ("publish Idea", "POST /v1/artifacts"),
        ("schedule", "publish Idea"),
        ("invoke_agent ann", "publish Idea"),
        ("evaluate", "invoke_agent ann"),
        ("chat", "evaluate"),
        ("execute_tool", "evaluate"),
        ("POST acknowledge", "invoke_agent ann"),
        ("publish Note", "POST acknowledge"),
        ("schedule", "publish Note"),
        ("invoke_agent bob", "publish Note"),
        ("publish Story", "POST acknowledge"),
    }
    everywhere = {span.name: span for span in ours}
    assert idea.traceparent == f"00-{CALLER.split('-')[1]}-{everywhere['publish Idea'].span_id.hex()}-01"
    assert story.traceparent == f"00-{CALLER.split('-')[1]}-{everywhere['publish Story'].span_id.hex()}-01"
    assert everywhere["publish Idea"].kind == Span.SPAN_KIND_PRODUCER
    assert everywhere["invoke_agent bob"].kind == Span.SPAN_KIND_CONSUMER


def family(spans: list[Span]) -> set[tuple[str, str]]:
    """(name, its parent's name) of each span; deliveries have long names, in paths as well."""
    names = {span.span_id: _short(span.name) for span in spans}
    return {(_short(span.name), names.get(span.parent_span_id, "the caller")) for span in spans}


def _short(name: str) -> str:
    return "POST acknowledge" if name.endswith("/acknowledge") else name
