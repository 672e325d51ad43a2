"""What the run store and the queue refuse, as the error body; `durable.client.transport` reads it back."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from agent_runtime.durable.port import (
    LeaseLost,
    NoSuchRun,
    RunExists,
    RunHeld,
    StoreError,
    StoreFull,
    Unavailable,
)
from agent_runtime.server.http.errors import error_response


def install_store_errors(app: FastAPI) -> None:
    """Beside `server.http.errors.install_errors`."""

    @app.exception_handler(StoreError)
    async def _refused(request: Request, error: StoreError) -> JSONResponse:
        status, code = _status_and_code(error)
        return error_response(request, status, str(error), code=code, details=_details(error))


def _status_and_code(error: StoreError) -> tuple[int, str]:
    match error:
        case RunHeld():
            return 409, "run_held"
        case LeaseLost():
            return 409, "lease_lost"
        case RunExists():
            return 409, "run_exists"
        case NoSuchRun():
            return 404, "no_such_run"
        case StoreFull():
            return 507, "store_full"
        case Unavailable():
            return 503, "store_unavailable"
        case _:
            return 409, "store_refused"


def _details(error: StoreError) -> list[dict[str, str]]:
    """What a client needs to raise the same error."""
    match error:
        case RunHeld():
            until = error.until.isoformat()
            return [{"pointer": "/holder", "message": error.holder}, {"pointer": "/until", "message": until}]
        case NoSuchRun():
            return [{"pointer": "/number", "message": str(number)} for number in error.known]
        case _:
            return []
