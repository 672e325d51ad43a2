"""The tools about files see the input folder, all of its text, and nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.tools.builtin import BUILTIN, input_folder
from agent_runtime.tools.port import ToolContext, ToolError
from tests.unit.tools.conftest import Run

FILE_TOOLS: dict[str, dict[str, Any]] = {
    "list_files": {},
    "read_file": {"file": "a.txt"},
    "search_files": {"query": "hull"},
    "count_words": {},
    "quote": {"query": "hull"},
}


def test_list_files(run: Run) -> None:
    assert run("list_files") == {
        "files": [
            {"name": "harbour.md", "bytes": 293, "lines": 7, "title": "The Harbour Story"},
            {
                "name": "more/fish.txt",
                "bytes": 95,
                "lines": 1,
                "title": "Fish landings fell by 40 percent. The Port of Hull lost 3 ferries. "
                "Maria Lopez's plan is late.",
            },
        ],
        "skipped": [],
    }


def test_read_file_whole_and_in_part(run: Run) -> None:
    whole = run("read_file", file="harbour.md")
    assert whole["text"].startswith("# The Harbour Story\n\nMaria Lopez")
    assert (whole["lines"], whole["cut"]) == (7, False)
    assert run("read_file", file="harbour.md", **{"from": 7, "lines": 1})["text"] == (
        "- The Green Harbour Trust collected 4,300 signatures."
    )


def test_a_long_text_is_cut_and_says_so(folder: Path, run: Run) -> None:
    (folder / "long.txt").write_text("x" * 70_000)
    read = run("read_file", file="long.txt")
    assert (len(read["text"]), read["cut"]) == (65536, True)


def test_search_files_wants_all_words(run: Run) -> None:
    found = run("search_files", query="PORT hull")
    assert [(match["file"], match["line"]) for match in found["matches"]] == [
        ("harbour.md", 3),
        ("more/fish.txt", 1),
    ]
    limited = run("search_files", query="port", limit=1)
    assert (limited["total"], len(limited["matches"])) == (2, 1)
    assert run("search_files", query="port", file="more/fish.txt")["total"] == 1
    assert run("search_files", query="zeppelin") == {"query": "zeppelin", "total": 0, "matches": []}


def test_a_file_that_is_not_there_names_those_that_are(run: Run) -> None:
    with pytest.raises(ToolError, match=r"no text file 'news\.txt' .*there are: harbour\.md, more/fish\.txt"):
        run("read_file", file="news.txt")


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "more/../../secret.txt", ".hidden"])
def test_no_name_leads_out_of_the_folder(folder: Path, run: Run, name: str) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / ".hidden").write_text("hidden")
    with pytest.raises(ToolError, match="there is no text file"):
        run("read_file", file=name)


def test_a_link_out_of_the_folder_is_skipped_and_one_inside_is_followed(folder: Path, run: Run) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("The secret word is plover.")
    (folder / "out.txt").symlink_to(secret)
    (folder / "tree").symlink_to(folder.parent)
    (folder / "in.txt").symlink_to(folder / "more" / "fish.txt")
    listed = run("list_files")
    assert [file["name"] for file in listed["files"]] == ["harbour.md", "in.txt", "more/fish.txt"]
    assert listed["skipped"] == [{"name": "out.txt", "reason": "a link out of the input folder"}]
    assert run("search_files", query="plover")["total"] == 0


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    """Kubernetes mounts files as links into a hidden folder."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "a.txt").write_text("Hull.")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.txt").symlink_to("..data/a.txt")
    listed = BUILTIN["list_files"].run({}, ToolContext(tmp_path))
    assert [file["name"] for file in listed["files"]] == ["a.txt"]


def test_a_file_that_becomes_a_link_after_it_was_judged_is_not_read(folder: Path) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("secret")
    scanned = input_folder.InputFolder(folder, "--input")
    entry = scanned.chosen({"file": "harbour.md"})[0]
    entry.path.unlink()
    entry.path.symlink_to(secret)
    with pytest.raises(ToolError, match="a link out of the input folder"):
        scanned.text(entry)


def test_what_cannot_be_read_is_skipped_with_the_reason(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_folder, "MAX_FILE_BYTES", 2048)
    (folder / "big.txt").write_text("x" * 2049)
    (folder / "image.png").write_bytes(b"\x89PNG\x00\x01")
    (folder / "broken.txt").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.txt")
    listed = run("list_files")
    assert {skip["name"]: skip["reason"] for skip in listed["skipped"]} == {
        "big.txt": "larger than 2 KiB",
        "broken.txt": "unreadable (no such file or directory)",
        "image.png": "not text",
        "pipe.txt": "not a file",
    }
    with pytest.raises(ToolError, match=r"no text file 'image\.png' in the input folder \(not text\)"):
        run("read_file", file="image.png")


def test_the_number_and_the_sum_of_sizes_are_bounded(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_folder, "MAX_FILES", 1)
    listed = run("list_files")
    assert [file["name"] for file in listed["files"]] == ["harbour.md"]
    assert listed["skipped"][0]["reason"].startswith("past the bounds of 1 files")

    monkeypatch.setattr(input_folder, "MAX_FILES", 500)
    monkeypatch.setattr(input_folder, "MAX_TOTAL_BYTES", 100)
    assert [file["name"] for file in run("list_files")["files"]] == ["more/fish.txt"]


@pytest.mark.parametrize("tool", FILE_TOOLS)
def test_a_missing_folder_is_named(tmp_path: Path, tool: str) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(
        ToolError, match=rf"the input folder {missing} \(from COVEY_INPUT_DIR\) cannot be read"
    ):
        BUILTIN[tool].run(FILE_TOOLS[tool], ToolContext(missing))


@pytest.mark.parametrize("tool", FILE_TOOLS)
def test_a_folder_without_text_is_named(tmp_path: Path, tool: str) -> None:
    (tmp_path / "image.png").write_bytes(b"\x00")
    with pytest.raises(ToolError, match=rf"{tmp_path} .*has no text files \(skipped: image\.png: not text\)"):
        BUILTIN[tool].run(FILE_TOOLS[tool], ToolContext(tmp_path))


def test_a_file_instead_of_a_folder_is_named(folder: Path) -> None:
    with pytest.raises(ToolError, match=r"harbour\.md .*cannot be read \(not a directory\)"):
        BUILTIN["list_files"].run({}, ToolContext(folder / "harbour.md"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Müller".encode(), "Müller"),
        ("Müller".encode("cp1252"), "Müller"),
        (b"\xef\xbb\xbfplain", "plain"),
        ("Müller".encode("utf-16"), "Müller"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree"),
    ],
)
def test_encodings(folder: Path, run: Run, data: bytes, text: str) -> None:
    (folder / "encoded.txt").write_bytes(data)
    assert run("read_file", file="encoded.txt")["text"] == text
