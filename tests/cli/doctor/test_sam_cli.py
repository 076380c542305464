"""The first check of `jiuwu doctor`: the version of the SAM CLI on the PATH."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jiuwu_cli.doctor import sam_cli

type Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """install("echo …") puts a script `sam` with this line on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(line: str) -> None:
        file = tmp_path / "sam"
        file.write_text(f"#!/bin/sh\n{line}\n")
        file.chmod(0o755)

    return write


@pytest.mark.parametrize("version", ["1.161.1", "1.170.0", "2.0.0"])
def test_a_recent_version_passes(install: Install, version: str) -> None:
    install(f"echo 'SAM CLI, version {version}'")

    assert (True, f"version {version}") == (sam_cli.check().passed, sam_cli.check().detail)


@pytest.mark.parametrize("version", ["1.161.0", "1.99.0", "0.999.999"])
def test_an_old_version_fails_and_names_the_required_one(install: Install, version: str) -> None:
    install(f"echo 'SAM CLI, version {version}'")

    finding = sam_cli.check()

    assert (False, "install 1.161.1 or later, or use .sandbox/sam-venv/bin/sam") == (finding.passed, finding.hint)
    assert version in finding.detail


@pytest.mark.parametrize("line", ["exit 1", "echo 'usage: sam FILE'"])
def test_a_missing_version_fails(install: Install, line: str) -> None:
    install(line)

    assert sam_cli.check().passed is False


def test_without_a_sam_cli_the_check_is_skipped_and_names_ours(install: Install) -> None:
    finding = sam_cli.check()

    assert finding.passed is None
    assert "`make build` installs one: .sandbox/sam-venv/bin/sam" == finding.hint


def test_the_oldest_version_is_the_one_that_the_build_pins(project: Path) -> None:
    oldest = ".".join(map(str, sam_cli.OLDEST))

    assert f"aws-sam-cli>={oldest} " in (project / "sandbox/cloud/sam-requirements.in").read_text("utf-8")
