"""The input folder: the only place that file tools see, read-only and within bounds."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_runtime.tools.port import ToolContext, ToolError

MAX_FILES = 500
MAX_FILE_BYTES = 1024 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024
_MAX_ENTRIES = 10_000
"""Directory entries that are looked at, so that a wrong folder (`/`) does not take for ever."""

FILE_PARAMETER = {
    "type": "string",
    "description": "A name from list_files; left out: all files",
    "minLength": 1,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A text file of the folder."""

    name: str
    """Its path below the folder, with `/`."""
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not read, and why."""

    name: str
    reason: str


class InputFolder:
    """The text files below a folder, in order of their names. Hidden ones do not exist.

    Links are followed as long as they stay inside, which is how a mounted ConfigMap holds its files.
    Raises ToolError, naming the folder, when it is missing, unreadable or has no text file.
    """

    def __init__(self, folder: Path, named_by: str) -> None:
        self._described = f"the input folder {folder} (from {named_by})"
        try:
            self._root = folder.resolve(strict=True)
        except OSError as error:
            raise ToolError(f"{self._described} cannot be read ({_why(error)}): mount one there") from error
        self.entries, self.skipped = self._scan()
        if not self.entries:
            raise ToolError(f"{self._described} has no text files{self._listed_skips()}: put some there")

    @classmethod
    def of(cls, context: ToolContext) -> "InputFolder":
        """The folder of a call."""
        return cls(context.input_dir, context.input_named_by)

    def chosen(self, arguments: Any) -> list[Entry]:
        """The file that the arguments name, or all of them. Raises ToolError for one that is not there."""
        name = arguments.get("file")
        if name is None:
            return self.entries
        wanted = os.path.normpath(name).removeprefix("./")
        for entry in self.entries:
            if entry.name == wanted:
                return [entry]
        skipped = next((f" ({s.reason})" for s in self.skipped if s.name == wanted), "")
        names = ", ".join(entry.name for entry in self.entries[:20])
        raise ToolError(f"there is no text file {name!r} in the input folder{skipped}; there are: {names}")

    def text(self, entry: Entry) -> str:
        """The file's text; line ends are `\\n`. Raises ToolError."""
        try:
            data = self._bytes(entry.path)
        except OSError as error:
            raise ToolError(f"{entry.name} cannot be read ({_why(error)})") from error
        return _decoded(data).replace("\r\n", "\n").replace("\r", "\n")

    def _scan(self) -> tuple[list[Entry], list[Skipped]]:
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        total = 0
        for name, path in self._walk():
            reason, size = self._judge(path)
            if reason is None and (len(entries) == MAX_FILES or total + size > MAX_TOTAL_BYTES):
                reason = f"past the bounds of {MAX_FILES} files and {MAX_TOTAL_BYTES // 1024**2} MiB in all"
            if reason is not None:
                skipped.append(Skipped(name, reason))
                continue
            total += size
            entries.append(Entry(name, path, size))
        return entries, skipped

    def _walk(self) -> Iterator[tuple[str, Path]]:
        """Names and paths of files that are not hidden, in order."""

        def refuse(error: OSError) -> None:
            if Path(error.filename) == self._root:
                raise ToolError(f"{self._described} cannot be read ({_why(error)})") from error

        seen = 0
        for folder, folders, files in os.walk(self._root, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for file in sorted(files):
                seen += 1
                if seen > _MAX_ENTRIES:
                    raise ToolError(
                        f"{self._described} has more than {_MAX_ENTRIES} files: name a smaller one"
                    )
                if not file.startswith("."):
                    path = Path(folder, file)
                    yield path.relative_to(self._root).as_posix(), path

    def _judge(self, path: Path) -> tuple[str | None, int]:
        """Why a file is skipped (None: it is not), and its size in bytes."""
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root):
                return "a link out of the input folder", 0
            if not real.is_file():
                return "not a file", 0
            size = real.stat().st_size
            if size > MAX_FILE_BYTES:
                return f"larger than {MAX_FILE_BYTES // 1024} KiB", size
            with real.open("rb") as file:
                head = file.read(8192)
        except OSError as error:
            return f"unreadable ({_why(error)})", 0
        return ("not text" if _is_binary(head) else None), size

    def _bytes(self, path: Path) -> bytes:
        # Judged anew at the moment of reading: what was a file may have become a link.
        real = path.resolve(strict=True)
        if not real.is_relative_to(self._root):
            raise PermissionError("a link out of the input folder")
        with real.open("rb") as file:
            return file.read(MAX_FILE_BYTES)

    def _listed_skips(self) -> str:
        listed = "; ".join(f"{skip.name}: {skip.reason}" for skip in self.skipped[:5])
        return f" (skipped: {listed})" if listed else ""


def _is_binary(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return b"\x00" in head


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _why(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
