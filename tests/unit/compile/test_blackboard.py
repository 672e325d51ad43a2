"""A Blackboard, checked and compiled."""

import pytest

from agent_runtime.compile import ClusterPlaces, Ref, SecretEnv, compile_blackboard
from agent_runtime.compile.config import BlackboardConfig
from tests.unit.compile.conftest import Namespace

TYPES = "artifactTypes: [{name: Idea, schema: {type: object}}]"
EXTERNAL = "store: {redis: {external: {urlFrom: {secretKeyRef: {name: redis, key: url}}}}}"
POSTGRES = "store: {postgres: {external: {urlFrom: {secretKeyRef: {name: postgres, key: url}}}}}"


@pytest.mark.parametrize(
    ("store", "kind", "url_env"),
    [
        ("store: {memory: {}}", "memory", None),
        ("store: {redis: {managed: {}}}", "redis", "COVEY_STORE_URL"),
    ],
)
def test_the_store_of_the_manifest(news: Namespace, store: str, kind: str, url_env: str | None) -> None:
    board = news.add("Blackboard", "board", f"{{{store}, {TYPES}, lease: {{ttl: 5s}}}}")
    result = compile_blackboard(board, news.lookup, ClusterPlaces())
    assert (result.problems, result.secrets) == ((), ())
    assert result.config is not None
    assert (result.config.store, result.config.url_env, result.config.lease.ttl) == (kind, url_env, "5s")
    assert BlackboardConfig.model_validate(result.config.manifest()) == result.config


def test_an_external_redis_takes_its_url_from_the_users_secret(news: Namespace) -> None:
    news.add("Secret", "redis", "{url: cmVkaXM6Ly8=}")
    board = news.add("Blackboard", "board", f"{{{EXTERNAL}, {TYPES}}}")
    result = compile_blackboard(board, news.lookup, ClusterPlaces())
    assert result.secrets == (SecretEnv("COVEY_STORE_URL", "redis", "url"),)
    assert result.refs == (Ref("Secret", "redis"),)


def test_so_does_an_external_postgres(news: Namespace) -> None:
    news.add("Secret", "postgres", "{url: cG9zdGdyZXM6Ly8=}")
    board = news.add("Blackboard", "board", f"{{{POSTGRES}, {TYPES}}}")
    result = compile_blackboard(board, news.lookup, ClusterPlaces())
    assert result.secrets == (SecretEnv("COVEY_STORE_URL", "postgres", "url"),)
    assert result.refs == (Ref("Secret", "postgres"),)
    assert result.config is not None
    assert (result.config.store, result.config.url_env) == ("postgres", "COVEY_STORE_URL")


def test_on_the_laptop_every_store_is_sqlite_and_needs_no_secret(news: Namespace) -> None:
    board = news.add("Blackboard", "board", f"{{{EXTERNAL}, {TYPES}}}")
    result = compile_blackboard(board, news.lookup, ClusterPlaces(), store="sqlite")
    assert (result.problems, result.secrets) == ((), ())
    assert result.config is not None
    assert (result.config.store, result.config.url_env) == ("sqlite", "COVEY_STORE_URL")


@pytest.mark.parametrize(
    ("spec", "reason", "field", "says"),
    [
        (
            "{store: {memory: {}}, artifactTypes: [{name: Idea, schema: {}}, {name: Idea, schema: {}}]}",
            "InvalidSpec",
            "spec.artifactTypes[1]",
            'type "Idea" has version 1 already in spec.artifactTypes[0]: give it another version',
        ),
        (
            "{store: {memory: {}}, artifactTypes: [{name: Idea, schema: {properties: {a: {minimum: low}}}}]}",
            "InvalidSchema",
            "spec.artifactTypes[0].schema",
            '"low" is not of type "number"',
        ),
        (
            "{store: {memory: {}}, artifactTypes: [{name: Idea, schema: {$ref: 'http://127.0.0.1:1/idea'}}]}",
            "InvalidSchema",
            "spec.artifactTypes[0].schema",
            "only references within the schema are followed",
        ),
        (
            "{store: {memory: {}}, artifactTypes: [{name: Idea, schema: {type: string}}]}",
            "InvalidSchema",
            "spec.artifactTypes[0].schema.type",
            "a payload is an object",
        ),
        (
            f"{{{EXTERNAL}, {TYPES}}}",
            "SecretNotFound",
            "spec.store.redis.external.urlFrom.secretKeyRef.name",
            'Secret "redis" not found in namespace "news"',
        ),
        (
            f"{{{POSTGRES}, {TYPES}}}",
            "SecretNotFound",
            "spec.store.postgres.external.urlFrom.secretKeyRef.name",
            'Secret "postgres" not found in namespace "news"',
        ),
    ],
)
def test_what_is_wrong_is_named(news: Namespace, spec: str, reason: str, field: str, says: str) -> None:
    result = compile_blackboard(news.add("Blackboard", "board", spec), news.lookup, ClusterPlaces())
    assert result.config is None
    (problem,) = result.problems
    assert (problem.reason, problem.field) == (reason, field)
    assert says in problem.message
