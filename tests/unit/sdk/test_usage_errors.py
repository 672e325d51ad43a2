"""What cannot work is refused where it is written, with the culprit and the cure."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from agent_runtime.sdk import Batch, Board, BoardError, Context, Join, Llm, UsageError, artifact, draft
from tests.unit.sdk.films import Idea, Movie, Tagline, direct, studio


class Plain(BaseModel):
    """Not an artifact, although its parent would be one."""


class Heir(Idea):
    """Nor is this."""


def two_arguments(context: Context, more: int) -> None: ...


def yields(context: Context) -> Any:
    yield Movie(title="A")


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (lambda agent: agent.consumes(Plain), "Plain is no artifact type: write @artifact above the class"),
        (
            lambda agent: agent.consumes(Heir),
            "Heir is no artifact type: write @artifact above the class Heir",
        ),
        (lambda agent: agent.publishes(Plain), "Plain is no artifact type"),
        (lambda agent: agent.consumes("Idea"), "'Idea' is no artifact type: name the class"),
        (lambda agent: agent.consumes(), "agent 'ann' consumes nothing: name at least one class"),
        (lambda agent: agent.consumes(Idea, where=bool), "agent 'ann': where is CEL, for example"),
        (lambda agent: agent.consumes(Idea, where="payload.topic ="), "agent 'ann': where: expression"),
        (lambda agent: agent.consumes(Idea, where="payloads.topic"), "does not compile"),
        (
            lambda agent: agent.consumes(Idea, mode="Never"),
            "agent 'ann' consumes Idea: mode: Input should be",
        ),
        (
            lambda agent: agent.consumes(Idea, join=Join(window="1h")),
            "joins Idea with nothing: name a second",
        ),
        (
            lambda agent: agent.consumes(Idea, join={"window": "1h"}),
            "agent 'ann' joins Idea with nothing: name a second",
        ),
        (
            lambda agent: agent.consumes(Idea, tags="sci-fi"),
            "agent 'ann' consumes: tags wants a list, not 'sci-fi': write ['sci-fi']",
        ),
        (lambda agent: agent.consumes(Idea, from_="bob"), "from_ wants a list, not 'bob': write ['bob']"),
        (lambda agent: agent.publishes(Movie, tags="new"), "agent 'ann' publishes Movie: tags wants a list"),
        (
            lambda agent: agent.publishes(Movie, visibility="secret"),
            "agent 'ann' publishes Movie: 'secret' is no visibility: want one of public, private, labelled,",
        ),
        (
            lambda agent: agent.publishes(Movie, visibility={"secret": {}}),
            "{'secret': {}} is no visibility: want one of public, private, labelled, tenant, after, allOf,",
        ),
        (
            lambda agent: agent.publishes(Movie, visibility={"private": {"agents": "bob"}}),
            "agent 'ann' publishes Movie: visibility: private.agents: Input should be a valid list",
        ),
        (lambda agent: agent.only_for("bob"), "only_for(...) speaks of what publishes(...) before it names"),
        (lambda agent: agent.publishes(Movie).only_for("Bob B"), "publishes only for Bob B: agents.0"),
        (lambda agent: agent.publishes(Movie, fan_out=0), "agent 'ann' publishes Movie: fan_out"),
        (lambda agent: agent.engines(two_arguments), "engine two_arguments(context: agent_runtime"),
        (
            lambda agent: agent.engines(lambda: None),
            "cannot be called with a context alone (too many positional",
        ),
        (lambda agent: agent.engines(yields), "engine yields yields: let it return a list"),
        (lambda agent: agent.engines(Movie), "the class Movie is no engine: give an instance of it"),
        (lambda agent: agent.engines("words"), "'words' is no engine: want a function of a context"),
        (lambda agent: agent.components("words"), "'words' is no component: it wants `stages`"),
        (lambda agent: agent.max_concurrency(0), "agent 'ann': max_concurrency: Input should be"),
        (lambda agent: agent.timeout("soon"), "agent 'ann': timeout: "),
        (lambda agent: agent.retry(0), "agent 'ann': retry: max_attempts"),
        (lambda agent: agent.best_of(0, score=len), "best_of(n, score) wants n from 1 up"),
        (lambda agent: agent.engines(Llm({"provider": "Scripted"}, tools=["hammer"])), "no tool 'hammer'"),
    ],
)
def test_an_agent_is_checked_line_by_line(say: Callable[[Any], object], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        say(Board().agent("ann"))
    assert message in str(refused.value)


def _consumes_nothing(board: Board) -> None:
    board.agent("ann").engines(direct)


def _has_no_engine(board: Board) -> None:
    board.agent("ann").consumes(Idea)


def _publishes_nothing(board: Board) -> None:
    board.agent("ann").consumes(Idea).engines(Llm({"provider": "Scripted"}))


def _has_a_token(board: Board) -> None:
    board.agent("ann", token="t").consumes(Idea).engines(direct)


def _two_classes_of_one_name(board: Board) -> None:
    @artifact(name="Idea")
    class Another(BaseModel): ...

    board.agent("ann").consumes(Idea).publishes(Another).engines(direct)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (_consumes_nothing, "agent 'ann' consumes nothing and would never run: add .consumes(...)"),
        (_has_no_engine, "agent 'ann' has no engine: add .engines(...)"),
        (_publishes_nothing, "agent 'ann' has an Llm and publishes nothing: add .publishes(...)"),
        (_has_a_token, "agent 'ann' has a token, which only a server asks for: leave it out"),
        (_two_classes_of_one_name, "two classes are version 1 of Idea, tests.unit.sdk.films.Idea and "),
    ],
)
async def test_a_board_that_cannot_work_does_not_open(prepare: Callable[[Board], None], message: str) -> None:
    board = Board()
    prepare(board)
    with pytest.raises(UsageError) as refused:
        await board.__aenter__()
    assert message in str(refused.value)
    with pytest.raises(UsageError, match="the board is not open"):
        await board.publish(Idea(topic="cats"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Board("a.db", url="http://x", token="t"), "url=... is a board on a server, store=... and"),
        (lambda: Board(url="http://x"), "the board at http://x asks who you are: Board(url=..., token=...)"),
        (lambda: Board(max_concurrency=0), "max_concurrency=0 would let nobody work: want at least 1"),
        (lambda: Board(isolation="strict"), "isolation='strict' is none: want 'Strict', 'Log', or None"),  # type: ignore[arg-type]  # misuse
        (lambda: draft(Idea(topic="cats"), tags="pets"), "Idea: tags wants a list, not 'pets'"),
        (lambda: draft(Idea(topic="cats"), visibility={"secret": {}}), "Idea: {'secret': {}} is no visib"),
        (lambda: Board().agent("movie_agent"), "an agent cannot be called 'movie_agent': want lower case"),
        (lambda: artifact(name="a b")(Plain), "@artifact of Plain: name: "),
        (lambda: artifact(sum), "it wants a class derived from pydantic.BaseModel"),  # type: ignore[call-overload]  # misuse
    ],
)
def test_what_is_made_wrongly_is_not_made(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        make()
    assert message in str(refused.value)


async def test_a_store_that_is_no_place_for_a_board_is_not_opened() -> None:
    with pytest.raises(UsageError, match=r"store=http://\.\.\. is no place for a board") as refused:
        await Board("http://user:" + "secret@here").__aenter__()
    assert "secret" not in str(refused.value)


def test_two_agents_cannot_have_one_name() -> None:
    board = studio()
    with pytest.raises(UsageError, match="there are two agents called 'director' on this board"):
        board.agent("director")


async def test_outside_of_the_block_there_is_no_board() -> None:
    board = studio()
    idea = Idea(topic="x")
    for call in (board.publish(idea), board.read(Movie), board.invoke("director", idea), board.idle()):
        with pytest.raises(UsageError, match="do this inside `async with board:`"):
            await call


async def test_an_open_board_does_not_change() -> None:
    board = Board()
    director = board.agent("director").consumes(Idea).publishes(Movie).engines(direct)
    async with board:
        with pytest.raises(UsageError, match="agent 'late' comes too late: put it on the board before"):
            board.agent("late")
        with pytest.raises(UsageError, match=r"agent 'director': publishes\(...\) comes too late"):
            director.publishes(Tagline)
        with pytest.raises(UsageError, match="the board is open already"):
            await board.__aenter__()
        with pytest.raises(UsageError, match=r"does not know the type: say Board\(types=\[Tagline\]\)"):
            await board.publish(Tagline(line="x"))
    director.publishes(Tagline)


async def test_what_the_board_itself_refuses_names_the_agent() -> None:
    board = Board()
    board.agent("reader").consumes(Idea, similar_to={"text": "cats"}).engines(direct)
    with pytest.raises(BoardError, match="agent 'reader': consumes/0/similarTo: this board has no embedding"):
        await board.__aenter__()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda context: context.input(Movie),
            "asked for the one Movie and there are 0: what was delivered is Idea",
        ),
        (lambda context: context.input(Idea), "asked for the one Idea and there are 2"),
        (lambda context: context.input(Plain), "Plain is no artifact type"),
        (lambda context: context.result(Movie), "has come to no Movie yet"),
        (lambda context: context.inputs(Picky), "cannot be read by agent 'reader' as the class Picky"),
    ],
)
async def test_a_turn_says_what_it_does_not_have(ask: Callable[[Context], object], message: str) -> None:
    board = Board()
    board.agent("reader").consumes(Idea, batch=Batch(size=2, within="1h")).engines(ask)
    async with board:
        await board.publish(Idea(topic="a"), Idea(topic="b"))
        await board.idle()
        (letter,) = await board.dead_letters()
        assert message in letter.error


@artifact(name="Idea")
class Picky(BaseModel):
    topic: str
    more: int


def test_entries_are_taken_as_manifests_write_them() -> None:
    agent = Board().agent("ann").engines(direct)
    agent.consumes(Idea, Movie, join={"window": "1h", "onTimeout": "Drop"}, batch={"size": 2, "within": "1s"})
    [entry] = agent.plan().consumes
    assert entry.join == Join(window="1h", on_timeout="Drop")
    assert entry.batch == Batch(size=2, within="1s")
