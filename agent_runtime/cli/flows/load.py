"""Flows by name: those in files, and those of the running `covey up`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_runtime.api.flow import FlowResource, FlowSpec
from agent_runtime.cli.client import Client
from agent_runtime.local.errors import UserError
from agent_runtime.local.manifests.check import check
from agent_runtime.local.manifests.function_check import folder_of, function_faults
from agent_runtime.local.manifests.load import FileFault, load
from agent_runtime.local.manifests.yaml_reader import InvalidYaml, read_documents


@dataclass(frozen=True, slots=True)
class FilesFlows:
    """What files say about Flows; what they say about other kinds is left out."""

    specs: Mapping[str, FlowSpec]
    """Those that can be read, though something may be wrong with them."""
    faults: tuple[FileFault, ...]
    missing: tuple[FileFault, ...]
    """References of theirs that these files do not hold."""


def in_files(paths: Sequence[Path], *, functions: bool = False) -> FilesFlows:
    """The Flows of files and folders. A fault whose kind cannot be told, as in broken YAML, counts.

    `functions`: import the modules that they name, to see whether the functions are there.
    """
    found = load(paths)
    checked = check(found, os.environ)
    specs = {
        source.name: FlowResource.model_validate(source.manifest).spec
        for source in found.resources
        if source.kind == "Flow"
    }
    flows = [source for source in found.resources if source.kind == "Flow"]
    uncallable = function_faults(flows, folder_of(paths)) if functions else []
    kinds = {file: _kinds(file) for file in {fault.file for fault in (*checked.faults, *checked.missing)}}

    def of_flows(faults: Sequence[FileFault]) -> tuple[FileFault, ...]:
        return tuple(fault for fault in faults if _kind_at(kinds[fault.file], fault.line) in ("Flow", None))

    return FilesFlows(specs, (*of_flows(checked.faults), *uncallable), of_flows(checked.missing))


def of_server(client: Client) -> dict[str, FlowResource]:
    """The Flows of the running `covey up`, with their status."""
    items = client.get("/v1/resources", kind="Flow")["items"]
    return {item["metadata"]["name"]: FlowResource.model_validate(item) for item in items}


def named(name: str, names: Sequence[str], place: str) -> None:
    """Raises UserError that lists the Flows there are when this one is not among them."""
    if name not in names:
        there = ", ".join(sorted(names))
        raise UserError(
            f'there is no Flow "{name}" in {place}; ' + (f"there are: {there}" if there else "there is none")
        )


def _kinds(file: Path) -> list[tuple[int, object]]:
    """(first line, kind) of each document."""
    starts: list[tuple[int, object]] = []
    try:
        for document in read_documents(file.read_bytes()):
            kind = document.value.get("kind") if isinstance(document.value, dict) else None
            starts.append((document.position("").line, kind))
    except InvalidYaml as error:
        starts.append((error.position.line, None))
    except OSError:
        return []
    return starts


def _kind_at(starts: Sequence[tuple[int, object]], line: int) -> object:
    return next((kind for start, kind in reversed(starts) if start <= line), None)
