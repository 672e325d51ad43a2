"""Deliveries that were given up, over HTTP."""

import pytest

from agent_runtime.blackboard.board import BoardError
from tests.contract.boards import ADMIN, EDITOR, SCOUT, consumes, finding
from tests.contract.server.serving import Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def give_up(server: Server, *ids: str) -> None:
    """Artifacts with these ids, each failed for good by the editor."""
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
        for id_ in ids:
            await scout.publish([finding(id=id_)])
            [delivery] = await editor.lease(1, 30)
            await editor.fail(delivery.id, f"cannot\0 {id_}", retry_in=None)


async def test_failing_twice_ends_in_the_dead_letters(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor, server.admin() as admin:
        await editor.subscribe([consumes()])
        await scout.publish([finding(id="1")])
        for _ in range(2):
            [delivery] = await editor.lease(1, 30)
            await editor.fail(delivery.id, "cannot")
        [letter] = await admin.dead_letters()
        assert (letter.agent, letter.artifact_ids, letter.attempts, letter.error) == (
            "editor",
            ("1",),
            2,
            "cannot",
        )
        stats = await admin.stats()
        assert (stats.artifacts, stats.dead_letters, stats.subscribers) == (1, 1, 1)


async def test_they_are_opened_replayed_and_dropped(server: Server) -> None:
    await give_up(server, "1", "2", "3")
    async with server.admin() as admin, server.board(EDITOR) as editor:
        letters = await admin.dead_letters(2, "editor")
        assert [letter.delivery for letter in letters] == ["3@editor", "2@editor"]
        assert await admin.dead_letters(agent="writer") == []
        letter, [artifact] = await admin.dead_letter("3@editor")
        assert (letter.error, artifact.id) == ("cannot\ufffd 3", "3")
        assert await admin.replay(["3@editor"]) == [letter]
        [delivery] = await editor.lease(1, 30)
        assert (delivery.artifacts, delivery.attempt) == ((artifact,), 2)
        assert await admin.drop(["1@editor", "none@editor"]) == 1
        assert [letter.delivery for letter in await admin.dead_letters()] == ["2@editor"]
        with pytest.raises(BoardError, match=r"there is no dead letter '1@editor'"):
            await admin.replay(["2@editor", "1@editor"])
        assert [letter.delivery for letter in await admin.dead_letters()] == ["2@editor"]


async def test_one_by_one(server: Server) -> None:
    await give_up(server, "1", "2")
    answer = await server.call("POST", "/v1/deadletters/1@editor/replay", ADMIN)
    assert [letter["delivery"] for letter in answer.json()["replayed"]] == ["1@editor"]
    answer = await server.call("DELETE", "/v1/deadletters/2@editor", ADMIN)
    assert answer.json() == {"dropped": 1}
    for method, path in (
        ("GET", "/v1/deadletters/2@editor"),
        ("POST", "/v1/deadletters/2@editor/replay"),
        ("DELETE", "/v1/deadletters/2@editor"),
    ):
        assert error_of(await server.call(method, path, ADMIN)) == (404, "not_found"), path


async def test_why_did_it_not_run(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor, server.admin() as admin:
        await editor.subscribe([consumes(), consumes(tags=["hot"])])
        await scout.publish([finding(id="1")])
        said = await admin.explain("1", "editor")
        assert said.subscribed
        assert [(one.entry, one.refused_by) for one in said.verdicts] == [(0, None), (1, "tags")]
        assert not (await admin.explain("1", "nobody")).subscribed
        with pytest.raises(BoardError, match="there is no artifact 'none'"):
            await admin.explain("none", "editor")
