"""What is shipped: one version everywhere, and images that hold what they run and nothing else."""

import re
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
import yaml

from agent_runtime import __version__
from tests.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODEL_SDKS = {"openai", "anthropic", "pydantic-ai", "pydantic-ai-slim", "tiktoken", "google-genai", "boto3"}
CLUSTER_SDKS = {"kopf", "kubernetes", "kubernetes-asyncio", "pykube-ng", "lightkube"}
ASKS_METADATA = re.compile(r"importlib\.metadata (?!import entry_points\n)")
"""Entry points of what a user's image has installed are another matter."""
TEST_TOOLS = {"pytest", "hypothesis", "mypy", "ruff", "kubernetes-validate"}


def locked(name: str) -> set[str]:
    """The distributions that a lock file holds."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", text, flags=re.MULTILINE))


@pytest.mark.parametrize("chart", ["covey", "covey-crds"])
def test_charts_have_the_version_of_the_project(chart: str) -> None:
    told = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
    assert {told["version"], told["appVersion"]} == {PROJECT["version"]}


def test_the_code_knows_the_version_of_the_project() -> None:
    assert __version__ == PROJECT["version"]


@pytest.mark.parametrize("package", ["agent_runtime", "operator/covey_operator"])
def test_code_that_is_copied_into_images_asks_for_no_metadata_of_itself(package: str) -> None:
    """There is none: see docs/adr/0008. What others declare may be asked. The command line is in no image."""
    asks = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / package).rglob("*.py"))
        if "cli" not in file.parts and ASKS_METADATA.search(file.read_text())
    ]
    assert asks == []


@pytest.mark.parametrize(
    ("image", "unwanted"),
    [("operator", MODEL_SDKS), ("runtime", CLUSTER_SDKS), ("operator", TEST_TOOLS), ("runtime", TEST_TOOLS)],
)
def test_an_image_holds_nothing_that_its_job_does_not_take(image: str, unwanted: set[str]) -> None:
    held = locked(image)
    assert {"pydantic", "structlog"} <= held
    assert held & unwanted == set()


def test_operator_the_folder_does_not_hide_operator_the_module() -> None:
    """A `__init__.py` in the folder would, for everything that starts in the root of the repository."""
    assert not (ROOT / "operator/__init__.py").exists()
    found = PathFinder.find_spec("operator", [str(ROOT), *sys.path])
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).name == "operator.py"
