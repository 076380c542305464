"""The command in a folder of its own: no sandbox of this machine, no variable of this shell is seen."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from jiuwu.platform.profile import load
from jiuwu_cli.doctor.findings import skipped
from jiuwu_cli.main import app
from sandbox.simulator.app import Simulator
from sandbox.simulator.state import App

SECRET = "app-secret-of-the-tests"
WIDE = {"COLUMNS": "200", "TERM": "dumb"}
type Jiuwu = Callable[..., Result]


@pytest.fixture
def jiuwu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jiuwu:
    """jiuwu("sign", "-p", "a=1") runs the command; the secret is in the environment unless secret=None."""
    (tmp_path / ".sandbox").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("JIUWU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("jiuwu_cli.doctor.sam_cli.check", lambda: skipped("SAM CLI", "none on the PATH"))

    def run(
        *arguments: str, secret: str | None = SECRET, stdin: str | bytes | None = None, **environment: str
    ) -> Result:
        env = WIDE | environment | ({"JIUWU_APP_SECRET": secret} if secret is not None else {})
        return CliRunner().invoke(app, list(arguments), input=stdin, env=env)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes on standard input is typed by a person."""
    monkeypatch.setattr("jiuwu_cli.terminal.confirm.is_interactive", lambda: True)


@pytest.fixture
def running_sandbox(tmp_path: Path) -> Callable[..., None]:
    """running_sandbox(api_url=…, simulator_url=…) writes the file that a sandbox keeps while it runs."""

    def write(**state: object) -> None:
        known = {"api_url": "http://127.0.0.1:9", "simulator_url": "http://127.0.0.1:9", "app_id": "sandbox-app"}
        whole = {**known, "app_secret": SECRET, "pids": {"simulator": os.getpid()}, **state}
        (tmp_path / ".sandbox" / "state.json").write_text(json.dumps(whole))

    return write


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server on the loopback that keeps what it receives; `reply` makes the answer."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.headers: dict[str, str] = {}
        self.reply: Callable[[Received], tuple[int, Any]] = lambda _: (200, {"code": 0, "msg": "success"})
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, self.rfile.read(length))
                receiver.received.append(request)
                status, content = receiver.reply(request)
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    with suppress(ConnectionError):  # a caller that did not wait
                        self.wfile.write(body)

            do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 -- http.server's names

            def log_message(self, *_: object) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # many senders knock at the same instant

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    thread = Thread(target=started.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield started
    started.server.shutdown()
    started.server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def platform() -> Iterator[tuple[Simulator, str]]:
    """The simulated platform, on the loopback."""
    simulator = Simulator(App("my-app", SECRET), load())
    server = uvicorn.Server(uvicorn.Config(simulator.asgi, log_level="error", timeout_graceful_shutdown=1))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield simulator, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def complaint(result: Result) -> str:
    """The one line on standard error with which a command gave up."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("jiuwu: ")]
    assert len(lines) == 1, result.output
    return lines[0]
