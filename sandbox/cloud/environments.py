"""Python environments for the tools below .sandbox/, whose pinned versions differ from ours."""

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import proxies
from sandbox.install import InstallFailed, install

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / ".sandbox"
_HERE = Path(__file__).parent


def cloud() -> Path:
    """Return the bin folder with MiniStack."""
    return _ensure("cloud-venv", _HERE / "requirements.lock")


def sam() -> Path:
    """Return the bin folder with the SAM CLI."""
    return _ensure("sam-venv", _HERE / "sam-requirements.lock")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold `path` as a lock between processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _ensure(name: str, lock: Path) -> Path:
    folder, wanted = SANDBOX / name, hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "lock.sha256"
    with exclusive(SANDBOX / f"{name}.lock"):
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            _install(folder, lock)
            stamp.write_text(wanted, "utf-8")
    return folder / "bin"


def _install(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    install(folder, lock, proxies.outside())


if __name__ == "__main__":
    # so that nothing that has a time limit has to install first
    try:
        cloud()
        sam()
    except InstallFailed as failed:
        sys.exit(str(failed))
