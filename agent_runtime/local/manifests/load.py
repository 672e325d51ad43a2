"""Manifests from files and folders: what is in them, and what is wrong, with file, line and column."""

import base64
import binascii
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent_runtime.api import GROUP, KINDS
from agent_runtime.api.fault import Fault
from agent_runtime.api.validate import faults
from agent_runtime.core.background import describe
from agent_runtime.core.visible import visible_line
from agent_runtime.local.manifests.defaults import NO_STORE, lacks_store, with_laptop_defaults
from agent_runtime.local.manifests.yaml_reader import MAX_BYTES, Document, InvalidYaml, read_documents

SUFFIXES = (".yaml", ".yml")
REFERENCES = ("ConfigMap", "Secret")
"""Kinds of Kubernetes that Covey's resources reference; others are skipped."""


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path("/")


_STARTED_IN = _working_directory()
"""At the start: a function of a Python node may change it."""


def shown(file: Path) -> str:
    """The file for people, who began where the command was given."""
    is_below = file.is_relative_to(_STARTED_IN) and _STARTED_IN.name != ""
    return str(file.relative_to(_STARTED_IN)) if is_below else str(file)


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault in a file. `line` and `column` begin at 1; 0 when it is about the file as a whole."""

    file: Path
    line: int
    column: int
    path: str
    """The field, such as `spec.nodes[2].next`; empty when it is not about one."""
    message: str

    def __str__(self) -> str:
        file = shown(self.file)
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return visible_line(f"{place}: {Fault(self.path, self.message)}")


@dataclass(frozen=True, slots=True)
class Source:
    """One manifest without faults of its own, and where it stands."""

    manifest: Mapping[str, Any]
    """Plain, as written; a Secret has all its values as text in `stringData`."""
    file: Path
    document: Document

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def origin(self) -> str:
        """File and line, for people."""
        return visible_line(f"{shown(self.file)}:{self.document.position('').line}")

    def fault(self, path: str, message: str) -> FileFault:
        """A fault at a field of this manifest, for what only shows when it is compiled with the others."""
        position = self.document.position(path)
        # The message of a condition has to name the field; here it stands before the message.
        message = message.removeprefix(f"{path}: ")
        return FileFault(self.file, position.line, position.column, path, message)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that was found, in the order of files and documents."""

    resources: tuple[Source, ...]
    """Without faults; Covey's kinds, ConfigMaps and Secrets."""
    faults: tuple[FileFault, ...]
    notes: tuple[str, ...] = ()
    """What was skipped, and why."""


def load(paths: Sequence[Path]) -> Loaded:
    """Read files, and folders with all the YAML beneath them. Nothing is raised for what is wrong in them."""
    resources: list[Source] = []
    found: list[FileFault] = []
    notes: list[str] = []
    for file in manifest_files(paths, found):
        for document in _documents(file, found):
            source = Source(document.value, file, document)
            try:
                _take(source, resources, found, notes)
            except Exception as error:  # whatever it is, the other manifests are checked
                found.append(source.fault("", f"cannot be checked: {describe(error)}"))
    unique = list(_without_duplicates(resources, found))
    if not (unique or found or notes):
        found += [FileFault(path, 0, 0, "", "there is no manifest in it") for path in paths]
    found.sort(key=lambda fault: (fault.file, fault.line, fault.column))
    return Loaded(tuple(unique), tuple(found), tuple(notes))


def manifest_files(paths: Sequence[Path], found: list[FileFault]) -> Iterator[Path]:
    """The files that hold the manifests, each once; what is not there goes to `found`."""
    seen: set[Path] = set()
    for path in paths:
        files: Sequence[Path] = [path]
        if path.is_dir():
            before = len(found)
            files = sorted(_within(path, found))
            if not files and len(found) == before:
                found.append(FileFault(path, 0, 0, "", "there is no *.yaml or *.yml in this folder"))
        elif not path.exists() and not path.is_symlink():
            found.append(FileFault(path, 0, 0, "", "there is no such file or folder"))
            continue
        for file in files:
            if real(file) not in seen:
                seen.add(real(file))
                yield file


def real(path: Path) -> Path:
    """The path with its links followed. One that leads to itself stays as it is, and raises nothing."""
    return Path(os.path.realpath(path))


def _within(folder: Path, found: list[FileFault]) -> Iterator[Path]:
    """YAML files below the folder, but not within something hidden such as `.covey`.

    A folder that cannot be read is a fault: its manifests must not look deleted.
    """

    def unread(error: OSError) -> None:
        place = Path(os.fsdecode(error.filename)) if error.filename is not None else folder
        found.append(FileFault(place, 0, 0, "", f"cannot be read: {error.strerror}"))

    for root, folders, names in os.walk(folder, onerror=unread):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(root, name)
            if file.suffix not in SUFFIXES or name.startswith("."):
                continue
            why = _no_file(file)
            if why:
                found.append(FileFault(file, 0, 0, "", why))
            else:
                yield file


def _no_file(path: Path) -> str:
    """Why it cannot hold a manifest, going by what it is; empty when it can."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # It went away just now, or it is a link that leads nowhere.
        return "is a link to what is not there: remove it" if path.is_symlink() else ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISREG(mode):
        return ""
    kinds = (
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    kind = next((word for test, word in kinds if test(mode)), "no file")
    return f"is {kind}, not a file with manifests: move it elsewhere"


def _documents(file: Path, found: list[FileFault]) -> Iterator[Document]:
    try:
        yield from read_documents(_content(file))
    except InvalidYaml as error:
        found.append(FileFault(file, error.position.line, error.position.column, "", str(error)))
    except OSError as error:
        found.append(FileFault(file, 0, 0, "", f"cannot be read: {error.strerror}"))
    except Exception as error:  # whatever it is, the other files are read
        found.append(FileFault(file, 0, 0, "", f"cannot be read: {describe(error)}"))


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)  # one more than is allowed, so that the reader sees that it is more


def _take(source: Source, resources: list[Source], found: list[FileFault], notes: list[str]) -> None:
    """Put one document where it belongs: among the resources, the faults or the notes."""
    manifest = source.manifest
    kind, version = (
        manifest.get(key) if isinstance(manifest, dict) else None for key in ("kind", "apiVersion")
    )
    if kind in REFERENCES and version == "v1":
        wrong = list(_reference_faults(manifest))
    elif kind == "List" and version == "v1":
        wrong = [Fault("kind", "a List is not read: write its items as documents of their own")]
    elif _is_foreign(kind, version):
        if kind != "Kustomization":  # says how to apply the others, and is no resource itself
            notes.append(f"{source.origin}: {kind} ({version}) is Kubernetes' own, and skipped here")
        return
    else:
        if lacks_store(manifest):
            notes.append(f"{source.origin}: {NO_STORE}")
            manifest = with_laptop_defaults(manifest)
        wrong = faults(manifest)
    found.extend(source.fault(fault.path, fault.message) for fault in wrong)
    if not wrong:
        plain = _plain_secret(manifest) if kind == "Secret" else manifest
        resources.append(replace(source, manifest=plain))


def _is_foreign(kind: object, version: object) -> bool:
    """Complete, and of somebody else: neither the kind nor the group is one of ours."""
    if not isinstance(kind, str) or not isinstance(version, str):
        return False
    return bool(kind and version) and kind not in KINDS and not version.startswith(f"{GROUP}/")


def _reference_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a ConfigMap or Secret: a name, and texts under `data` and `stringData`."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        yield Fault("metadata.name", "is missing: the name of the object")
    for part in ("data", "stringData"):
        values = manifest.get(part) or {}
        if not isinstance(values, dict):
            yield Fault(part, "is not a mapping of keys to texts")
            continue
        for key, value in values.items():
            path = f"{part}.{key}"
            if not isinstance(value, str):
                yield Fault(path, "is not a text: put it in quotes")
            elif part == "data" and manifest["kind"] == "Secret" and _decoded(value) is None:
                yield Fault(path, "is not a text in base64: encode it, or put it under stringData as it is")


def _plain_secret(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Secret with all its values as text in `stringData`; where a key is in both, that wins, as there."""
    decoded = {key: _decoded(value) for key, value in (manifest.get("data") or {}).items()}
    rest = {key: value for key, value in manifest.items() if key != "data"}
    return {**rest, "stringData": {**decoded, **(manifest.get("stringData") or {})}}


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _without_duplicates(resources: Iterable[Source], found: list[FileFault]) -> Iterator[Source]:
    first: dict[tuple[str, str], Source] = {}
    for source in resources:
        before = first.setdefault((source.kind, source.name), source)
        if before is source:
            yield source
        else:
            message = (
                f'{source.kind} "{source.name}" is there already, in {before.origin}: rename or remove one'
            )
            found.append(source.fault("metadata.name", message))
