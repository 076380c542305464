"""Child processes that end with us: each in its own process group, logging to a file, held on a leash."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_TERM_SECONDS = 5.0


class ProcessFailed(Exception):
    """A process of the sandbox did not do what it was started for; shows the end of its log."""

    def __init__(self, what: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        super().__init__(f"{what}; the end of {log}:\n{tail}")


@dataclass(frozen=True)
class Child:
    """A running process group and where it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Ends the whole group: politely first, for sure after five seconds."""
        _signal_group(self.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_TERM_SECONDS)
        # also those that the first process leaves behind
        _signal_group(self.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    def wait_for(self, url: str, *, seconds: float = 20.0) -> None:
        """Returns once `url` answers 2xx; raises ProcessFailed otherwise."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline and self.process.poll() is None:
                if _answers(url):
                    return
                time.sleep(0.05)
        except KeyboardInterrupt:
            self.stop()
            raise
        self.stop()
        raise ProcessFailed(f"{url} did not come up", self.log)


def start(
    python: Path | str, module: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None, cwd: Path
) -> Child:
    """Runs `module` under the interpreter `python`, in a group of its own that ends when we end."""
    # -P: this folder must not be on the module path, it has a package named like the library's `platform`
    command = [str(python), "-P", str(_LEASH), module, *arguments]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True
        )
    return Child(process, log)


def run(command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> None:
    """Runs a command to its end, output into `log`; raises ProcessFailed when it fails."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True
        )
    try:
        status = process.wait()
    finally:
        Child(process, log).stop()
    if status:
        raise ProcessFailed(f"{' '.join(command[:3])} ended with status {status}", log)


def alive(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_ports(count: int) -> Sequence[int]:
    """So many different TCP ports of the loopback that nobody uses just now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return int(reply.status) < 300
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
