"""The blocks of code on the pages, and how each language is checked.

A page says before a block what a reader cannot see, in a comment of HTML:

    <!-- unchecked: REASON -->      nothing checks the block, and why

Fragments of manifests are put into the smallest whole that holds them, by their shape; see `whole`.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.paths import ROOT

API = "covey.dev/v1alpha1"
_FENCE = re.compile(r"^( *)```(\w*)\s*$")
_UNCHECKED = re.compile(r"^ *<!-- unchecked: (.*) -->$")
_HEREDOC = re.compile(r"<<'(\w+)'\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True)
class Snippet:
    """One block. `line` is that of its first line of code, from 1."""

    page: Path
    line: int
    language: str
    code: str
    unchecked: str | None
    """The reason that the page gives, if it says so."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line} ({self.language})"

    @property
    def is_of_chart_values(self) -> bool:
        """Whether it is YAML whose keys are all values of the chart."""
        values = yaml.safe_load((ROOT / "charts/covey/values.yaml").read_text())
        return (
            self.language == "yaml"
            and isinstance(part := next(yaml.safe_load_all(self.code)), dict)
            and part.keys() <= values.keys()
        )


def snippets(page: Path) -> Iterator[Snippet]:
    """The blocks of a page that name a language."""
    lines = page.read_text().splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        code = "\n".join(line.removeprefix(fence[1]) for line in lines[at + 1 : end]) + "\n"
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        reason = _UNCHECKED.match(before)
        if fence[2]:
            yield Snippet(page, at + 2, fence[2], code, reason[1] if reason else None)
        at = end + 1


def manifests(snippet: Snippet) -> list[dict[str, Any]]:
    """The whole manifests that a block stands for. Raises ValueError for a shape that no rule knows."""
    return [whole(document) for document in yaml.safe_load_all(snippet.code)]


def whole(part: Any) -> dict[str, Any]:
    """A fragment in the smallest manifest that holds it; a manifest as it is."""
    match part:
        case {"apiVersion": str(), "kind": str()}:
            return dict(part)
        case {"consumes": list()}:
            return _agent(part)
        case {"publishes": list()}:
            return _agent({}, **part)
        case {"triggers": list() as triggers}:
            params = {name: {"default": None} for trigger in triggers for name in trigger.get("params", {})}
            nodes = [{"name": "first", "tool": {"builtin": "clock"}}]
            return _manifest("Flow", {"params": params, "start": "first", "nodes": nodes, **part})
        case [{"types": list()}, *_]:
            return _agent({"consumes": part})
        case [{"name": str(), "schema": dict()}, *_]:
            older = [
                {"name": type_["name"], "version": reading["version"], "schema": {"type": "object"}}
                for type_ in part
                for reading in type_.get("reads", [])
            ]
            return _manifest("Blackboard", {"store": {"memory": {}}, "artifactTypes": [*older, *part]})
        case [{"name": str()}, *_]:
            return _flow(part)
        case _:
            raise ValueError(
                "no rule says into which manifest this fragment belongs: write a whole manifest, add a rule "
                "to tests/unit/packaging/snippets.py, or say <!-- unchecked: REASON --> before it"
            )


def _flow(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The nodes, after which come those that they lead to, and with the parameters that they use."""
    there = {node["name"] for node in nodes}
    targets = dict.fromkeys(target for node in nodes for target in node.get("next", {}).values())
    used = re.findall(r"\bshared\.([A-Za-z_]\w*)", str(nodes))
    more = [name for name in dict.fromkeys([*targets, *used]) if name not in there]
    params: dict[str, Any] = {name: {} for name in re.findall(r"\bparams\.([A-Za-z_]\w*)", str(nodes))}
    added: list[dict[str, Any]] = [{"name": name, "tool": {"builtin": "clock"}} for name in more]
    first = [name for name in more if name not in targets]
    for node in added:
        if node["name"] in first[-1:]:
            node["next"] = {"default": nodes[0]["name"]}
    start = first[-1] if first else nodes[0]["name"]
    return _manifest("Flow", {"params": params, "start": start, "nodes": [*nodes, *added]})


def _agent(blackboard: dict[str, Any], **fields: Any) -> dict[str, Any]:
    spec = {
        "description": "Of a fragment.",
        "instructions": "Work.",
        "model": {"name": "parrot"},
        "blackboard": {"name": "newsroom", "tenant": "acme", **blackboard},
        **fields,
    }
    return _manifest("Agent", spec)


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": "fragment"}, "spec": spec}


def script(snippet: Snippet) -> str:
    """What is typed: of `console`, what stands behind a prompt, with the lines that go on."""
    if snippet.language == "sh":
        return snippet.code
    typed: list[str] = []
    goes_on = False
    for line in snippet.code.splitlines():
        if goes_on or line.startswith("$ "):
            typed.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
    return "".join(f"{line}\n" for line in typed)


def here_documents(snippet: Snippet) -> list[str]:
    """Manifests within a script."""
    return [found[2] for found in _HEREDOC.finditer(script(snippet))]


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line; a quotation may go over several."""
    begun = ""
    for line in text.splitlines():
        begun += f"{line}\n"
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            continue
        begun = ""
        yield words


def covey_commands(snippet: Snippet) -> list[list[str]]:
    """The arguments of each `covey` in the script; what the shell makes of variables is not known."""
    plain = _CONTINUED.sub(" ", _HEREDOC.sub("", script(snippet)))
    found = []
    for words in _lines(plain):
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and Path(words[0]).name == "covey":
            end = next((n for n, word in enumerate(words) if word in ("|", "&", "&&", ";")), len(words))
            found.append(words[1:end])
    return found
