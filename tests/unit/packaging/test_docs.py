"""Pages that point somewhere point at something, and say all that there is."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime.api import KINDS
from agent_runtime.api.reasons import REASONS
from tests.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "charts").rglob("*.md"))]


def prose(page: Path) -> str:
    """Without blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Files and anchors that a page points at, within the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield (page.parent / path if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Headings as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        f"{file.resolve().relative_to(ROOT)}#{anchor}"
        for file, anchor in links(page)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$? ?)make ([a-z][a-z-]*)", page.read_text(), flags=re.MULTILINE))
    assert named - targets == set()


def test_every_reason_has_a_cure() -> None:
    told = (ROOT / "docs/troubleshooting.md").read_text()
    assert [reason.name for reason in REASONS if f"`{reason.name}`" not in told] == []


def test_concepts_name_every_kind_and_reason() -> None:
    told = (ROOT / "docs/concepts.md").read_text()
    assert [kind for kind in KINDS if f"[{kind}]" not in told] == []
    assert [reason.name for reason in REASONS if f"`{reason.name}`" not in told] == []


def test_every_decision_is_listed_under_its_number() -> None:
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    index = (ROOT / "docs/adr/README.md").read_text()
    for record in records:
        text = record.read_text()
        heading = text.splitlines()[0].removeprefix("# ")
        assert heading.startswith(f"{int(record.name[:4])}. ")
        assert f"- [{heading}]({record.name})" in index
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, f"{record.name} lacks {part}"


def test_the_picture_is_small_and_stands_alone() -> None:
    file = ROOT / "docs/architecture.svg"
    assert file.stat().st_size < 30_000
    root = ET.parse(file).getroot()
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert {"title", "desc"} <= names
    assert not names & {"script", "image", "foreignObject"}
