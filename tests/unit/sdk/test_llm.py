"""The Llm engine: classes in, classes out, beside other engines."""

from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from agent_runtime.sdk import Board, Context, Llm, artifact
from tests.unit.sdk.films import Idea, Movie, Tagline


@artifact
class Verdict(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def not_rude(cls, word: str) -> str:
        if word == "rude":
            raise ValueError("is rude")
        return word


def scripted(*replies: str) -> Llm:
    """A model that says one thing after the other."""
    script = [{"when": f"turn == {turn}", "reply": reply} for turn, reply in enumerate(replies)]
    return Llm({"provider": "Scripted", "script": script}, instructions="Be brief.")


@pytest.mark.parametrize(
    ("publishes", "fan_out", "reply", "made"),
    [
        ((Movie,), None, '{"title": "A", "runtime": 90}', [Movie(title="A", runtime=90)]),
        ((Movie,), None, "${{'title': input.payload.topic}}", [Movie(title="cats")]),
        ((Movie,), None, "null", []),
        ((Movie,), 3, '[{"title": "A"}, {"title": "B"}]', [Movie(title="A"), Movie(title="B")]),
        (
            (Movie, Tagline),
            None,
            '{"Movie": {"title": "A"}, "Tagline": {"line": "a"}}',
            [Movie(title="A"), Tagline(line="a")],
        ),
    ],
)
async def test_the_answer_becomes_artifacts(
    publishes: tuple[type[BaseModel], ...], fan_out: int | None, reply: str, made: list[BaseModel]
) -> None:
    board = Board(types=[Movie, Tagline])
    board.agent("director").consumes(Idea).publishes(*publishes, fan_out=fan_out).engines(scripted(reply))
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.dead_letters() == []
        assert [*await board.read(Movie), *await board.read(Tagline)] == made


async def test_what_does_not_fit_is_sent_back() -> None:
    board = Board()
    board.agent("director").consumes(Idea).publishes(Movie).engines(
        scripted('{"runtime": 90}', "${{'title': message.contains('title') ? 'told' : 'not told'}}")
    )
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.read(Movie) == [Movie(title="told")]


@pytest.mark.parametrize(
    ("model", "reply", "error"),
    [
        (Movie, '{"title": "A", "runtime": 0}', "/runtime: 0 is less than the minimum of 1"),
        (Verdict, '{"word": "rude"}', "/word of a Verdict: Value error, is rude"),
    ],
)
async def test_what_never_fits_is_a_dead_letter(model: type[BaseModel], reply: str, error: str) -> None:
    board = Board(max_deliveries=1)
    board.agent("director").consumes(Idea).publishes(model).engines(scripted(*[reply] * 3)).retry(1)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        (letter,) = await board.dead_letters()
        assert 'agent "director" does not fit its output' in letter.error
        assert error in letter.error


async def test_what_only_the_class_refuses_is_sent_back_too() -> None:
    board = Board()
    told = "${{'word': message.contains('/word of a Verdict: Value error, is rude') ? 'kind' : 'deaf'}}"
    llm = scripted('{"word": "rude"}', told)
    board.agent("judge").consumes(Idea).publishes(Verdict).engines(llm)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.read(Verdict) == [Verdict(word="kind")]


async def test_it_sees_what_engines_before_it_left() -> None:
    def search(context: Context) -> Any:
        context.state["found"] = ["whiskers"]
        return Movie(title="a draft")

    board = Board()
    llm = scripted("${{'title': input.state.found[0] + ' after ' + input.output.title}}")
    board.agent("director").consumes(Idea).publishes(Movie).engines(search, llm)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await board.read(Movie) == [Movie(title="whiskers after a draft")]


async def test_it_may_call_tools() -> None:
    script = [
        {"when": "turn == 0", "toolCalls": [{"tool": "calculator", "arguments": {"expression": "6 * 7"}}]},
        {"reply": "${{'title': string(results.calculator[0].value)}}"},
    ]
    board = Board()
    llm = Llm({"provider": "Scripted", "script": script}, tools=["calculator"])
    board.agent("director").consumes(Idea).publishes(Movie).engines(llm)
    async with board:
        await board.publish(Idea(topic="cats"))
        await board.idle()
        (movie,) = await board.read(Movie)
        assert "42" in movie.title
