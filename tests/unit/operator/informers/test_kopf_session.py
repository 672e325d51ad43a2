"""What kopf is given instead of an answer that would end it, by a server that refuses."""

import aiohttp
import pytest

from covey_operator.informers.kopf_session import GONE, Relisting
from tests.noting_server import NotingServer, Says, noting_server

AGENTS = "/apis/covey.dev/v1alpha1/agents"
WATCH = f"{AGENTS}?watch=true"
EVENT = b'{"type":"MODIFIED","object":{}}\n'
ERROR = b'{"type":"ERROR","object":{"code":500}}\n'


async def asked(server: NotingServer, *paths: str, pauses: list[float]) -> list[tuple[int, bytes] | str]:
    """Status and content of each answer, or the error, as kopf meets them."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    found: list[tuple[int, bytes] | str] = []
    async with aiohttp.ClientSession(middlewares=(Relisting(sleep),)) as session:
        for path in paths:
            try:
                async with session.get(f"{server.url}{path}") as answer:
                    content = b"".join([data async for data in answer.content.iter_chunked(2**20)])
                    found.append((answer.status, content))
            except aiohttp.ClientError as error:
                found.append(type(error).__name__)
    return found


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_refused_watch_or_list_is_begun_again(status: int) -> None:
    pauses: list[float] = []
    with noting_server(lambda each: Says({"message": "no"}, status)) as server:
        found = await asked(server, WATCH, f"{AGENTS}?limit=200&continue=x", WATCH, pauses=pauses)
    assert found == [(200, GONE), "ClientPayloadError", (200, GONE)]
    assert pauses == [0.5, 1, 2]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_what_kopf_tries_again_by_itself_is_left_to_it(status: int) -> None:
    pauses: list[float] = []
    with noting_server(lambda each: Says({"message": "no"}, status)) as server:
        found = await asked(server, WATCH, pauses=pauses)
    assert [each[0] for each in found] == [status]
    assert pauses == []


async def test_only_lists_and_watches_of_our_kinds_are_concerned() -> None:
    pauses: list[float] = []
    with noting_server(lambda each: Says({"message": "no"}, 404)) as server:
        paths = ("/apis/covey.dev/v1alpha1", "/api/v1/namespaces?watch=true", "/version")
        found = await asked(server, *paths, pauses=pauses)
    assert [each[0] for each in found] == [404, 404, 404]
    assert pauses == []


async def test_a_pause_is_short_again_when_a_watch_has_brought_something_and_not_before() -> None:
    answers = iter([ERROR, ERROR, EVENT, ERROR, b"", ERROR])
    pauses: list[float] = []
    with noting_server(lambda each: Says(next(answers))) as server:
        found = await asked(server, *[WATCH] * 6, pauses=pauses)
    assert [each[1] for each in found] == [GONE, GONE, EVENT, GONE, b"", GONE]
    assert pauses == [0.5, 1, 0.5, 1]


async def test_an_error_behind_events_is_one_too() -> None:
    with noting_server(lambda each: Says(EVENT + EVENT + ERROR)) as server:
        found = await asked(server, WATCH, pauses=[])
    assert found == [(200, EVENT + EVENT + GONE)]


@pytest.mark.parametrize("content", [EVENT[:9], EVENT + ERROR[:9]])
async def test_half_an_event_is_kopfs_to_judge(content: bytes) -> None:
    with noting_server(lambda each: Says(content)) as server:
        assert await asked(server, WATCH, pauses=[]) == [(200, content)]
