"""A Blackboard, checked and compiled."""

import pytest

from agent_runtime.compile import ClusterPlaces, Ref, SecretEnv, compile_blackboard
from agent_runtime.config.models import BlackboardConfig
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


def test_tenants_retention_and_limits_of_the_manifest(news: Namespace) -> None:
    kept = "isolation: Strict, retention: {maxAge: 30d, maxArtifacts: 7}"
    limits = "limits: {publishPerSecond: 5, streams: 3}"
    board = news.add("Blackboard", "board", f"{{store: {{memory: {{}}}}, {TYPES}, {kept}, {limits}}}")
    config = compile_blackboard(board, news.lookup, ClusterPlaces()).config
    assert config is not None
    assert (config.isolation, config.retention.max_age, config.retention.max_artifacts) == (
        "Strict",
        "30d",
        7,
    )
    assert (config.limits.publish_per_second, config.limits.streams) == (5, 3)
    assert BlackboardConfig.model_validate(config.manifest()) == config


@pytest.mark.parametrize(
    ("embedding", "provider"), [("{builtin: MiniLM}", None), ("{model: {name: words}}", "Scripted")]
)
def test_what_embeds_is_in_the_process_or_a_model(
    news: Namespace, embedding: str, provider: str | None
) -> None:
    news.add("Model", "words", "{provider: Scripted, script: [{reply: ok}]}")
    board = news.add("Blackboard", "board", f"{{store: {{memory: {{}}}}, {TYPES}, embedding: {embedding}}}")
    result = compile_blackboard(board, news.lookup, ClusterPlaces())
    assert result.config is not None
    assert result.config.embedding is not None
    model = result.config.embedding.model
    assert (model.provider if model else None) == provider
    assert result.refs == (() if provider is None else (Ref("Model", "words"),))


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


@pytest.mark.parametrize(
    ("log", "url", "url_env", "max_length", "secrets"),
    [
        ("nats: {url: 'nats://nats:4222'}", "nats://nats:4222", None, None, ()),
        (
            "kafka: {urlFrom: {secretKeyRef: {name: kafka, key: url}}}",
            None,
            "COVEY_EVENT_LOG_URL",
            None,
            (SecretEnv("COVEY_EVENT_LOG_URL", "kafka", "url"),),
        ),
        ("redis: {maxLength: 5000}", None, "COVEY_STORE_URL", 5000, ()),
    ],
)
def test_the_event_log_of_the_manifest(
    news: Namespace,
    log: str,
    url: str | None,
    url_env: str | None,
    max_length: int | None,
    secrets: tuple[SecretEnv, ...],
) -> None:
    news.add("Secret", "kafka", "{url: a2Fma2E6Ly8=}")
    board = news.add(
        "Blackboard", "board", f"{{store: {{redis: {{managed: {{}}}}}}, {TYPES}, eventLog: {{{log}}}}}"
    )
    result = compile_blackboard(board, news.lookup, ClusterPlaces())
    assert result.config is not None
    found = result.config.event_log
    assert found is not None
    assert (found.url, found.url_env, found.max_length, result.secrets) == (url, url_env, max_length, secrets)
    assert BlackboardConfig.model_validate(result.config.manifest()) == result.config
    on_the_laptop = compile_blackboard(board, news.lookup, ClusterPlaces(), store="sqlite")
    assert (on_the_laptop.config and on_the_laptop.config.event_log, on_the_laptop.secrets) == (None, ())


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
            "{store: {memory: {}}, artifactTypes: [{name: Idea, version: 2, schema: {}, "
            "reads: [{version: 1}]}]}",
            "InvalidSpec",
            "spec.artifactTypes",
            "type 'Idea' version 2 reads version 1, which is not there",
        ),
        (
            f"{{store: {{memory: {{}}}}, {TYPES}, retention: {{maxAge: 99999999999d}}}}",
            "InvalidSpec",
            "spec.retention.maxAge",
            "99999999999d is longer than 36500d",
        ),
        (
            f"{{store: {{memory: {{}}}}, {TYPES}, embedding: {{model: {{name: words}}}}}}",
            "ModelNotFound",
            "spec.embedding.model",
            'Model "words" not found in namespace "news"',
        ),
        (
            f"{{{EXTERNAL}, {TYPES}}}",
            "SecretNotFound",
            "spec.store.redis.external.urlFrom.secretKeyRef.name",
            'Secret "redis" not found in namespace "news"',
        ),
        (
            f"{{store: {{memory: {{}}}}, {TYPES}, "
            "eventLog: {nats: {urlFrom: {secretKeyRef: {name: nats, key: url}}}}}",
            "SecretNotFound",
            "spec.eventLog.nats.urlFrom.secretKeyRef.name",
            'Secret "nats" not found in namespace "news"',
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
