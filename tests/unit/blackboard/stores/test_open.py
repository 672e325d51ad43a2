"""The store that a config asks for."""

import pytest

from agent_runtime.blackboard.stores.open import make_store
from agent_runtime.blackboard.stores.postgres.notifications import heard, notice
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.redis.store import RedisStore
from agent_runtime.config.models import BlackboardConfig


def config(store: str) -> BlackboardConfig:
    return BlackboardConfig.model_validate(
        {"name": "b", "namespace": "n", "store": store, "urlEnv": "URL", "types": []}
    )


@pytest.mark.parametrize(
    ("store", "url", "kind"),
    [
        ("redis", "redis://r:6379/0", RedisStore),
        ("redis", "rediss://r:6379/0", RedisStore),
        ("postgres", "postgresql://u:p@h:5432/d", PostgresStore),
        ("postgres", "postgres://u:p@h/d", PostgresStore),
    ],
)
def test_stores(store: str, url: str, kind: type) -> None:
    assert isinstance(make_store(config(store), {"URL": url}), kind)


@pytest.mark.parametrize(
    ("store", "url", "says"),
    [
        ("postgres", "", "the store postgres needs a URL: set URL"),
        ("postgres", "redis://:secret@r", "URL: want postgresql://... or postgres://..., got redis:..."),
        ("redis", "postgresql://u:secret@h", "URL: want redis://... or rediss://..., got postgresql:..."),
        ("sqlite", "postgresql://u:secret@h", "URL: want sqlite:///PATH, got postgresql:..."),
    ],
)
def test_a_url_that_does_not_fit_is_named_without_its_password(store: str, url: str, says: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        make_store(config(store), {"URL": url})
    assert str(refused.value) == says


@pytest.mark.parametrize("agents", [["editor"], ["editor", "writer"], [f"agent-{n}" for n in range(100)]])
def test_a_notice_names_agents(agents: list[str]) -> None:
    assert heard(notice(agents)) == agents


def test_a_notice_that_would_be_too_long_wakes_everybody() -> None:
    agents = [f"agent-{n}" for n in range(1000)]
    assert len(notice(agents)) < 8000
    assert heard(notice(agents)) is None
