"""The state folder on a disk that takes nothing."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from agent_runtime.local.address import remember, remembered
from agent_runtime.local.api.app import local_app
from agent_runtime.local.environment import Environment
from agent_runtime.local.errors import UserError
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.manifests.inventory import Inventory
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.local.state import StateFolder
from agent_runtime.server.http.health import Health
from agent_runtime.tools.port import ToolContext

MODEL = {"kind": "Model", "metadata": {"name": "parrot"}, "spec": {}}


@contextmanager
def full() -> Iterator[None]:
    """The kernel lets no file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("write", "file"),
    [
        (lambda state: state.install_key(), "install-key"),
        (lambda state: state.announce("http://127.0.0.1:1", state.path), "server.json"),
        (lambda state: Inventory(state.folder("applied"), str).apply(MODEL), "applied/Model.parrot.json"),
    ],
    ids=["key", "address", "manifest"],
)
def test_what_cannot_be_written_is_named(
    write: Callable[[StateFolder], object], file: str, tmp_path: Path
) -> None:
    with StateFolder.open(tmp_path) as state, full(), pytest.raises(UserError) as refused:
        write(state)
    assert refused.value.what == f"{tmp_path / file} cannot be written: {os.strerror(errno.EFBIG).lower()}"
    assert "Make room for it" in refused.value.cure
    assert not list(tmp_path.glob("**/.*.*-*")), "and no part of it is left"


async def test_so_it_is_over_http_and_nothing_is_taken_in(tmp_path: Path) -> None:
    model = {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "Model",
        "metadata": {"name": "parrot"},
        "spec": {"provider": "Scripted", "script": [{"reply": "hi"}]},
    }
    with StateFolder.open(tmp_path) as state:
        laptop = LocalRuntime(state, Environment({}, ToolContext(tmp_path)), EventBroadcaster())
        transport = httpx2.ASGITransport(app=local_app(laptop, "t", Health()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://covey") as client:
            with full():
                answer = await client.post(
                    "/v1/apply", json={"manifests": [model]}, headers={"Authorization": "Bearer t"}
                )
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "not_stored")
        assert "Model.parrot.json cannot be written: file too large" in answer.json()["error"]["message"]
        assert laptop.manifests == {}


def test_a_folder_that_takes_nothing_is_not_opened_and_stays_free(tmp_path: Path) -> None:
    with full(), pytest.raises(UserError, match="cannot be written"):
        StateFolder.open(tmp_path)
    with StateFolder.open(tmp_path) as state:
        assert len(state.install_key()) == 32


def test_where_it_is_can_do_without_being_noted(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path / "notes")}
    with full():
        remember(tmp_path, environ)
    assert remembered(environ) == []
