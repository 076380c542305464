"""The tools' own Python environments below .sandbox/: what they pin must not meet what we pin."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / ".sandbox"
_HERE = Path(__file__).parent


def cloud() -> Path:
    """The bin folder with MiniStack."""
    return _ensure("cloud-venv", _HERE / "requirements.lock")


def sam() -> Path:
    """The bin folder with the SAM CLI."""
    return _ensure("sam-venv", _HERE / "sam-requirements.lock")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds `path` as a lock between processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _ensure(name: str, lock: Path) -> Path:
    folder, wanted = SANDBOX / name, hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "lock.sha256"
    with exclusive(SANDBOX / f"{name}.lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder, lock)
            stamp.write_text(wanted)
    return folder / "bin"


def _install(folder: Path, lock: Path) -> None:
    print(f"installing {lock.name} into {folder.relative_to(ROOT)} …", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    # MiniStack runs the functions with its own interpreter, so it must be the runtime's: ours is Python 3.13
    venv.create(folder, with_pip=True, symlinks=True)
    command = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*command, "--require-hashes", "--requirement", str(lock)], check=True)


if __name__ == "__main__":
    # so that nothing that has a time limit has to install first
    cloud()
    sam()
