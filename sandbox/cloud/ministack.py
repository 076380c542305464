"""Start and stop MiniStack, the local AWS, for the tests and for the sandbox."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox import processes
from sandbox.cloud import environments

REGION = "us-east-1"
ACCOUNT = "000000000000"
NAME = "the local AWS"
_MEMORY = Path("/dev/shm")
_SCRATCH_BYTES = 4_000_000_000
# Never real: with these no call can reach an AWS account by accident.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@dataclass(frozen=True)
class MiniStack:
    """A running local AWS."""

    endpoint_url: str
    child: processes.Child
    scratch: Path

    def stop(self) -> None:
        """End it with its Lambda processes, and delete the code that they ran."""
        self.child.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)


def start(folder: Path, *, port: int | None = None) -> MiniStack:
    """Start one in `folder` (its log and temporary files), and return once it answers."""
    port = port or processes.free_ports(1)[0]
    scratch = _scratch(folder)
    # one that was killed could not clean up
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    python, endpoint_url = environments.cloud() / "python", f"http://127.0.0.1:{port}"
    log = folder / "ministack.log"
    child = processes.start(python, "ministack", log=log, env=_environment(port, scratch), cwd=folder, name=NAME)
    child.wait_for(f"{endpoint_url}/_ministack/health")
    return MiniStack(endpoint_url, child, scratch)


def _scratch(folder: Path) -> Path:
    """Return where it unpacks code: thousands of files for each Lambda process, which are slow to write to disk."""
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _SCRATCH_BYTES):
        return folder / "tmp"
    _sweep()
    return _MEMORY / f"jiuwu-{os.getpid()}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"


def _sweep() -> None:
    """Free the memory of those that were killed before they could clean up."""
    for stale in _MEMORY.glob("jiuwu-*-*"):
        owner = stale.name.split("-")[1]
        if owner.isdecimal() and not processes.alive(int(owner)):
            shutil.rmtree(stale, ignore_errors=True)


def _environment(port: int, scratch: Path) -> dict[str, str]:
    # Spelled out, not inherited: the functions get all of this.
    return CREDENTIALS | {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(scratch),
        "S3_DATA_DIR": str(scratch / "s3"),
        "STATE_DIR": str(scratch / "state"),
        "GATEWAY_PORT": str(port),
        # queue URLs and API endpoints are made of it; a number needs no resolver and is never ::1
        "MINISTACK_HOST": "127.0.0.1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "LAMBDA_EXECUTOR": "local",
        # the sandbox never uses a Docker engine
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
