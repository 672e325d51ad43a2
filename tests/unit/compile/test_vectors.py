"""Where a blackboard's vectors are: from the manifest to a store."""

from typing import Any

import pytest

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.compile.blackboard import compile_blackboard
from agent_runtime.compile.places import ClusterPlaces
from agent_runtime.compile.result import Compiled, Manifest
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.knowledge.vectors.open import make_vectors
from agent_runtime.knowledge.vectors.pgvector import PgVectors

URL = {"urlFrom": {"secretKeyRef": {"name": "vectors", "key": "url"}}}
VECTORS: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "vectors"},
    "data": {"url": "eA=="},
}


def compiled(
    pgvector: dict[str, Any] | None, *, secret: bool = True, laptop: bool = False
) -> Compiled[BlackboardConfig]:
    spec: dict[str, Any] = {
        "store": {"postgres": {"managed": {}}},
        "artifactTypes": [{"name": "Idea", "schema": {"type": "object"}}],
    }
    if pgvector is not None:
        spec["vector"] = {"pgvector": pgvector}
    board = BlackboardResource.model_validate(
        {
            "apiVersion": "covey.dev/v1alpha1",
            "kind": "Blackboard",
            "metadata": {"name": "newsroom", "namespace": "news"},
            "spec": spec,
        }
    )
    there = {("Secret", "vectors"): VECTORS} if secret else {}
    return compile_blackboard(
        board, lambda kind, name: there.get((kind, name)), ClusterPlaces(), store="sqlite" if laptop else None
    )


@pytest.mark.parametrize(
    ("pgvector", "laptop", "variable"),
    [
        (None, False, None),
        ({"sameAsStore": {}}, False, "COVEY_STORE_URL"),
        ({"managed": {}}, False, "COVEY_VECTORS_URL"),
        ({"external": URL}, False, "COVEY_VECTORS_URL"),
        ({"external": URL}, True, None),
        ({"sameAsStore": {}}, True, None),
    ],
)
def test_the_config_names_the_variable_with_the_url(
    pgvector: dict[str, Any] | None, laptop: bool, variable: str | None
) -> None:
    config = compiled(pgvector, laptop=laptop).config
    assert config is not None
    assert config.vectors_url_env == variable


def test_the_secret_of_a_database_that_is_there_must_be_there_too() -> None:
    (problem,) = compiled({"external": URL}, secret=False).problems
    assert problem.reason == "SecretNotFound"
    assert "spec.vector.pgvector.external.urlFrom.secretKeyRef" in problem.message
    (secret,) = compiled({"external": URL}).secrets
    assert (secret.env, secret.secret, secret.key) == ("COVEY_VECTORS_URL", "vectors", "url")
    assert compiled({"external": URL}, laptop=True, secret=False).problems == ()


def test_the_store_is_made_from_the_variable() -> None:
    config = compiled({"managed": {}}).config
    assert config is not None
    assert isinstance(make_vectors(config, {"COVEY_VECTORS_URL": "postgresql://u:p@h/d"}), PgVectors)
    with pytest.raises(ValueError, match=r"COVEY_VECTORS_URL: want postgresql://.*, got redis:\.\.\.$"):
        make_vectors(config, {"COVEY_VECTORS_URL": "redis://:secret@h"})
    with pytest.raises(ValueError, match="got nothing"):
        make_vectors(config, {})


def test_a_blackboard_without_vectors_has_no_store_for_them() -> None:
    config = compiled(None).config
    assert config is not None
    assert make_vectors(config, {}) is None
