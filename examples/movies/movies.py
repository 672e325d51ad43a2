"""Ideas become movies, and good movies get a tagline: a blackboard in one script. Run it: python movies.py"""

import asyncio

from pydantic import BaseModel

from covey import Board, Context, artifact


@artifact
class Idea(BaseModel):
    topic: str


@artifact
class Movie(BaseModel):
    title: str
    runtime: int


@artifact
class Tagline(BaseModel):
    line: str


board = Board()


@board.agent("director").consumes(Idea).publishes(Movie).engine
async def direct(context: Context) -> Movie:
    topic = context.input(Idea).topic
    return Movie(title=topic.upper(), runtime=30 * len(topic))


@board.agent("writer").consumes(Movie, where="payload.runtime >= 120").publishes(Tagline).engine
async def write(context: Context) -> Tagline:
    return Tagline(line=f"{context.input(Movie).title}: you will never sleep again")


async def main() -> None:
    async with board:
        await board.publish(Idea(topic="cats"), Idea(topic="owl"))
        await board.idle()
        for tagline in await board.read(Tagline):
            print(tagline.line)


if __name__ == "__main__":
    asyncio.run(main())
