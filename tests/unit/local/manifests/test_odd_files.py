"""Files and folders that no manifest should be: each is named, and none hides or ends the others."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_runtime.api.validate import faults
from agent_runtime.local.manifests.load import load
from agent_runtime.local.manifests.watch import stamps

MODEL = """
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: pen}
spec: {provider: Scripted, script: [{reply: hello}]}
"""


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(file.parent)  # the name of a socket may have 107 characters only
        made.bind(file.name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.symlink_to(file.name), "cannot be read: Too many levels of symbolic links"),
        (lambda file: file.symlink_to("nowhere.yaml"), "is a link to what is not there: remove it"),
        (os.mkfifo, "is a named pipe, not a file with manifests: move it elsewhere"),
        (_socket, "is a socket, not a file with manifests"),
        (lambda file: file.symlink_to("/dev/null"), "is a device, not a file with manifests"),
        (lambda file: file.write_bytes(b"\x00\xff\xfe\x80" * 100), "this is not text in UTF-8"),
        (lambda file: file.write_bytes(b"a: 1\n" * 1_000_000), "the file is larger than 4 MiB"),
        (lambda file: file.write_text("[" * 100_000), "more than"),
        (lambda file: file.write_text(f"a: {'9' * 5000}"), "has more than 64 bits"),
    ],
)
def test_what_is_no_manifest_is_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(MODEL)
    make(tmp_path / "x.yaml")
    loaded = load([tmp_path])
    assert [source.name for source in loaded.resources] == ["pen"]
    assert [fault.file.name for fault in loaded.faults] == ["x.yaml"]
    assert message in loaded.faults[0].message
    stamps([tmp_path])


def test_a_name_that_is_not_utf8_can_be_read_and_printed(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9sum\xe9.yaml"))
    file.write_text(MODEL + "  colour: red\n")
    other = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml"))
    other.write_text(MODEL)
    loaded = load([tmp_path])
    assert [source.origin.encode() for source in loaded.resources] == [
        os.fsencode(tmp_path) + b"/caf\\udce9.yaml:2"
    ]
    assert loaded.faults
    for fault in loaded.faults:
        assert "r\\udce9sum\\udce9.yaml" in str(fault)
        str(fault).encode()


def test_a_folder_that_cannot_be_read_is_a_fault_so_that_nothing_looks_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.yaml").write_text(MODEL)
    (tmp_path / "secret").mkdir()
    listed = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)  # type: ignore[call-overload]  # whatever it was called with

    monkeypatch.setattr(os, "scandir", refuse)
    assert [str(fault) for fault in load([tmp_path]).faults] == [
        f"{tmp_path / 'secret'}: cannot be read: Permission denied"
    ]


def test_a_folder_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    assert [fault.message for fault in load([tmp_path / "gone"]).faults] == [
        "there is no such file or folder"
    ]
    assert stamps([tmp_path / "gone"]) == frozenset()


def test_an_unforeseen_error_is_one_manifests_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text(f"{MODEL}---{MODEL.replace('pen', 'ink')}")

    def fails(manifest: object) -> object:
        if "ink" in str(manifest):
            raise RecursionError("too deep")
        return faults(manifest)

    monkeypatch.setattr("agent_runtime.local.manifests.load.faults", fails)
    loaded = load([tmp_path])
    assert [source.name for source in loaded.resources] == ["pen"]
    assert [str(fault) for fault in loaded.faults] == [
        f"{tmp_path / 'a.yaml'}:7:1: cannot be checked: RecursionError: too deep"
    ]
