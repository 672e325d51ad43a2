"""Routes: deliveries that were given up. For admins."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.server.blackboard.access import Access
from agent_runtime.server.blackboard.requests import DeliveriesBody, InPath
from agent_runtime.server.blackboard.responses import (
    DeadLettersAnswer,
    DroppedAnswer,
    OpenedLetterAnswer,
    ReplayedAnswer,
    artifacts_to_wire,
    json_response,
    letter_to_wire,
)
from agent_runtime.server.http.errors import ApiError
from agent_runtime.server.http.validation_errors import WITHOUT_NUL


def add_dead_letter_routes(routes: APIRouter, access: Access) -> None:
    """Inspect, replay, drop."""

    def service(request: Request) -> BlackboardService:
        access.caller(request, "admin")
        return access.service(request)

    @routes.get("/deadletters", summary="See dead letters", responses={200: {"model": DeadLettersAnswer}})
    async def dead_letters(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        agent: Annotated[str | None, Query(max_length=256, pattern=WITHOUT_NUL)] = None,
    ) -> Response:
        """The newest deliveries that were given up, newest first; those of one agent when it is named."""
        letters = await service(request).dead_letters(limit, agent)
        return json_response({"deadLetters": [letter_to_wire(letter) for letter in letters]})

    @routes.get(
        "/deadletters/{delivery}",
        summary="Open a dead letter",
        responses={200: {"model": OpenedLetterAnswer}},
    )
    async def dead_letter(request: Request, delivery: InPath) -> Response:
        """One that was given up, with its artifacts."""
        letter, artifacts = await service(request).dead_letter(delivery)
        return json_response({"deadLetter": letter_to_wire(letter), **artifacts_to_wire(artifacts)})

    @routes.post("/deadletters/replay", summary="Replay several", responses={200: {"model": ReplayedAnswer}})
    async def replay_all(request: Request, body: DeliveriesBody) -> Response:
        """Offer them again, all or none in one step."""
        replayed = await service(request).replay(body.deliveries)
        return json_response({"replayed": [letter_to_wire(letter) for letter in replayed]})

    @routes.post("/deadletters/drop", summary="Drop several", responses={200: {"model": DroppedAnswer}})
    async def drop_all(request: Request, body: DeliveriesBody) -> Response:
        """Delete them for good. Those that are no dead letters are left out."""
        return json_response({"dropped": await service(request).drop(body.deliveries)})

    @routes.post(
        "/deadletters/{delivery}/replay", summary="Replay", responses={200: {"model": ReplayedAnswer}}
    )
    async def replay(request: Request, delivery: InPath) -> Response:
        """Offer it again."""
        replayed = await service(request).replay([delivery])
        return json_response({"replayed": [letter_to_wire(letter) for letter in replayed]})

    @routes.delete("/deadletters/{delivery}", summary="Drop", responses={200: {"model": DroppedAnswer}})
    async def drop(request: Request, delivery: InPath) -> Response:
        """Delete it for good."""
        if not await service(request).drop([delivery]):
            raise ApiError(404, f"there is no dead letter {delivery!r}")
        return json_response({"dropped": 1})
