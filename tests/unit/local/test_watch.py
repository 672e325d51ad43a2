"""Changes of manifests: none is lost, and only manifests count."""

import asyncio
from pathlib import Path

import pytest

from agent_runtime.local.watch import changes, stamps

PATIENCE = 60.0
"""Seconds after which a test gives up; never what it takes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    return tmp_path


@pytest.mark.parametrize("whole_folder", [True, False])
async def test_a_change_before_anybody_watched_is_told(folder: Path, whole_folder: bool) -> None:
    paths = [folder if whole_folder else folder / "a.yaml"]
    since = stamps(paths)
    (folder / "a.yaml").write_text("a: 22\n")
    async with asyncio.timeout(PATIENCE):
        await anext(changes(paths, since, asyncio.Event()))


async def test_changes_are_told_as_they_come_until_the_stop(folder: Path) -> None:
    stop = asyncio.Event()
    told = changes([folder], stamps([folder]), stop)
    async with asyncio.timeout(PATIENCE):
        for name in ("b.yaml", "c.yml"):
            coming = asyncio.ensure_future(anext(told))
            (folder / name).write_text("b: 1\n")
            await coming
        stop.set()
        assert await anext(told, "ended") == "ended"


def test_what_is_no_manifest_changes_nothing(folder: Path) -> None:
    before = stamps([folder])
    (folder / "notes.txt").write_text("no manifest")
    (folder / ".covey").mkdir()
    (folder / ".covey" / "state.yaml").write_text("no manifest either")
    assert stamps([folder]) == before
    (folder / "a.yaml").unlink()
    assert stamps([folder]) == frozenset()
