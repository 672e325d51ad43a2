"""A server that is told to stop."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from tests.contract.boards import EDITOR, consumes
from tests.contract.server.serving import KEY, Place, Server, error_of

_PROCESS = """
import asyncio, os, socket, sys
from agent_runtime.processes.blackboard import serve
from agent_runtime.config.models import BlackboardConfig
config = BlackboardConfig.model_validate_json(sys.argv[1])
asyncio.run(serve(config, os.environ, sock=socket.socket(fileno=int(sys.argv[2])), drain_seconds=600))
"""


async def test_sigterm_drains_and_a_second_one_ends_the_process_cleanly() -> None:
    config = Place().config()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = Server(f"http://127.0.0.1:{sock.getsockname()[1]}", config)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROCESS, config.model_dump_json(by_alias=True), str(sock.fileno())),
            env=os.environ | {"COVEY_BLACKBOARD_KEY": KEY},
            pass_fds=[sock.fileno()],
        )
    try:
        async with server.board(EDITOR) as editor:
            await editor.subscribe([consumes()])
            waiting = asyncio.create_task(editor.lease(1, 60))
            await server.call("GET", "/v1/artifacts")
            process.send_signal(signal.SIGTERM)
            assert await waiting == []
            for path in ("/v1/artifacts", "/v1/events"):
                assert error_of(await server.call("GET", path)) == (503, "draining")
            assert (await server.call("GET", "/readyz")).status_code == 503
            assert (await server.call("GET", "/healthz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("key", ["", "COVEY_STORE_URL"])
def test_what_a_server_cannot_do_without(key: str) -> None:
    from agent_runtime.processes.blackboard import serve

    environ = {} if not key else {"COVEY_BLACKBOARD_KEY": KEY}
    with pytest.raises(ValueError, match=f"set {key or 'COVEY_BLACKBOARD_KEY'}"):
        asyncio.run(serve(Place("redis", "").config(), environ))
