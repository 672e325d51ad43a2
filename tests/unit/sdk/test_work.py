"""What agents in Python do with what is published: matching, results, and what comes along with them."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent_runtime.api.agent import Count
from agent_runtime.blackboard.result_ids import ids_of_results
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.embedding.hashing import HashingEmbedder
from agent_runtime.sdk import Batch, Board, Context, Join, Reading, SimilarTo, artifact, draft
from tests.paths import ROOT
from tests.unit.sdk.films import Idea, Movie, Tagline, direct, studio


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where the board of a test is."""
    return tmp_path / "board.sqlite" if request.param == "sqlite" else None


async def test_an_idea_becomes_a_movie_and_a_tagline(store: Path | None) -> None:
    board = studio(store=store)

    @board.agent("writer").consumes(Movie).publishes(Tagline).engine
    async def write(context: Context) -> Tagline:
        return Tagline(line=f"{context.input(Movie).title}!")

    async with board:
        (cats, dogs) = await board.publish(Idea(topic="cats"), Idea(topic="dogs"), tags=["pets"])
        await board.idle()
        assert await board.read(Movie) == [Movie(title="CATS"), Movie(title="DOGS")]
        assert sorted(tag.line for tag in await board.read(Tagline)) == ["CATS!", "DOGS!"]
        assert await board.read(Tagline, correlation=dogs.correlation) == [Tagline(line="DOGS!")]
        (movie,) = await board.artifacts(Movie, correlation=cats.correlation)
        assert (movie.producer, movie.causes, movie.version) == ("director", (cats.id,), 1)


async def test_an_engine_says_how_far_it_is() -> None:
    told: list[BoardEvent] = []
    board = Board(observer=told.append)

    @board.agent("director").consumes(Idea).engine
    async def film(context: Context) -> None:
        await context.progress("page 3 of 10")
        for part in context.sets:
            await part.progress("never told: too soon after the first")

    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
    [progress] = [event for event in told if event.kind == "progress"]
    assert (progress.agent, progress.message) == ("director", "page 3 of 10")
    await Context("nobody", ()).progress("a context of a test's own tells nobody")


RAISING = """
import asyncio
{configuring}
from pydantic import BaseModel
from agent_runtime.sdk import Board, artifact

@artifact
class Idea(BaseModel):
    topic: str

board = Board()

@board.agent("director").consumes(Idea).engine
async def film(context):
    key = "sk-" + "secret"
    raise ValueError("no idea")

async def main():
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("configuring", "wanted"),
    [
        ("", "Traceback (most recent call last)"),
        (
            "import structlog; structlog.configure(processors=[structlog.processors.JSONRenderer()])",
            '"exc_info": "ValueError(',
        ),
    ],
    ids=["structlog as it is", "structlog as its user wants it"],
)
def test_what_an_engine_raises_is_logged_without_its_variables(configuring: str, wanted: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RAISING.format(configuring=configuring)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    said = ran.stdout + ran.stderr
    assert wanted in said
    assert "no idea" in said
    assert "sk-secret" not in said


async def test_what_was_left_is_taken_up_again(tmp_path: Path) -> None:
    file = tmp_path / "board.sqlite"
    broken = Board(file, grace=0)

    @broken.agent("director").consumes(Idea).publishes(Movie).engine
    async def never(context: Context) -> Movie:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    begun = asyncio.Event()
    async with broken:
        await broken.publish(Idea(topic="cats"), Idea(topic="dogs"))
        await begun.wait()
    async with studio(store=file) as board:
        await board.idle()
        assert len(await board.read(Movie)) == 2
        assert len(await board.read(Idea)) == 2


async def test_leaving_at_once_loses_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "board.sqlite"
    for number in range(20):
        async with studio(store=file) as board:
            await board.publish(Idea(topic=str(number)), Idea(topic=f"{number} again"))
    async with studio(store=file) as board:
        await board.idle()
        assert len(await board.read(Movie)) == 40


async def test_leaving_the_block_finishes_what_is_under_way(tmp_path: Path) -> None:
    board = Board(tmp_path / "board.sqlite")
    begun, go_on = asyncio.Event(), asyncio.Event()

    @board.agent("director").consumes(Idea).publishes(Movie).engine
    async def slow(context: Context) -> Movie:
        begun.set()
        await go_on.wait()
        return await direct(context)

    async with board:
        await board.publish(Idea(topic="cats"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.01, go_on.set)
    async with Board(tmp_path / "board.sqlite", types=[Movie]) as later:
        assert await later.read(Movie) == [Movie(title="CATS")]


@pytest.mark.parametrize(
    ("consumes", "publish", "ran"),
    [
        ({}, [Idea(topic="cats")], True),
        ({"where": "payload.topic == 'cats'"}, [Idea(topic="cats")], True),
        ({"where": "payload.topic == 'cats'"}, [Idea(topic="dogs")], False),
        ({"tags": ["news"]}, [draft(Idea(topic="cats"), tags=["news", "pets"])], True),
        ({"tags": ["news"]}, [Idea(topic="cats")], False),
        ({"from_": ["scout"]}, [Idea(topic="cats")], False),
        ({"from_": ["user"]}, [Idea(topic="cats")], True),
        ({"mode": "Direct"}, [Idea(topic="cats")], False),
        ({"batch": Batch(size=2, within="1h")}, [Idea(topic="cats")], False),
        ({"batch": Batch(size=2, within="1h")}, [Idea(topic="cats"), Idea(topic="dogs")], True),
        (
            {"join": Join(window="1h", by="1", counts=[Count(type="Idea", count=2)])},
            [Idea(topic="cats"), Idea(topic="dogs")],
            True,
        ),
    ],
)
async def test_what_sets_an_agent_to_work(consumes: dict[str, Any], publish: list[Any], ran: bool) -> None:
    board = Board()
    seen: list[Context] = []
    board.agent("reader").consumes(Idea, **consumes).engines(seen.append)
    async with board:
        await board.publish(*publish)
        await board.idle()
        assert bool(seen) is ran
        assert len(seen) <= 1


async def test_what_is_similar_sets_an_agent_to_work() -> None:
    board = Board(embedder=HashingEmbedder())
    seen: list[str] = []
    reader = board.agent("reader").consumes(
        Idea, similar_to=SimilarTo(text="topic: cats at sea", min_score=0.6)
    )
    reader.engines(lambda context: seen.append(context.input(Idea).topic))
    async with board:
        await board.publish(Idea(topic="cats at sea"), Idea(topic="a history of bees"))
        await board.idle()
    assert seen == ["cats at sea"]


async def test_joined_artifacts_come_together_and_in_order() -> None:
    board = studio()

    @board.agent("editor").consumes(Movie, Idea, join=Join(window="1h")).publishes(Tagline).engine
    async def edit(context: Context) -> Tagline:
        assert [artifact.type for artifact in context.artifacts] == ["Movie", "Idea"]
        return Tagline(line=f"{context.input(Movie).title} by {context.input(Idea).topic}")

    async with board:
        await board.publish(Idea(topic="cats"))
        await board.publish(Idea(topic="dogs"))
        await board.idle()
        assert await board.read(Tagline) == [Tagline(line="CATS by cats"), Tagline(line="DOGS by dogs")]


async def test_batches_of_joined_sets_know_their_sets() -> None:
    board = studio()
    sets: list[tuple[str, str]] = []

    @(
        board.agent("editor")
        .consumes(Idea, Movie, join=Join(window="1h"), batch=Batch(size=2, within="1h"))
        .engine
    )
    async def edit(context: Context) -> None:
        sets.extend((each.input(Idea).topic, each.input(Movie).title) for each in context.sets)

    async with board:
        await board.publish(Idea(topic="cats"), Idea(topic="dogs"))
        await board.idle()
    assert sets == [("cats", "CATS"), ("dogs", "DOGS")]


@pytest.mark.parametrize(
    ("returned", "movies"),
    [
        (None, []),
        ([], []),
        (Movie(title="A"), ["A"]),
        ([Movie(title="A"), Movie(title="B")], ["A", "B"]),
        ((Movie(title="A"), Tagline(line="a")), ["A"]),
        (draft(Movie(title="A"), tags=["own"]), ["A"]),
    ],
)
async def test_what_an_engine_returns_is_published(returned: object, movies: list[str]) -> None:
    board = Board()
    board.agent("director").consumes(Idea).publishes(Movie, Tagline, tags=["all"]).engines(
        lambda context: returned
    )
    async with board:
        await board.publish(Idea(topic="x"))
        await board.idle()
        assert await board.dead_letters() == []
        assert [movie.title for movie in await board.read(Movie)] == movies
        expected = ("own",) if not isinstance(returned, BaseModel | list | tuple) else ("all",)
        assert all(one.tags == expected for one in await board.artifacts(Movie))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            Tagline(line="x"),
            "agent 'director' returned a Tagline and publishes Movie: add",
        ),
        ("words", "agent 'director' returned a str: want an artifact, a list of them, or None"),
        (["words"], "agent 'director' returned a str in a list"),
        ([Movie(title="A")] * 3, "returned more than 2 Movie: raise fan_out"),
        (Join(window="1s"), "Join is no artifact type: write @artifact above the class Join"),
    ],
)
async def test_what_an_agent_does_not_publish_is_a_dead_letter(returned: object, message: str) -> None:
    board = Board()
    director = board.agent("director").consumes(Idea).publishes(Movie, fan_out=2).retry(5)
    director.engines(lambda context: returned)
    async with board:
        await board.publish(Idea(topic="x"))
        await board.idle()
        (letter,) = await board.dead_letters()
        assert message in letter.error
        assert await board.read(Movie) == []


async def test_ids_of_results_are_their_deliverys_own() -> None:
    async with studio() as board:
        [idea] = await board.publish(Idea(topic="cats"))
        await board.idle()
        [movie] = await board.artifacts(Movie)
    assert movie.id == ids_of_results(f"{idea.id}@director", [idea])(0)


async def test_one_agent_with_the_same_inputs_by_two_entries_publishes_two_results() -> None:
    board = Board()
    director = board.agent("director").consumes(Idea).consumes(Idea, batch=Batch(size=1, within="1m"))
    director.publishes(Movie).engines(lambda context: Movie(title="The Same"))
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert len(await board.read(Movie)) == 2
        assert await board.dead_letters() == []


async def test_only_named_agents_see_what_is_only_for_them() -> None:
    board = Board()
    readers: list[str] = []
    board.agent("director").consumes(Idea).publishes(Movie).only_for("writer").engines(direct)
    for name in ("writer", "rival"):
        board.agent(name).consumes(Movie).engines(lambda context: readers.append(context.agent))
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
    assert readers == ["writer"]


@pytest.mark.parametrize(
    ("visibility", "readers"),
    [
        ({"labelled": {"labels": ["secret"]}}, ["cleared"]),
        ({"tenant": {"tenant": "acme"}}, ["inhouse"]),
        ({"private": {"agents": []}}, []),
        (None, ["cleared", "inhouse"]),
    ],
)
async def test_labels_and_tenants_decide_who_sees_it(
    visibility: dict[str, Any] | None, readers: list[str]
) -> None:
    board = Board()
    seen: list[str] = []
    board.agent("cleared").labels("secret").consumes(Idea).engines(lambda context: seen.append(context.agent))
    board.agent("inhouse").tenant("acme").consumes(Idea).engines(lambda context: seen.append(context.agent))
    async with board:
        await board.publish(Idea(topic="cats"), visibility=visibility)
        await board.idle()
    assert sorted(seen) == readers


async def test_an_agent_can_be_asked_by_name() -> None:
    board = studio()
    board.agent("rival").consumes(Idea).publishes(Movie).engines(direct)
    async with board:
        idea = await board.invoke("director", Idea(topic="cats"))
        await board.idle()
        assert [(one.producer, one.causes) for one in await board.artifacts(Movie)] == [
            ("director", (idea.id,))
        ]


async def test_results_can_be_followed() -> None:
    async with studio() as board:
        await board.publish(Idea(topic="cats"), Idea(topic="dogs"))
        titles = []
        async for movie in board.follow(Movie):
            titles.append(movie.title)
            if len(titles) == 2:
                break
    assert titles == ["CATS", "DOGS"]


async def test_older_payloads_are_read_as_the_class_of_today() -> None:
    @artifact(name="Note", version=1)
    class OldNote(BaseModel):
        text: str

    renamed = Reading(version=1, set_={"words": "payload.text"}, drop=["text"])

    @artifact(name="Note", version=2, reads=[renamed])
    class Note(BaseModel):
        words: str

    board = Board(types=[OldNote])
    words: list[str] = []
    board.agent("reader").consumes(Note).engines(lambda context: words.append(context.input(Note).words))
    async with board:
        await board.publish(OldNote(text="old"), Note(words="new"))
        await board.idle()
        assert words == ["old", "new"]
        assert [note.words for note in await board.read(Note)] == ["old", "new"]
