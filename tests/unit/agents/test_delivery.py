"""An agent at work on a delivery: what the model is shown, and what the answer becomes."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agent_runtime.agents.errors import AnswerUnfit
from agent_runtime.agents.output import delivery_shape
from agent_runtime.api.agent import Publishes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from tests.unit.agents.builders import NOTE, artifact, bench, delivery

IDEA = artifact({"topic": "bees"})
NOTES = [{"type": "Note"}]
MANY = [{"type": "Note", "fanOut": 2}]
BOTH: list[dict[str, Any]] = [{"type": "Note"}, {"type": "Tag", "fanOut": 3}]


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
        ("plain words", NOTES, r"the answer: it is not JSON"),
        ("[1]", NOTES, r'the answer: \[1\] is not of type "object"'),
        ('{"text": "x"}', NOTES, r"/text: "),
        ('[{"text": "abc"}, {"text": "x"}]', MANY, r"/items/1/text: "),
        ('[{"text": "abc"}, {"text": "def"}, {"text": "ghi"}]', MANY, r"/items: .* has more than 2 items"),
        ('{"text": "abc"}', MANY, r"'text' was unexpected"),
        ('{"Gossip": {}}', BOTH, r"'Gossip' was unexpected"),
        ('{"Note": {"text": "x"}}', BOTH, r"/Note/text: "),
    ],
)
async def test_an_answer_of_another_shape_is_refused(
    reply: str, publishes: list[dict[str, Any]], fault: str
) -> None:
    with pytest.raises(AnswerUnfit, match=fault):
        await work(reply, publishes, output=NOTE)


TAG: dict[str, Any] = {
    "name": "Tag",
    "description": "A word\n  that finds the note.",
    "schema": {
        "required": ["word"],
        "properties": {"word": {"type": "string"}},
        "additionalProperties": False,
    },
}


TYPES: list[dict[str, Any]] = [NOTE, TAG]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ('{"Note": {"text": "x"}}', "/Note/text: "),
        ('{"Tag": {"items": [{"word": "a"}, {"wort": "b"}]}}', "/Tag/items/1: "),
        ('{"Tag": [{"word": "a"}, {"word": "b"}, {"word": "c"}, {"word": "d"}]}', "/Tag/items: "),
        ('{"Tag": [7]}', "/Tag/items/0: 7 is not of type"),
        (r'{"Tag": [{"word": "a\u0000b"}]}', "/Tag/items/0/word: holds a NUL character"),
        (r'{"Note": {"text": "one \ud83d"}}', "it is not JSON"),
        ('{"Note": {"text": "one", "n": 18446744073709551616}}', "does not fit in 64 bits"),
        ('{"Note": {"text": "one", "n": NaN}}', "it is not JSON"),
    ],
)
async def test_each_type_that_is_published_must_fit_its_schema(reply: str, fault: str) -> None:
    with pytest.raises(AnswerUnfit, match=fault):
        await work(reply, BOTH, types=TYPES)


async def test_an_answer_that_does_not_fit_is_sent_back_twice_with_its_faults() -> None:
    script = [
        {"when": "turn == 0", "reply": '{"Note": {"text": "x"}}'},
        {"when": "turn == 1 && message.contains('/Note/text: ')", "reply": "Like this?"},
        {"when": "turn == 2 && message.contains('it is not JSON')", "reply": '{"Note": {"text": "one"}}'},
    ]
    ann = bench(script, publishes=BOTH, types=TYPES)
    (draft,) = await ann.worker.work(delivery(IDEA))
    assert draft.payload == {"text": "one"}


async def test_retry_goes_on_where_the_repairs_ended() -> None:
    script = [{"when": "turn == 4", "reply": '{"text": "one"}'}, {"reply": "No."}]
    ann = bench(script, publishes=NOTES, types=[NOTE], retry={"maxAttempts": 2})
    (draft,) = await ann.worker.work(delivery(IDEA))
    assert draft.payload == {"text": "one"}


async def test_repairs_that_use_up_the_steps_end_with_what_did_not_fit() -> None:
    ann = bench([{"reply": "No."}], publishes=NOTES, limits={"maxSteps": 2}, retry={"maxAttempts": 3})
    with pytest.raises(AnswerUnfit, match="it is not JSON"):
        await ann.worker.work(delivery(IDEA))


async def test_the_model_is_sent_schema_description_and_number_of_all_that_is_published() -> None:
    shape = delivery_shape(
        None,
        [Publishes.model_validate(each) for each in BOTH],
        [ArtifactType.model_validate(each) for each in TYPES],
    )
    text = shape.instructions()
    schema, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    assert schema["properties"]["Note"] == NOTE["schema"]
    listed = schema["properties"]["Tag"]["properties"]["items"]
    assert listed == {
        "type": "array",
        "items": {"type": "object", **TAG["schema"]},
        "minItems": 0,
        "maxItems": 3,
    }
    assert '- "Note": one artifact.' in text
    assert '- "Tag": 0 to 3 artifacts (one for each item of "items"): A word that finds the note.' in text


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
