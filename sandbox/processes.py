"""Child processes that end with us: each in its own process group, logging to a file, under child_guard."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CHILD_GUARD = Path(__file__).with_name("child_guard.py")
_TERM_SECONDS = 5.0
_CHECK_SECONDS = 0.5
_END_BYTES = 8192
_FULL_BYTES = 1_000_000
# for the loopback, without any proxy
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ProcessFailed(Exception):
    """A process of the sandbox did not do its work; one line that says where its log is."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(f"{what}{_disk(log)}; its log is {_shown(log)}")


class CommandFailed(ProcessFailed):
    """A command failed; the end of its log follows the line."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(what, log)
        self.args = ("\n".join([f"{self.args[0]}, which ends:", *_end(log).splitlines()[-15:]]),)


@dataclass(frozen=True)
class Child:
    """A running process group, its name for people, and its log."""

    process: subprocess.Popen[bytes]
    log: Path
    name: str = "a process"

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raise ProcessFailed when it has ended, with any status."""
        status = self.process.poll()
        if status is not None:
            why = self._last_line() if status > 0 else ""
            raise ProcessFailed(f"{self.name} has ended ({_ending(status)}{why})", self.log)

    def _last_line(self) -> str:
        lines = [line.strip() for line in _end(self.log).splitlines() if line.strip()]
        return f": {lines[-1][:200]}" if lines else ""

    def stop(self) -> None:
        """Terminate the whole group, and kill it after five seconds."""
        _signal_group(self.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_TERM_SECONDS)
        # also processes that the first one leaves behind
        _signal_group(self.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    def wait_for(self, url: str, *, seconds: float = 20.0) -> None:
        """Wait until `url` answers 2xx; raise ProcessFailed otherwise."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.check()
                if _answers(url):
                    return
                time.sleep(0.05)
        except (KeyboardInterrupt, ProcessFailed):
            self.stop()
            raise
        self.stop()
        raise ProcessFailed(f"{self.name} did not come up at {url} within {seconds:.0f} s", self.log)


def start(  # noqa: PLR0913 -- as subprocess has them
    python: Path | str,
    module: str,
    *arguments: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path,
    name: str = "",
) -> Child:
    """Start `module` under the interpreter `python`, in a process group of its own that ends when we end."""
    # -P: modules come from `cwd`, not from the folder of child_guard.py
    command = [str(python), "-P", str(_CHILD_GUARD), module, *arguments]
    return Child(_begin(command, subprocess.PIPE, log=log, env=env, cwd=cwd), log, name or module)


def run(
    command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path, check: Callable[[], None] = lambda: None
) -> None:
    """Run a command to its end, output into `log`; raise CommandFailed when it fails.

    `check` is called about twice a second; what it raises ends the command.
    """
    process = _begin(command, subprocess.DEVNULL, log=log, env=env, cwd=cwd)
    try:
        while (status := _status(process)) is None:
            check()
    finally:
        Child(process, log).stop()
    check()
    if status:
        raise CommandFailed(f"{' '.join(command[:3])} ended with status {status}", log)


def _status(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _begin(
    command: Sequence[str], stdin: int, *, log: Path, env: Mapping[str, str] | None, cwd: Path
) -> subprocess.Popen[bytes]:
    # a log can hold every character, even if this terminal cannot
    env = {**(os.environ if env is None else env), "PYTHONIOENCODING": "utf-8"}
    with log.open("ab") as out:
        return subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True)


def alive(pid: int) -> bool:
    """Return whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_ports(count: int) -> Sequence[int]:
    """Return so many different TCP ports of the loopback that are free now."""
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
        with _DIRECT.open(url, timeout=2) as reply:
            return int(reply.status) < 300
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _ending(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _end(log: Path) -> str:
    """Return the last lines of a log; empty where it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _END_BYTES))
            return file.read(_END_BYTES).decode("utf-8", "replace").replace("\0", "")
    except OSError:
        return ""


def _disk(log: Path) -> str:
    try:
        return ", the disk is full" if shutil.disk_usage(log.parent).free < _FULL_BYTES else ""
    except OSError:
        return ""


def _shown(log: Path) -> Path:
    return log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log
