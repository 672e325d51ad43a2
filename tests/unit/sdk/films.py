"""The artifacts of these tests: an idea becomes a movie, a movie gets a tagline."""

from pydantic import BaseModel, Field

from agent_runtime.sdk import Board, Context, artifact


@artifact
class Idea(BaseModel):
    topic: str


@artifact
class Movie(BaseModel):
    title: str
    runtime: int = Field(default=120, ge=1)


@artifact
class Tagline(BaseModel):
    line: str


async def direct(context: Context) -> Movie:
    """The simplest engine."""
    return Movie(title=context.input(Idea).topic.upper())


def studio(**settings: object) -> Board:
    """A board in memory with a director who makes a movie of each idea."""
    board = Board(**settings)  # type: ignore[arg-type]  # any of them
    board.agent("director").consumes(Idea).publishes(Movie).engines(direct)
    return board
