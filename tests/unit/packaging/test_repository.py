"""What must not be in any file of the repository."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.skips import NO_WORKING_TREE

UNWANTED = {
    "a path of one machine": re.compile(r"(?<![\w.$}:/-])/(?:work|root|home/[a-z]\w*)/|/Users/[a-z]"),
    "the address of a package registry": re.compile(
        r"(?:--(?:extra-)?index-url|--trusted-host|(?:extra-)?index-url\s*=|registry\s*=|GOPROXY=)\s*"
        r"[\"']?https?://(?![\w.-]*\bexample\b)",
        re.IGNORECASE,
    ),
    "a user and password in a URL": re.compile(r"https?://[^/\s:@{$]+:[^/\s:@{$]+@"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def files() -> list[Path]:
    """Every file that git has or would take. Without git there is no telling them apart."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(NO_WORKING_TREE)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # an image or the like
    yield from enumerate(text.splitlines(), start=1)


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in files()
        if file != Path(__file__)
        for number, line in lines(file)
        if UNWANTED[what].search(line)
    ]
    assert found == []


def test_no_file_is_an_archive_or_large() -> None:
    """What was downloaded, or built, and stayed lying about when everything was added."""
    unwanted = {".whl", ".gz", ".tgz", ".tar", ".zip", ".jar", ".so"}
    found = [
        f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes"
        for file in files()
        if file.suffix in unwanted or file.stat().st_size > 512 * 1024
    ]
    assert found == []


@pytest.mark.parametrize("package", ["agent_runtime", "covey", "operator/covey_operator", "hack"])
def test_each_folder_of_modules_is_a_package(package: str) -> None:
    """One without `__init__.py` can be imported, and import-linter does not see it."""
    folders = {file.parent for file in files() if file.suffix == ".py" and (ROOT / package) in file.parents}
    assert ROOT / package in folders
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


PATH = re.compile(r"`((?:[\w-]+/)*[\w-]+\.(?:py|lua))`")


def test_each_module_that_is_named_is_there() -> None:
    """In comments and on pages, by the end of its path."""
    there = files()
    known = {"/".join(file.parts[-number:]) for file in there for number in range(1, len(file.parts))}
    named = [
        f"{file.relative_to(ROOT)}:{number}: {name}"
        for file in there
        if file.suffix in {".py", ".lua", ".sql", ".md"} and "examples" not in file.parts
        for number, line in lines(file)
        for name in PATH.findall(line)
        if name not in known and not name.endswith("NAME.py")
    ]
    assert named == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of one machine", "cd /Users/ann/main"),
        ("a path of one machine", 'CACHE = "/home/ann/.cache"'),
        ("the address of a package registry", "--index-url https://pypi.corp.net/simple"),
        ("the address of a package registry", "GOPROXY=http://proxy.corp.net"),
        ("a user and password in a URL", "https://ann:secret@example.com/x.git"),
        ("a private key", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_such_a_line_would_be_found(what: str, line: str) -> None:
    assert UNWANTED[what].search(line)
