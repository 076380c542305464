"""`make build` ends with the command that deploys what it built."""

import shutil
import sys
from pathlib import Path

import pytest

from sandbox.cloud import environments, stack


@pytest.mark.parametrize(("on_path", "expected"), [("/usr/bin/sam", "sam"), (None, ".sandbox/sam-venv/bin/sam")])
def test_build_names_the_sam_cli_to_deploy_with(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    on_path: str | None,
    expected: str,
) -> None:
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    monkeypatch.setattr(stack, "_build", lambda *_: None)
    monkeypatch.setattr(environments, "sam", lambda: tmp_path / ".sandbox/sam-venv/bin")
    monkeypatch.setattr(shutil, "which", lambda _: on_path)
    monkeypatch.setattr(sys, "argv", ["stack"])

    stack.main()

    assert f"built; next: {expected} deploy --config-env staging\n" == capsys.readouterr().out
