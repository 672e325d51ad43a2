"""Engines in a chain, the best of several contexts, attempts, components, and bounds."""

import asyncio
import threading
from typing import ClassVar, TypeVar

import pytest

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.sdk import Board, CallNext, Component, Context, Stage, Work, draft
from tests.unit.sdk.films import Idea, Movie, Tagline, direct, studio

T = TypeVar("T")


class Search:
    """An engine that is an object, and leaves something for the next one."""

    def evaluate(self, context: Context) -> None:
        context.state["found"] = f"all about {context.input(Idea).topic}"


async def test_engines_pass_on_state_and_output() -> None:
    board = Board()

    async def make(context: Context) -> Movie:
        return Movie(title=context.state["found"])

    def shout(context: Context) -> Movie:
        return Movie(title=context.result(Movie).title.upper())

    async def look(context: Context) -> None:
        context.state["looked"] = context.output

    board.agent("director").consumes(Idea).publishes(Movie).engines(Search(), make, shout, look)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.read(Movie) == [Movie(title="ALL ABOUT CATS")]


async def test_a_plain_function_may_block() -> None:
    board = Board()
    both = threading.Barrier(2)

    def meet(context: Context) -> None:
        both.wait(30)

    board.agent("first").consumes(Idea).engines(meet)
    board.agent("second").consumes(Idea).engines(meet)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.dead_letters() == []


@pytest.mark.parametrize(
    ("failing", "title"),
    [(set(), "context 5"), ({5}, "context 4"), ({2, 3, 4, 5}, "context 1"), ({1, 2, 3, 4, 5}, None)],
)
async def test_the_best_attempt_of_those_that_succeed(failing: set[int], title: str | None) -> None:
    board = Board()
    began: list[Context] = []

    async def retrieve(context: Context) -> None:
        began.append(context)
        context.state["number"] = len(began)
        await asyncio.sleep(0)
        assert len(began) == 5, "all contexts are under way at once, each through the whole chain"

    async def make(context: Context) -> Movie:
        if context.state["number"] in failing:
            raise ValueError(f"context {context.state['number']} failed")
        return Movie(title=f"context {context.state['number']}")

    agent = board.agent("director").consumes(Idea).publishes(Movie).engines(retrieve, make)
    agent.best_of(5, score=lambda context: context.state["number"])
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert [movie.title for movie in await board.read(Movie)] == ([title] if title else [])
        errors = [letter.error for letter in await board.dead_letters()]
        assert errors == ([] if title else ["ValueError: context 1 failed"])


@pytest.mark.parametrize(
    ("error", "on", "failures", "calls", "movies"),
    [
        (ConnectionError("away"), Exception, 2, 3, 1),
        (ConnectionError("away"), ConnectionError, 2, 3, 1),
        (ConnectionError("away"), (TimeoutError, OSError), 2, 3, 1),
        (ConnectionError("away"), TimeoutError, 2, 1, 0),
        (ConnectionError("away"), Exception, 9, 3, 0),
        (TimeoutError("the engine's own"), Exception, 1, 2, 1),
    ],
)
async def test_attempts(
    error: Exception, on: type[Exception], failures: int, calls: int, movies: int
) -> None:
    board = Board()
    called: list[int] = []
    agent = board.agent("director").consumes(Idea).publishes(Movie)
    agent.retry(3, on=on, initial_delay="1ms")

    @agent.engine
    async def make(context: Context) -> Movie:
        called.append(1)
        if len(called) <= failures:
            raise error
        return await direct(context)

    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert (len(called), len(await board.read(Movie))) == (calls, movies)
        errors = [letter.error for letter in await board.dead_letters()]
        assert errors == ([] if movies else ["ConnectionError: away"])


async def test_without_retry_an_error_is_final() -> None:
    board = Board()
    board.agent("director").consumes(Idea).publishes(Movie).engines(lambda context: 1 / 0)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        (letter,) = await board.dead_letters()
        assert (letter.attempts, letter.error) == (1, "ZeroDivisionError: division by zero")


class Noting:
    """Notes the stages, and makes every title polite."""

    stages: ClassVar[frozenset[Stage]] = frozenset(Stage)

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        self.seen.append(stage.value)
        result = await go()
        if stage is Stage.POST_EVALUATE:
            assert work.answer is None
            (made,) = result.output  # type: ignore[attr-defined]  # a list, here
            made.payload["title"] += ", please"
        return result


async def test_components_are_around_all_stages_and_may_change_results() -> None:
    noting = Noting()
    component: Component = noting
    board = Board()
    board.agent("director").consumes(Idea).publishes(Movie).engines(direct).components(component)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.read(Movie) == [Movie(title="CATS, please")]
    assert noting.seen == [stage.value for stage in Stage]


async def test_calls_hear_what_was_published_and_cannot_take_it_back() -> None:
    heard: list[str] = []

    async def tell(published: list[Artifact]) -> None:
        heard.extend(one.type for one in published)

    def fail(published: list[Artifact]) -> None:
        raise RuntimeError("nobody listens")

    board = Board()
    board.agent("director").consumes(Idea).publishes(Movie).engines(direct).calls(fail).calls(tell)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert len(await board.read(Movie)) == 1
        assert await board.dead_letters() == []
    assert heard == ["Movie"]


@pytest.mark.parametrize(
    ("agents", "each", "everybody", "most"), [(1, 1, None, 1), (1, 3, None, 3), (2, 3, None, 6), (2, 3, 4, 4)]
)
async def test_no_more_at_once_than_agent_and_board_allow(
    agents: int, each: int, everybody: int | None, most: int
) -> None:
    board = Board(max_concurrency=everybody)
    under_way, peak = 0, 0

    async def count(context: Context) -> None:
        nonlocal under_way, peak
        under_way += 1
        peak = max(peak, under_way)
        for _ in range(50):
            await asyncio.sleep(0)
        under_way -= 1

    for number in range(agents):
        board.agent(f"agent-{number}").consumes(Idea).engines(count).max_concurrency(each)
    async with board:
        await board.publish(*(Idea(topic=str(number)) for number in range(10)))
        await board.idle()
    assert peak == most


async def test_one_agent_works_in_the_order_of_publication() -> None:
    async with studio() as board:
        await board.publish(*(Idea(topic=str(number)) for number in range(20)))
        await board.idle()
        assert [movie.title for movie in await board.read(Movie)] == [str(number) for number in range(20)]


async def test_engines_may_say_more_about_a_result() -> None:
    board = Board()
    for_x = {"private": {"agents": ["x"]}}

    @board.agent("director").consumes(Idea).publishes(Movie, Tagline, tags=["made"]).engine
    async def make(context: Context) -> list[object]:
        return [
            draft(
                Movie(title="A"),
                partition="p",
                correlation="c",
                visibility=for_x,
            ),
            Tagline(line="a"),
        ]

    async with board:
        (idea,) = await board.publish(Idea(topic="cats"))
        await board.idle()
        (movie,), (tagline,) = await board.artifacts(Movie), await board.artifacts(Tagline)
        assert (movie.partition, movie.correlation, movie.tags) == ("p", "c", ("made",))
        assert movie.visibility.private is not None
        assert (tagline.correlation, tagline.tags) == (idea.correlation, ("made",))
