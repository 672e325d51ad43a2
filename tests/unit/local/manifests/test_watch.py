"""Changes of manifests: none is lost, and only manifests count."""

import asyncio
import shutil
from pathlib import Path

import pytest

from agent_runtime.local.manifests.watch import changes, stamps

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


async def test_a_watcher_that_fails_does_not_end_the_watch(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*paths: Path, **options: object) -> object:
        raise RuntimeError("a name that is not UTF-8")

    monkeypatch.setattr("watchfiles.awatch", broken)
    told = changes([folder], stamps([folder]), asyncio.Event())
    async with asyncio.timeout(PATIENCE):
        for text in ("a: 333\n", "a: 4444\n"):
            coming = asyncio.ensure_future(anext(told))
            await asyncio.sleep(0)
            (folder / "a.yaml").write_text(text)
            await coming


async def test_a_folder_that_is_deleted_and_made_again_is_watched(folder: Path) -> None:
    spare = shutil.copytree(folder, folder.with_name("spare"))
    told = changes([folder], stamps([folder]), asyncio.Event())
    async with asyncio.timeout(PATIENCE):
        coming = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0)
        shutil.rmtree(folder)
        await coming
        coming = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0)
        shutil.copytree(spare, folder)
        await coming
