"""Routes: who is fed with what."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent_runtime.server.blackboard.access import Access, pointing
from agent_runtime.server.blackboard.requests import InPath, SubscribeBody
from agent_runtime.server.blackboard.responses import (
    ForgottenAnswer,
    SubscriptionsAnswer,
    json_response,
    subscriber_to_wire,
)


def add_subscription_routes(routes: APIRouter, access: Access) -> None:
    """Subscribe, see who is subscribed, unsubscribe."""

    @routes.get(
        "/subscriptions", summary="See subscriptions", responses={200: {"model": SubscriptionsAnswer}}
    )
    async def subscriptions(request: Request) -> Response:
        """All subscriptions for admins; its own for an agent."""
        caller = access.caller(request, "admin", "agent")
        found = await access.service(request).subscriptions()
        shown = [one for one in found if caller.role == "admin" or one.identity.name == caller.name]
        return json_response({"subscriptions": [subscriber_to_wire(one) for one in shown]})

    @routes.put("/subscriptions", status_code=204, summary="Subscribe")
    async def subscribe(request: Request, body: SubscribeBody) -> None:
        """Say what sets the caller to work, in place of what it said before. For agents."""
        with pointing("/consumes"):
            await access.board(request).subscribe(body.consumes)

    @routes.delete("/subscriptions", summary="Unsubscribe", responses={200: {"model": ForgottenAnswer}})
    async def unsubscribe(request: Request) -> Response:
        """End the caller's subscription; what waits in its inbox is gone. For agents."""
        caller = access.caller(request, "agent")
        return json_response({"deliveries": await access.service(request).forget(caller.name)})

    @routes.delete(
        "/subscriptions/{agent}", summary="Forget an agent", responses={200: {"model": ForgottenAnswer}}
    )
    async def forget(request: Request, agent: InPath) -> Response:
        """End an agent's subscription; what waits in its inbox is gone. For admins."""
        access.caller(request, "admin")
        return json_response({"deliveries": await access.service(request).forget(agent)})
