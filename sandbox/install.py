"""Install a lock file into a virtual environment and show progress: `python -P sandbox/install.py FOLDER LOCK`.

Uses only the standard library, because it installs everything else. pip's own settings (PIP_INDEX_URL, proxies, …)
apply.
"""

import os
import re
import subprocess
import sys
import time
import venv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_PIP = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*==")
_HANDLED = re.compile(r"(?:Collecting|Ignoring|Requirement already satisfied:|Processing) (?:\S*/)?([\w.-]+)")
_LAST_LINES = 8
_EACH_IN_A_LOG = 10
_HINT = "on a slow or closed network set PIP_INDEX_URL to a mirror that you trust"


class InstallFailed(Exception):
    """pip could not install; holds the end of its output."""


def install(folder: Path, lock: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Make the environment and install what the lock file lists; raise InstallFailed."""
    packages = sum(_PACKAGE.match(line) is not None for line in lock.read_text("utf-8").splitlines())
    what = f"{packages} package{'' if packages == 1 else 's'} of {lock.name}"
    _show(f"installing {what} into {folder.name}; the first time takes about a minute …")
    started, last = time.monotonic(), deque[str](maxlen=_LAST_LINES)
    # MiniStack runs the functions with its own interpreter, so it must be the runtime's: ours is Python 3.13
    venv.create(folder, with_pip=True, symlinks=True)
    command = [str(folder / "bin/python"), *_PIP, "--require-hashes", "--requirement", str(lock)]
    env = {**environment, "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, encoding="utf-8") as pip:
        each = 1 if sys.stderr.isatty() else _EACH_IN_A_LOG
        for text in progress(_kept(pip.stdout or (), last), packages, each):
            _show(f"  {text}", passing=True)
    if pip.returncode:
        raise InstallFailed("\n".join([*last, f"{lock.name} could not be installed; {_HINT}"]))
    _show(f"  done in {time.monotonic() - started:.0f} s")


def progress(lines: Iterable[str], packages: int, each: int = 1) -> Iterator[str]:
    """Yield how far pip is, read from its output: every so many packages, and the unpacking at the end."""
    handled = 0
    for line in lines:
        if found := _HANDLED.match(line):
            handled += 1
            if handled % each == 0 or handled == packages:
                yield f"{min(handled, packages)} of {packages}: {found[1]}"
        elif line.startswith("Installing collected packages"):
            yield "unpacking …"


def _kept(lines: Iterable[str], last: deque[str]) -> Iterator[str]:
    for line in lines:
        last.append(line.rstrip())
        yield line


def _show(text: str, *, passing: bool = False) -> None:
    """Print a line; on a terminal the next line replaces a passing one."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="" if passing else "\n", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except InstallFailed as failed:
        sys.exit(str(failed))
