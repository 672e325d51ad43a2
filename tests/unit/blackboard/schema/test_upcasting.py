"""Older payloads are read as newer versions, and stay as they are where that fails."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.schema.registry import InvalidType, TypeRegistry


def movie(version: int, fields: dict[str, str], *reads: dict[str, Any]) -> ArtifactType:
    return ArtifactType.model_validate(
        {
            "name": "Movie",
            "version": version,
            "schema": {
                "type": "object",
                "properties": {name: {"type": kind} for name, kind in fields.items()},
                "required": list(fields),
            },
            "reads": list(reads),
        }
    )


FIRST = movie(1, {"name": "string", "runtime": "integer"})
SECOND = movie(
    2,
    {"title": "string", "runtime": "integer"},
    {"version": 1, "set": {"title": "payload.name"}, "drop": ["name"]},
)
THIRD = movie(
    3,
    {"title": "string", "minutes": "integer", "genre": "string"},
    {"version": 2, "set": {"minutes": "payload.runtime", "genre": "'unknown'"}, "drop": ["runtime"]},
)
UNREAD = movie(4, {"title": "string", "studio": "string"})


def published(payload: dict[str, Any], version: int = 1) -> Artifact:
    return Artifact(
        id="m1",
        type="Movie",
        version=version,
        payload=payload,
        producer="scout",
        correlation="m1",
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


CATS = {"name": "CATS", "runtime": 120}


@pytest.mark.parametrize(
    ("types", "artifact", "version", "payload"),
    [
        ([FIRST], published(CATS), 1, CATS),
        ([FIRST, SECOND], published(CATS), 2, {"title": "CATS", "runtime": 120}),
        (
            [THIRD, SECOND, FIRST],
            published(CATS),
            3,
            {"title": "CATS", "minutes": 120, "genre": "unknown"},
        ),
        (
            [FIRST, SECOND, THIRD, UNREAD],
            published({"title": "CATS", "runtime": 1}, 2),
            3,
            {"title": "CATS", "minutes": 1, "genre": "unknown"},
        ),
        ([FIRST, UNREAD], published(CATS), 1, CATS),
    ],
    ids=["newest", "one step", "a chain", "as far as it can be", "nothing leads on"],
)
def test_an_artifact_is_read_as_the_newest_version_that_can_be_reached(
    types: list[ArtifactType], artifact: Artifact, version: int, payload: dict[str, Any]
) -> None:
    read, fault = TypeRegistry(types).read(artifact)
    assert (read.version, read.payload, fault) == (version, payload, "")
    assert read.id == artifact.id


def test_what_was_stored_is_not_touched() -> None:
    artifact = published(dict(CATS))
    TypeRegistry([FIRST, SECOND, THIRD]).read(artifact)
    assert (artifact.version, artifact.payload) == (1, CATS)


@pytest.mark.parametrize(
    ("reading", "fault"),
    [
        ({"version": 1, "set": {"title": "payload.nam"}}, 'Key not found in map : "nam"'),
        (
            {"version": 1, "set": {"title": "payload.runtime"}},
            "/title breaks /properties/title/type of its schema",
        ),
        ({"version": 1}, '"title" is a required property'),
        ({"version": 1, "set": {"title": "timestamp('2026-01-01T00:00:00Z')"}}, ""),
    ],
    ids=["a field that is not there", "another type", "a field is missing", "no JSON"],
)
def test_a_step_that_fails_leaves_the_artifact_as_it_was(reading: dict[str, Any], fault: str) -> None:
    second = movie(2, {"title": "string"}, reading)
    artifact = published(CATS)
    read, message = TypeRegistry([FIRST, second]).read(artifact)
    assert read is artifact
    assert message.startswith("Movie version 1 cannot be read as version 2: ")
    assert fault in message


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (
            [movie(1, {}), movie(2, {}, {"version": 2})],
            "type 'Movie' version 2 reads version 2, which is not older",
        ),
        (
            [movie(3, {}, {"version": 1})],
            "reads version 1, which is not there: keep the older version among the types",
        ),
        (
            [movie(1, {}), movie(2, {}, {"version": 1, "set": {"a": "paylod.b"}})],
            "type 'Movie' version 2 reads version 1 with set.a: expression 'paylod.b' does not compile",
        ),
        (
            [movie(1, {}), movie(2, {}, {"version": 1, "set": {"a": "1"}, "drop": ["a"]})],
            "both sets and drops a",
        ),
    ],
)
def test_a_reading_that_cannot_be_is_refused(types: list[ArtifactType], message: str) -> None:
    with pytest.raises(InvalidType) as refused:
        TypeRegistry(types)
    assert message in str(refused.value)
