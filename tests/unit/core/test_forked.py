"""A process that a Python function forks and that outlives `covey up`."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime.local.state import StateFolder

_FORKS = """
import os, sys
from pathlib import Path
import pytest

from agent_runtime.local.state import StateFolder

folder = StateFolder.open(Path(sys.argv[1]))
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()  # until the test ends it
os._exit(0)
"""


def test_what_a_function_forked_does_not_hold_the_state_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FORKS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"forked\n"
        process.wait(60)
        StateFolder.open(tmp_path).close()
        process.stdin.close()


_SERVES = """
import asyncio, os, subprocess, sys, threading
from agent_runtime.local.up import _bound
from agent_runtime.server.http.uvicorn_server import serve_app

how, sock = sys.argv[1], _bound(0)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    if how == "fork" and os.fork() == 0:
        sys.stdin.read()  # until the test ends it
        os._exit(0)
    if how == "exec":
        subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], close_fds=False)
    print("has a child", flush=True)
    await asyncio.Event().wait()

print(sock.getsockname()[1], flush=True)
asyncio.run(serve_app(app, sock=sock))
"""


@pytest.mark.parametrize("how", ["fork", "exec"])
def test_what_a_function_started_holds_neither_the_port_nor_a_connection(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVES, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert process.stdout.readline() == b"has a child\n"
            process.kill()
            process.wait(60)
            while client.recv(1000):
                pass  # what was sent, and the end: not a timeout
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))
            again.listen()
        process.stdin.close()
