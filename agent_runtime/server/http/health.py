"""Health by dependency: `/healthz` says that the process lives, `/readyz` that it can do its work.

A dependency that is down takes the server out of service, not out of life: restarting it would not help.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from agent_runtime.server.http.errors import error_response

Check = Callable[[], Awaitable[object]]
"""Returns when the dependency answers; raises when it does not."""


class Health:
    """Whether a server is alive, ready or draining. Mount `router` on the app."""

    def __init__(
        self,
        checks: Mapping[str, Check] | None = None,
        *,
        noted: Mapping[str, Check] | None = None,
        timeout: float = 2.0,
    ) -> None:
        """`checks` by the dependency's name; one that takes longer than `timeout` seconds is down.

        Those in `noted` are told of, and do not take the server out of service.
        """
        self._checks = dict(checks or {})
        self._noted = dict(noted or {})
        self._timeout = timeout
        self.draining = False
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/healthz", self._alive)
        self.router.add_api_route("/readyz", self._ready)

    async def faults(self) -> dict[str, str]:
        """What is down, by name, with the reason; empty when all is well."""
        outcomes = await asyncio.gather(*(self._fault(check) for check in self._checks.values()))
        return {name: fault for name, fault in zip(self._checks, outcomes, strict=True) if fault}

    async def _fault(self, check: Check) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await check()
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except Exception as error:  # whatever the dependency's client raises, it is down
            return str(error) or type(error).__name__
        return ""

    async def _alive(self) -> dict[str, str]:
        return {"status": "alive"}

    async def _ready(self, request: Request) -> Response:
        if self.draining:
            return error_response(request, 503, "draining: this server is about to stop", code="draining")
        faults = await self.faults()
        if faults:
            details = [{"pointer": f"/{name}", "message": fault} for name, fault in faults.items()]
            message = "not ready: " + "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            return error_response(request, 503, message, code="not_ready", details=details)
        noted = {name: await self._fault(check) or "ok" for name, check in self._noted.items()}
        return JSONResponse({"status": "ready", "dependencies": dict.fromkeys(self._checks, "ok") | noted})
