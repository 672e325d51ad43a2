"""Routes: what an agent does with its inbox."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent_runtime.server.blackboard.access import Access, pointing
from agent_runtime.server.blackboard.requests import AcknowledgeBody, ExtendBody, FailBody, InPath, LeaseBody
from agent_runtime.server.blackboard.responses import (
    ArtifactsAnswer,
    DeliveriesAnswer,
    artifacts_to_wire,
    delivery_to_wire,
    json_response,
)
from agent_runtime.server.http.disconnects import cancel_on_disconnect


def add_lease_routes(routes: APIRouter, access: Access) -> None:
    """Lease, heartbeat, acknowledge, fail, release. For agents."""

    @routes.post("/leases", summary="Lease", responses={200: {"model": DeliveriesAnswer}})
    async def lease(request: Request, body: LeaseBody) -> Response:
        """Deliveries for the caller, waiting for the first if there is none."""
        board = access.board(request)
        with access.waiting(request):
            leasing = board.lease(body.limit, body.wait)
            deliveries = await cancel_on_disconnect(request, leasing, board.release_unread) or []
        return json_response({"deliveries": [delivery_to_wire(one) for one in deliveries]})

    @routes.put("/leases/{lease_id}", status_code=204, summary="Extend a lease")
    async def extend(request: Request, lease_id: InPath, body: ExtendBody | None = None) -> Response:
        """Heartbeat: the lease begins anew. With a note, it is told how far the work is."""
        await access.board(request).extend(lease_id, "" if body is None else body.note)
        return Response(status_code=204)

    @routes.post(
        "/leases/{lease_id}/acknowledge",
        summary="Acknowledge",
        responses={200: {"model": ArtifactsAnswer}},
    )
    async def acknowledge(request: Request, lease_id: InPath, body: AcknowledgeBody) -> Response:
        """Publish the results and finish the delivery, in one step; a second time, the first answer."""
        access.count(len(body.results))
        with pointing("/results"):
            drafts = [one.draft() for one in body.results]
            published = await access.board(request).acknowledge(lease_id, drafts)
        return json_response(artifacts_to_wire(published))

    @routes.post("/leases/{lease_id}/fail", status_code=204, summary="Give back")
    async def fail(request: Request, lease_id: InPath, body: FailBody) -> Response:
        """Give the delivery back: to be tried again later, or to the dead letters."""
        await access.board(request).fail(lease_id, body.error, retry_in=body.retry_in)
        return Response(status_code=204)

    @routes.post("/leases/{lease_id}/release", status_code=204, summary="Give back without a judgement")
    async def release(request: Request, lease_id: InPath) -> Response:
        """The delivery is offered again at once, and the attempt does not count as a failed one."""
        await access.board(request).release(lease_id)
        return Response(status_code=204)
