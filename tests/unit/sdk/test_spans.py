"""One trace for all that a publication sets off: publish, schedule, execute, evaluate, publish."""

from opentelemetry.trace import SpanKind

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.sdk import Batch, Board, Context, Join
from agent_runtime.telemetry import traces
from tests.recorded import Recorded, recording
from tests.unit.sdk.films import Idea, Movie, Tagline, studio

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def studio_with_a_writer() -> Board:
    """An idea becomes a movie, and a movie a tagline."""
    board = studio()

    @board.agent("writer").consumes(Movie).publishes(Tagline).engine
    async def write(context: Context) -> Tagline:
        return Tagline(line=f"{context.input(Movie).title}!")

    return board


def span_of(recorded: Recorded, artifact: Artifact) -> str:
    """The name of the span that the artifact carries on."""
    assert artifact.traceparent is not None
    trace, span = artifact.traceparent.split("-")[1:3]
    (found,) = [one for one in recorded.all() if f"{one.context.span_id:016x}" == span]
    assert f"{found.context.trace_id:032x}" == trace
    return found.name


def again(artifact: Artifact) -> Draft:
    """A draft that says the same, once more."""
    return Draft(
        type=artifact.type, payload=artifact.payload, id=artifact.id, correlation=artifact.correlation
    )


async def test_a_chain_of_agents_is_one_trace() -> None:
    with recording() as recorded:
        async with studio_with_a_writer() as board:
            [idea] = await board.publish(Idea(topic="cats"))
            await board.idle()
            [movie] = await board.artifacts(Movie)
    assert recorded.traces() == 1
    assert {pair for pair in recorded.family() if pair[0] not in ("schedule", "evaluate")} == {
        ("publish Idea", None),
        ("invoke_agent director", "publish Idea"),
        ("publish Movie", "invoke_agent director"),
        ("invoke_agent writer", "publish Movie"),
        ("publish Tagline", "invoke_agent writer"),
    }
    assert {pair for pair in recorded.family() if pair[0] in ("schedule", "evaluate")} == {
        ("schedule", "publish Idea"),
        ("schedule", "publish Movie"),
        ("schedule", "publish Tagline"),
        ("evaluate", "invoke_agent director"),
        ("evaluate", "invoke_agent writer"),
    }
    assert (span_of(recorded, idea), span_of(recorded, movie)) == ("publish Idea", "publish Movie")


async def test_spans_say_what_they_are_about_by_the_conventions_names() -> None:
    with recording() as recorded:
        async with studio() as board:
            [idea] = await board.publish(Idea(topic="a secret"))
            await board.idle()
    publish, invoke = recorded["publish Idea"], recorded["invoke_agent director"]
    about = {
        "messaging.system": "covey",
        "messaging.destination.name": "Idea",
        "messaging.message.id": idea.id,
    }
    about["messaging.message.conversation_id"] = idea.correlation
    assert publish.kind is SpanKind.PRODUCER
    assert publish.attributes == about | {
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
    }
    assert invoke.kind is SpanKind.CONSUMER
    assert invoke.attributes == about | {
        "gen_ai.agent.name": "director",
        "messaging.operation.name": "invoke_agent",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "director",
        "covey.delivery": f"{idea.id}@director~1",
    }
    deliveries = [one.attributes or {} for one in recorded.all() if one.name == "schedule"]
    assert [one["covey.deliveries"] for one in deliveries] == [1, 0]
    assert "secret" not in "".join(one.to_json() for one in recorded.all())


async def test_a_join_goes_on_with_the_first_and_is_linked_to_the_others() -> None:
    board = Board()

    @board.agent("critic").consumes(Idea, Movie, join=Join(by="'all'", window="1m")).publishes(Tagline).engine
    async def judge(context: Context) -> Tagline:
        return Tagline(line="fine")

    with recording() as recorded:
        async with board:
            await board.publish(Idea(topic="cats"))
            await board.publish(Movie(title="CATS"))
            await board.idle()
    invoke = recorded["invoke_agent critic"]
    assert ("invoke_agent critic", "publish Idea") in recorded.family()
    assert [link.context.span_id for link in invoke.links] == [recorded["publish Movie"].context.span_id]
    assert (invoke.attributes or {})["messaging.batch.message_count"] == 2


async def test_what_is_published_in_one_call_has_one_span_and_no_links() -> None:
    board = Board()

    @board.agent("critic").consumes(Idea, batch=Batch(size=2, within="1m")).publishes(Tagline).engine
    async def judge(context: Context) -> list[Tagline]:
        return []

    with recording() as recorded:
        async with board:
            await board.publish(Idea(topic="cats"), Idea(topic="dogs"))
            await board.idle()
    publish = recorded["publish Idea"].attributes or {}
    assert publish["messaging.batch.message_count"] == 2
    assert "messaging.message.id" not in publish
    assert "messaging.message.conversation_id" not in publish
    assert not recorded["invoke_agent critic"].links


async def test_a_call_by_name_is_traced_too() -> None:
    with recording() as recorded:
        async with studio() as board:
            await board.invoke("director", Idea(topic="cats"))
            await board.idle()
    assert ("invoke_agent director", "publish Idea") in recorded.family()
    assert recorded.traces() == 1


async def test_work_that_fails_marks_its_spans_by_the_errors_type() -> None:
    board = Board()

    @board.agent("director").consumes(Idea).engine
    async def fail(context: Context) -> None:
        raise ValueError("what a user wrote")

    with recording() as recorded:
        async with board:
            await board.publish(Idea(topic="cats"))
            await board.idle()
    for name in ("invoke_agent director", "evaluate"):
        assert recorded[name].status.description == "ValueError"
    assert recorded["publish Idea"].status.is_unset


async def test_where_nothing_is_recorded_the_callers_trace_goes_through_the_agents() -> None:
    async with studio_with_a_writer() as board:
        with traces.carried(CALLER):
            await board.publish(Idea(topic="cats"))
        await board.publish(Movie(title="DOGS"))
        await board.idle()
        carried = {tag.payload["line"]: tag.traceparent or "" for tag in await board.artifacts(Tagline)}
    assert carried["CATS!"] == CALLER
    assert carried["DOGS!"].split("-")[1] not in ("", CALLER.split("-")[1])  # one of its own


async def test_the_trace_is_no_content() -> None:
    with recording():
        async with studio() as board:
            [first] = await board.publish(Idea(topic="cats"))
            [second] = await board.publish(again(first))
    assert first.traceparent is not None
    assert second == first
