"""The queue's routes: `runs.queue.port.RunQueue` over HTTP, each call held to what its caller may do."""

from typing import Any
from urllib.parse import quote

import orjson
from fastapi.responses import Response

from agent_runtime.runs.queue.access import Access
from agent_runtime.runs.queue.port import QueueState, RunQueue, TaskLease
from agent_runtime.server.http.disconnects import cancel_on_disconnect
from agent_runtime.server.http.errors import ApiError
from agent_runtime.server.runs.metrics import RunsMetrics
from agent_runtime.server.runs.routes import Call, Routes
from agent_runtime.server.runs.wire import (
    MAX_QUEUE_BODY,
    ChangesQuery,
    HeartbeatQuery,
    RunQuery,
    SubmitQuery,
    TakeQuery,
    TicketQuery,
    UpdateQuery,
)

_TICKET_HEADERS = '"Covey-Run", "Covey-Generation", "Covey-Attempt" in the headers'


class QueueRoutes:
    """Every handler checks the caller, then asks the queue."""

    def __init__(self, queue: RunQueue, access: Access, metrics: RunsMetrics) -> None:
        self._queue = queue
        self._access = access
        self._metrics = metrics

    def add_to(self, routes: Routes) -> None:
        """Put them on the app."""
        add = routes.add
        add("POST", "/v1/queue", SubmitQuery, self.submit, body="The run's config.", answer='{"new": bool}')
        add("PUT", "/v1/queue", UpdateQuery, self.update, body="A new config; nothing: the old one stays.")
        add("GET", "/v1/queue", RunQuery, self.state, answer="Where the run stands.")
        add("DELETE", "/v1/queue", RunQuery, self.remove)
        ticket = f"The run's config, with {_TICKET_HEADERS}; 204 when no run came."
        add("POST", "/v1/tickets", TakeQuery, self.take, answer=ticket)
        wanted = '{"wanted": "Run" | "Suspend" | "Cancel"}'
        add("PUT", "/v1/tickets", HeartbeatQuery, self.heartbeat, body="Progress, JSON.", answer=wanted)
        add("POST", "/v1/tickets/finish", TicketQuery, self.finish, body="The outcome, a JSON object.")
        add("GET", "/v1/changes", ChangesQuery, self.changes, answer='{"changes": [[sequence, run]]}')

    async def submit(self, call: Call[SubmitQuery]) -> Response:
        """Put a run into a queue, once. For the operator."""
        self._access.operate(call.caller)
        new = await self._queue.submit(call.query.run, call.query.queue, await _body(call))
        return _json({"new": new})

    async def update(self, call: Call[UpdateQuery]) -> Response:
        """Say what is wanted of a run. For the operator. 404 `no_such_run`."""
        self._access.operate(call.caller)
        await self._queue.update(call.query.run, await _body(call) or None, call.query.wanted)
        return Response(status_code=204)

    async def state(self, call: Call[RunQuery]) -> Response:
        """Where a run stands. For the operator. 204 when it is not in a queue."""
        self._access.operate(call.caller)
        state = await self._queue.state(call.query.run)
        return Response(status_code=204) if state is None else _json(_state_to_wire(state))

    async def remove(self, call: Call[RunQuery]) -> Response:
        """Forget a run. For the operator."""
        self._access.operate(call.caller)
        await self._queue.remove(call.query.run)
        return Response(status_code=204)

    async def take(self, call: Call[TakeQuery]) -> Response:
        """Take the run that waits longest, waiting for one if there is none."""
        query = call.query
        self._access.work(call.caller, query.queue)
        taking = self._queue.take(query.queue, query.holder, query.ttl, wait=query.wait, claim=query.claim)
        ticket = await (cancel_on_disconnect(call.request, taking) if query.wait else taking)
        if ticket is None:
            return Response(status_code=204)
        self._metrics.ticket(query.queue, "taken")
        headers = {
            "Covey-Run": quote(ticket.run),
            "Covey-Generation": str(ticket.generation),
            "Covey-Attempt": str(ticket.attempt),
        }
        return Response(ticket.body, headers=headers, media_type="application/octet-stream")

    async def heartbeat(self, call: Call[HeartbeatQuery]) -> Response:
        """Keep a ticket, or give it back. 409 `lease_lost`: it is no longer good."""
        query = call.query
        self._access.work(call.caller, query.queue)
        progress = await _body(call)
        if progress:
            _check_json(progress)
        wanted = await self._queue.heartbeat(_ticket(query), query.ttl, progress or None)
        if query.ttl == 0:
            self._metrics.ticket(query.queue, "given_back")
        return _json({"wanted": wanted})

    async def finish(self, call: Call[TicketQuery]) -> Response:
        """End a ticket with the run's outcome. 409 `lease_lost`: it is no longer good."""
        query = call.query
        self._access.work(call.caller, query.queue)
        outcome = await _body(call)
        if not isinstance(_check_json(outcome), dict):
            raise ApiError(422, "an outcome is a JSON object")
        await self._queue.finish(_ticket(query), outcome)
        self._metrics.ticket(query.queue, "finished")
        return Response(status_code=204)

    async def changes(self, call: Call[ChangesQuery]) -> Response:
        """Runs that changed, waiting for one if there is none. For the operator."""
        query = call.query
        self._access.operate(call.caller)
        looking = self._queue.changes(query.after, query.limit, wait=query.wait)
        changes = await (cancel_on_disconnect(call.request, looking) if query.wait else looking)
        return _json({"changes": changes or []})


def _ticket(query: TicketQuery) -> TaskLease:
    """As it was handed out; attempt and body are of no account here."""
    return TaskLease(query.run, query.queue, query.holder, query.generation, 0, b"")


def _state_to_wire(state: QueueState) -> dict[str, Any]:
    return {
        "run": state.run,
        "queue": state.queue,
        "state": state.state,
        "wanted": state.wanted,
        "attempts": state.attempts,
        "holder": state.holder,
        "outcome": None if state.outcome is None else orjson.Fragment(state.outcome),
        "progress": None if state.progress is None else orjson.Fragment(state.progress),
    }


async def _body(call: Call[Any]) -> bytes:
    body: bytes = await call.request.body()
    if len(body) > MAX_QUEUE_BODY:
        raise ApiError(413, f"the body has {len(body)} bytes; the queue takes at most {MAX_QUEUE_BODY}")
    return body


def _check_json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}", code="not_json") from error


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
