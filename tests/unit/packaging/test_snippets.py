"""Every block of code on every page works: manifests compile, commands parse, Python runs.

The two pages on Python are run as programs by tests/unit/flow/test_docs.py and tests/unit/sdk/test_docs.py.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import typer
import yaml
from typer._click.exceptions import UsageError
from typer.core import TyperGroup

from agent_runtime.cli.main import app
from agent_runtime.local.manifests.check import check
from agent_runtime.local.manifests.load import load
from covey_operator.kube.echoes import merged
from tests.paths import ROOT
from tests.unit.packaging.snippets import (
    Snippet,
    covey_commands,
    here_documents,
    manifests,
    script,
    snippets,
    whole,
)

CHART = ROOT / "charts/covey"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL = [snippet for page in PAGES for snippet in snippets(page)]
RUN_ELSEWHERE = {"flows-in-python.md", "blackboard-in-python.md"}
OUTPUT = {"text"}
"""What a program prints; tests of that program compare it."""


def of(*languages: str) -> list[Snippet]:
    """The blocks that are to be checked."""
    return [snippet for snippet in ALL if snippet.language in languages and snippet.unchecked is None]


def faults_in(documents: list[dict[str, object]], folder: Path) -> list[str]:
    """What `covey validate` finds in manifests; references that others must bring are none."""
    file = folder / "snippet.yaml"
    file.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return [f"{fault.path}: {fault.message}" for fault in check(load([file]), {}).faults]


@pytest.mark.parametrize("snippet", [each for each in of("yaml") if each.is_of_chart_values], ids=str)
def test_values_of_the_chart_are_as_its_schema_says(snippet: Snippet) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = merged(yaml.safe_load((CHART / "values.yaml").read_text()), yaml.safe_load(snippet.code))
    faults = [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(values)]
    assert not faults, f"{snippet}: {'; '.join(faults)}"


@pytest.mark.parametrize("snippet", [each for each in of("yaml") if not each.is_of_chart_values], ids=str)
def test_manifests_compile(snippet: Snippet, tmp_path: Path) -> None:
    try:
        documents = manifests(snippet)
    except ValueError as error:
        pytest.fail(f"{snippet}: {error}")
    faults = faults_in(documents, tmp_path)
    assert not faults, f"{snippet}: {'; '.join(faults)}"


@pytest.mark.parametrize("snippet", of("json"), ids=str)
def test_json_is_json(snippet: Snippet) -> None:
    for number, line in enumerate(snippet.code.splitlines(), snippet.line):
        try:
            json.loads(line)
        except ValueError as error:
            pytest.fail(f"{snippet.page.name}:{number}: {error}")


@pytest.mark.parametrize("snippet", of("toml"), ids=str)
def test_toml_is_toml(snippet: Snippet) -> None:
    try:
        tomllib.loads(snippet.code)
    except ValueError as error:
        pytest.fail(f"{snippet}: {error}")


@pytest.mark.parametrize("snippet", of("sh", "console"), ids=str)
def test_scripts_are_scripts(snippet: Snippet, tmp_path: Path) -> None:
    done = subprocess.run(["bash", "-n"], input=script(snippet), capture_output=True, text=True, check=False)
    assert not done.stderr, f"{snippet}: {done.stderr}"
    for text in here_documents(snippet):
        faults = faults_in(list(yaml.safe_load_all(text)), tmp_path)
        assert not faults, f"{snippet}: {'; '.join(faults)}"


@pytest.mark.parametrize("snippet", of("sh", "console"), ids=str)
def test_commands_of_covey_are_there_and_take_these_options(snippet: Snippet) -> None:
    for arguments in covey_commands(snippet):
        try:
            parse(typer.main.get_command(app), "covey", arguments)
        except UsageError as error:
            pytest.fail(f"{snippet}: covey {' '.join(arguments)}: {error.format_message()}")


def parse(command: Any, name: str, arguments: list[str]) -> None:
    """As the command line is read, without doing anything. Raises UsageError."""
    try:
        context = command.make_context(name, list(arguments))
    except typer.Exit:
        return  # such as --help
    rest = [*context._protected_args, *context.args]
    if isinstance(command, TyperGroup) and rest:  # without: it does something by itself
        found, below, left = command.resolve_command(context, rest)
        parse(below, found or "", left)


@pytest.mark.parametrize("snippet", [s for s in of("python") if s.page.name not in RUN_ELSEWHERE], ids=str)
def test_python_runs(snippet: Snippet) -> None:
    command = [sys.executable, "-c", snippet.code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, f"{snippet}: {done.stderr}"


@pytest.mark.parametrize("snippet", [s for s in ALL if s.language not in OUTPUT], ids=str)
def test_every_block_is_checked_or_says_why_not(snippet: Snippet) -> None:
    if snippet.unchecked is not None:
        assert len(snippet.unchecked) > 10, f"{snippet}: give the reason"
        return
    checked = snippet.language in ("yaml", "json", "toml", "sh", "console", "python")
    assert checked, f"{snippet}: nothing checks this language here: <!-- unchecked: REASON -->"


class TestTheChecksFail:
    """A check that cannot fail checks nothing."""

    def test_a_newline_in_an_expression(self, tmp_path: Path) -> None:
        nodes = [{"name": "merge", "reduce": {"from": "merge", "with": "${items.join('\n')}"}}]
        assert "does not compile" in str(faults_in([whole(nodes)], tmp_path))

    def test_a_field_that_is_not_there(self, tmp_path: Path) -> None:
        assert "tipes" in str(faults_in([whole({"consumes": [{"tipes": ["Tip"]}]})], tmp_path))

    def test_a_predicate_that_is_none(self, tmp_path: Path) -> None:
        consumes = {"consumes": [{"types": ["Tip"], "where": "payload.n >"}]}
        assert "does not compile" in str(faults_in([whole(consumes)], tmp_path))

    def test_a_fragment_of_no_shape(self) -> None:
        with pytest.raises(ValueError, match="no rule says"):
            whole({"something": 1})

    @pytest.mark.parametrize("arguments", [["rnu", "x"], ["run", "x", "--waait"], ["board", "explain"]])
    def test_a_command_that_is_none(self, arguments: list[str]) -> None:
        with pytest.raises(UsageError):
            parse(typer.main.get_command(app), "covey", arguments)
