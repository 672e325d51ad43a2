"""Bodies parsed by the book: NaN, lone surrogates and integers past 64 bits are refused, not guessed at.

The standard library accepts them, and they come back changed from every store. Of a key that stands twice in
an object the last value counts, as everywhere; objects and lists may be nested 1024 deep.
"""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

_MANY_DIGITS = re.compile(rb"[0-9]{19}")
_INTEGERS = range(-(2**63), 2**64)


def parse(body: bytes) -> Any:
    """The JSON value. Raises json.JSONDecodeError."""
    value = orjson.loads(body)
    if _MANY_DIGITS.search(body) is not None:
        _refuse_large_integers(body)
    return value


def _refuse_large_integers(body: bytes) -> None:
    """orjson makes floats of them, which say something else."""

    def checked(digits: str) -> int:
        # Python itself refuses to make a number of thousands of digits
        if len(digits) > 20 or int(digits) not in _INTEGERS:
            raise json.JSONDecodeError(f"the integer {digits[:24]} does not fit in 64 bits", "", 0)
        return int(digits)

    try:
        json.loads(body, parse_int=checked)
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse(await self.body())


class StrictJsonRoute(APIRoute):
    """For `APIRouter(route_class=...)`: a body that is not JSON is answered with 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict
