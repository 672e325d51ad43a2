"""A server that speaks OpenAI's chat completions, and misbehaves when the model's name says so."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

KEY = "sk-right"
_ERRORS = {
    "limited": (429, {"message": "slow down", "code": "rate_limit_exceeded"}, {"Retry-After": "7"}),
    "broke": (429, {"message": "pay first", "code": "insufficient_quota"}, {}),
    "down": (503, {"message": "overloaded"}, {}),
    "crashing": (500, {"message": "oops"}, {}),
    "unknown": (404, {"message": "no such model", "code": "model_not_found"}, {}),
    "strict": (400, {"message": "bad parameter"}, {}),
    "moved": (307, {}, {"Location": "http://169.254.169.254/v1/chat/completions"}),
    "found": (302, {}, {"Location": "/elsewhere"}),
    "small": (400, {"message": "too long", "code": "context_length_exceeded"}, {}),
}


class ChatServer:
    """What was asked of it is in `requests`; `replies` are what it says next, then it echoes."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        """What it answers next, byte for byte, before `replies`."""
        self.url = ""
        self._never = asyncio.Event()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def completions(request: Request) -> Response:
            body = await request.json()
            self.requests.append(body)
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return JSONResponse({"error": {"message": "wrong key"}}, 401)
            name = body["model"]
            if name in _ERRORS:
                status, error, headers = _ERRORS[name]
                return JSONResponse({"error": error}, status, headers=headers)
            if name == "slow":
                await asyncio.wait_for(self._never.wait(), 60)
            if name == "garbage":
                return PlainTextResponse("<html>Welcome to nginx</html>", media_type="text/html")
            if self.bodies:
                return Response(self.bodies.pop(0), media_type="application/json")
            if name == "hollow":
                return JSONResponse({**completion(name, {}), "choices": []})
            last = body["messages"][-1]["content"]
            message = self.replies.pop(0) if self.replies else {"content": f"echo: {last}"}
            return JSONResponse(completion(name, message))

        return app


def completion(model: str, message: dict[str, Any], finish_reason: str = "") -> dict[str, Any]:
    """A whole answer with this message."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason or ("tool_calls" if message.get("tool_calls") else "stop"),
                "message": {"role": "assistant", "content": None, **message},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }


@contextmanager
def running() -> Iterator[ChatServer]:
    """The server on a free port, in a thread."""
    chat = ChatServer()
    config = uvicorn.Config(
        chat.app(), host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the server did not start"
    chat.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield chat
    finally:
        server.should_exit = True
        thread.join()
