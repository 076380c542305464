"""Check the version of the SAM CLI on the PATH: versions before 1.161.1 do not expand the template's loops."""

import os
import re
import shutil
import subprocess

from jiuwu_cli.doctor.findings import Finding, failed, ok, skipped

OLDEST = (1, 161, 1)
_NAME = "SAM CLI"
_OURS = ".sandbox/sam-venv/bin/sam"
_SECONDS = 30.0


def check() -> Finding:
    """Check the version of the SAM CLI on the PATH; without one, name the one that `make build` installs."""
    path = shutil.which("sam")
    if path is None:
        return skipped(_NAME, "none on the PATH", f"`make build` installs one: {_OURS}")
    version = _version(path)
    if version is None:
        return failed(_NAME, f"{path} does not report its version", f"use {_OURS}")
    if version < OLDEST:
        hint = f"install {_text(OLDEST)} or later, or use {_OURS}"
        return failed(_NAME, f"version {_text(version)} does not expand the template's loops", hint)
    return ok(_NAME, f"version {_text(version)}")


def _version(path: str) -> tuple[int, ...] | None:
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    try:
        result = subprocess.run(  # noqa: S603 -- the user's own SAM CLI
            [path, "--version"], env=environment, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, found.groups())) if found else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
