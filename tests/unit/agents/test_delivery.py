"""An agent at work on a delivery: what the model is shown, and what the answer becomes."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent_runtime.agents.errors import AnswerUnfit
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from tests.unit.agents.builders import NOTE, artifact, bench, delivery

IDEA = artifact({"topic": "bees"})
NOTES = [{"type": "Note"}]
MANY = [{"type": "Note", "fanOut": 2}]
BOTH = [{"type": "Note"}, {"type": "Tag", "fanOut": 3}]


async def work(reply: str, publishes: list[dict[str, Any]], **fields: Any) -> list[Draft]:
    return await bench([{"reply": reply}], publishes=publishes, **fields).worker.work(delivery(IDEA))


async def test_the_model_is_shown_the_artifacts_as_json() -> None:
    script = [
        {
            "reply": "${{'text': input.artifacts[0].id + ' ' + input.artifacts[0].type + ' ' "
            "+ input.artifacts[0].producer + ' ' + input.payload.topic}}"
        }
    ]
    drafts = await bench(script, publishes=NOTES).worker.work(delivery(IDEA))
    assert drafts[0].payload == {"text": "a1 Idea editor bees"}


@pytest.mark.parametrize(
    ("reply", "publishes", "payloads"),
    [
        ('{"text": "one"}', NOTES, [("Note", {"text": "one"})]),
        ("null", NOTES, []),
        ('[{"text": "one"}, {"text": "two"}]', MANY, [("Note", {"text": "one"}), ("Note", {"text": "two"})]),
        ('{"items": [{"text": "one"}]}', MANY, [("Note", {"text": "one"})]),
        ("[]", MANY, []),
        ("null", MANY, []),
        (
            '{"Note": {"text": "one"}, "Tag": [{"a": 1}, {"a": 2}]}',
            BOTH,
            [("Note", {"text": "one"}), ("Tag", {"a": 1}), ("Tag", {"a": 2})],
        ),
        ('{"Tag": {"items": [{"a": 1}]}, "Note": null}', BOTH, [("Tag", {"a": 1})]),
        ("{}", BOTH, []),
        ("just some words", [], []),
    ],
)
async def test_the_answer_becomes_drafts(
    reply: str, publishes: list[dict[str, Any]], payloads: list[tuple[str, dict[str, Any]]]
) -> None:
    drafts = await work(reply, publishes)
    assert [(draft.type, draft.payload) for draft in drafts] == payloads


@pytest.mark.parametrize(
    ("reply", "publishes", "fault"),
    [
        ("plain words", NOTES, r"\$: it is not JSON"),
        ("[1]", NOTES, r'\$: \[1\] is not of type "object"'),
        ('{"text": "x"}', NOTES, r"\$\.text: "),
        ('[{"text": "abc"}, {"text": "x"}]', MANY, r"\$\.items\[1\]\.text: "),
        ('[{"text": "abc"}, {"text": "def"}, {"text": "ghi"}]', MANY, r"\$\.items: .* has more than 2 items"),
        ('{"text": "abc"}', MANY, r"'text' was unexpected"),
        ('{"Gossip": {}}', BOTH, r"'Gossip' was unexpected"),
        ('{"Note": {"text": "x"}}', BOTH, r"\$\.Note\.text: "),
    ],
)
async def test_an_answer_of_another_shape_is_refused(
    reply: str, publishes: list[dict[str, Any]], fault: str
) -> None:
    with pytest.raises(AnswerUnfit, match=fault):
        await work(reply, publishes, output=NOTE)


async def test_drafts_carry_what_the_manifest_says() -> None:
    visibility = {"private": {"agents": ["bob"]}}
    publishes = [{"type": "Note", "tags": ["fresh"], "visibility": visibility}]
    (draft,) = await work('{"text": "one"}', publishes)
    assert (draft.tags, draft.visibility.manifest()) == (("fresh",), visibility)
    (plain,) = await work('{"text": "one"}', NOTES)
    assert (plain.tags, plain.visibility, plain.correlation) == ((), PUBLIC, None)


async def test_the_board_names_the_results() -> None:
    ann = bench([{"reply": '[{"text": "one"}, {"text": "two"}]'}], publishes=MANY)
    assert [draft.id for draft in await ann.worker.work(delivery(IDEA))] == [None, None]


async def test_results_are_published_as_a_stage_and_told_of() -> None:
    ann = bench([{"reply": '{"text": "one"}'}], publishes=NOTES)

    async def publish(drafts: Sequence[Draft]) -> list[Artifact]:
        return [artifact(draft.payload, id="n1", type=draft.type) for draft in drafts]

    await ann.worker.work(delivery(IDEA), publish)
    started, finished = ann.events
    assert started.message == "works on Idea a1"
    assert (finished.kind, finished.message) == ("agent.finished", "published Note")
    assert finished.data["published"] == ["n1"]
    assert (finished.data["inputs"], finished.data["correlation"]) == (["a1"], "c1")


async def test_what_cannot_be_published_is_a_failure_of_the_work() -> None:
    ann = bench([{"reply": '{"text": "one"}'}], publishes=NOTES)

    async def refuse(drafts: Sequence[Draft]) -> list[Artifact]:
        raise ConnectionError("the board is gone")

    with pytest.raises(ConnectionError):
        await ann.worker.work(delivery(IDEA), refuse)
    assert ann.kinds == ["agent.started", "agent.failed"]


async def test_a_retry_does_not_call_tools_again() -> None:
    """The conversation is taken up where it broke off."""
    script: list[dict[str, Any]] = [
        {"when": "turn == 0", "toolCalls": [{"tool": "clock"}]},
        {"error": "out of ink"},
    ]
    ann = bench(script, pattern="ReAct", tools=[{"builtin": "clock"}], retry={"maxAttempts": 3})
    with pytest.raises(Exception, match="out of ink"):
        await ann.worker.work(delivery(IDEA))
    assert ann.kinds == ["agent.started", "agent.tool", "agent.failed"]
