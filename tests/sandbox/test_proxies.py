"""Proxies of the environment: never for this machine itself, always for what downloads."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jiuwu_cli.terminal.proxy_bypass import bypass_proxy_for_loopback
from sandbox import proxies

# Nobody listens there: whatever goes through it fails.
NOWHERE = "http://127.0.0.1:9"
HOSTILE: dict[str, dict[str, str]] = {
    "lower case": {"http_proxy": NOWHERE, "https_proxy": NOWHERE},
    "upper case": {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE},
    "mixed case": {"Http_Proxy": NOWHERE},
    "all": {"ALL_PROXY": NOWHERE, "all_proxy": NOWHERE},
    "socks": {"ALL_PROXY": "socks5://127.0.0.1:9", "http_proxy": NOWHERE},
    "another kind of socks": {"all_proxy": "socks://127.0.0.1:9", "HTTP_PROXY": "socks5h://127.0.0.1:9"},
    "no URL": {"http_proxy": "127.0.0.1:9", "HTTPS_PROXY": "::::"},
    "NO_PROXY of others": {"http_proxy": NOWHERE, "NO_PROXY": "example.com"},
    "NO_PROXY in two spellings": {"http_proxy": NOWHERE, "NO_PROXY": "127.0.0.1", "no_proxy": ""},
    "NO_PROXY as networks": {"http_proxy": NOWHERE, "no_proxy": "::1/128, 10.0.0.0/8,,[fd00::]/8"},
    "NO_PROXY a star among others": {"http_proxy": NOWHERE, "NO_PROXY": "example.com, *"},
}


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server on this machine that answers JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, b'{"code": 0}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(400, b"<ErrorResponse><Error><Code>NotAnAws</Code><Message/></Error></ErrorResponse>")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()
    serving.server_close()


_CALLS = """
import sys, httpx, boto3
from botocore.exceptions import ClientError
from pathlib import Path
from sandbox import processes, proxies
proxies.set_aside()
url = sys.argv[1]
httpx.get(url).raise_for_status()
with httpx.Client() as client:
    client.get(url).raise_for_status()
assert processes._answers(url)
keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
try:
    boto3.client("sts", endpoint_url=url, **keys).get_caller_identity()
except ClientError as refused:
    assert "NotAnAws" == refused.response["Error"]["Code"]
child = processes.start(sys.executable, "child", url, log=Path("log"), cwd=Path.cwd())
assert 0 == child.process.wait(60), Path("log").read_text()
child.stop()
"""
_CHILD = "import sys, httpx; httpx.get(sys.argv[1]).raise_for_status()"


@pytest.fixture
def clean(project: Path) -> dict[str, str]:
    """This process's environment without any proxy, and with the project's modules."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("SANDBOX_OUTSIDE_", "JIUWU_"))}
    direct = {name: value for name, value in known.items() if not name.lower().endswith("_proxy")}
    return direct | {"PYTHONPATH": f"{project}:{project / 'layers/jiuwu'}", "PYTHONWARNINGS": "error"}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_sandbox_and_its_children_reach_this_machine_directly(
    server: str, clean: dict[str, str], tmp_path: Path, kind: str
) -> None:
    (tmp_path / "child.py").write_text(_CHILD)
    command = [sys.executable, "-c", _CALLS, server]

    done = subprocess.run(command, cwd=tmp_path, env=clean | HOSTILE[kind], capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_downloads_has_the_proxies_as_they_were(kind: str) -> None:
    inside = {"PATH": "/bin"} | HOSTILE[kind]
    proxies.set_aside(inside)
    proxies.set_aside(inside)
    again = proxies.outside(inside)

    given = {name: value for name, value in HOSTILE[kind].items() if name.lower() != "no_proxy"}
    assert given | {"PATH": "/bin"} == {name: value for name, value in again.items() if name.lower() != "no_proxy"}
    assert again["NO_PROXY"] == again["no_proxy"]


def test_without_any_proxy_what_downloads_has_none() -> None:
    inside = {"PATH": "/bin"}
    proxies.set_aside(inside)

    loopback = "127.0.0.1,localhost,::1"
    assert {"PATH": "/bin", "NO_PROXY": loopback, "no_proxy": loopback} == proxies.outside(inside)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example , localhost"}, "a.example,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example", "no_proxy": "b.example"}, "b.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
        ({"no_proxy": "a.example,*"}, "*"),
    ],
)
def test_this_machine_joins_those_that_need_no_proxy(given: dict[str, str], expected: str) -> None:
    bypass_proxy_for_loopback(given)

    assert {"NO_PROXY": expected, "no_proxy": expected} == given


def _jiuwu(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "jiuwu_cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["lower case", "socks", "NO_PROXY as networks"])
def test_a_command_reaches_this_machine_directly(server: str, clean: dict[str, str], tmp_path: Path, kind: str) -> None:
    (tmp_path / ".sandbox").mkdir()
    state: dict[str, object] = {"api_url": server, "simulator_url": server, "app_id": "a", "app_secret": "s" * 32}
    state |= {"pids": {"x": os.getpid()}, "aws_endpoint_url": server}
    (tmp_path / ".sandbox" / "state.json").write_text(json.dumps(state))

    assert "answers with status 200" in _jiuwu(tmp_path, clean | HOSTILE[kind], "doctor")
    # the server is no AWS, but it was reached
    assert "NotAnAws" in _jiuwu(tmp_path, clean | HOSTILE[kind], "order", "JW1")


def test_a_proxy_that_cannot_be_used_for_another_machine_is_said_on_one_line(
    clean: dict[str, str], tmp_path: Path
) -> None:
    environment = clean | {"ALL_PROXY": "socks5://127.0.0.1:9", "JIUWU_APP_SECRET": "s"}

    said = _jiuwu(tmp_path, environment, "doctor", "--url", "https://example.com", "--app-id", "a")

    assert "the proxy settings of the environment are invalid; set HTTPS_PROXY" in said
