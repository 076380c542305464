"""Every function in the real Lambda runtime, as built, invoked by `sam local invoke` with its own events/*.json."""

import json
import os
import platform
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from sandbox.cloud import environments, ministack, stack
from sandbox.cloud import template as source
from sandbox.cloud.environments import ROOT
from tests.template_conventions import camel_case

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(300, func_only=True)]

_MACHINE = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
_IMAGE = f"public.ecr.aws/lambda/python:3.13-{_MACHINE}"
_TABLES = ("OrdersTable", "MembersTable", "LoginsTable", "ProductsTable", "ReconciliationTable", "DeadLettersTable")
_QUEUES = (
    "OrderQueue",
    "CommunityQueue",
    "EffectQueue",
    "OrderDeadLetters",
    "QuarantineQueue",
    "RefreshQueue",
    "ReconcileQueue",
)


def _docker_ready() -> bool:
    try:
        seen = subprocess.run(["docker", "image", "inspect", _IMAGE], capture_output=True, timeout=20, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return seen.returncode == 0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not _docker_ready():
        pytest.skip(f"no Docker engine with the image {_IMAGE} here")
    return stack.build(tmp_path_factory.mktemp("built"))


class _Forwarder(socketserver.ThreadingTCPServer):
    """Takes connections from containers, which cannot reach our loopback, to the local AWS there."""

    daemon_threads = True
    target: tuple[str, int]


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Forwarder)
        with socket.create_connection(self.server.target) as there:
            back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
            back.start()
            _copy(self.request, there)
            back.join(5)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while chunk := one.recv(65536):
            other.sendall(chunk)
        other.shutdown(socket.SHUT_WR)


@pytest.fixture
def reachable(built: Path, cloud: ministack.MiniStack) -> Iterator[str]:
    """The local AWS's URL as containers see it; only they and this machine do."""
    command = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"]
    subnet = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    bridge = str(ip_network(subnet)[1])  # where Docker puts this machine
    url = urlsplit(cloud.endpoint_url)
    with _Forwarder((bridge, 0), _Connection) as forwarder:
        forwarder.target = (str(url.hostname), int(url.port or 0))
        threading.Thread(target=forwarder.serve_forever, daemon=True).start()
        yield f"http://{bridge}:{forwarder.server_address[1]}"
        forwarder.shutdown()


@pytest.fixture
def invoke(
    built: Path,
    reachable: str,
    make_table: Callable[[str], str],
    make_queue: Callable[[str], str],
    token_key: str,
    app_secret: str,
    event_bus: str,
) -> Callable[[str], Any]:
    """invoke("webhook_intake") is the function's reply to its event; what it reads and writes is the local AWS."""
    names = {name: make_table(name) for name in _TABLES} | {name: make_queue(name) for name in _QUEUES}
    names |= {"TokenKey": token_key, "TradeBus": event_bus, "AppSecretName": app_secret, "Architecture": _MACHINE}
    names |= {"PlatformUrl": "http://127.0.0.1:9", "AppId": "sandbox-app"}
    template = source.load(built)
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    shared |= ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": reachable}
    template["Parameters"]["ReturnOrigins"]["Default"] = "https://shop.example.com"
    del template["Globals"]["Function"]["Layers"]
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            _lighten(built.parent, name, resource["Properties"])
    resolved = built.with_name("sam-local.yaml")
    resolved.write_text(yaml.safe_dump(_resolved(template, names)))
    return lambda folder: _sam_local(resolved, folder, reachable)


def _lighten(folder: Path, name: str, function: dict[str, Any]) -> None:
    """One function shows that the layer is found where Lambda puts it; for each such function `sam local` builds an
    image, which takes half a minute, so the others get the layer's files beside their own."""
    # each container's files are fresh copies on a disk that tests share
    function["Timeout"] = 60
    if name == "WebhookIntake":
        function["Layers"] = [{"Ref": "JiuwuLayer"}]
        return
    whole = folder / f"{name}-whole"
    if not whole.exists():
        shutil.copytree(folder / "JiuwuLayer" / "python", whole, copy_function=os.link)
        os.link(folder / name / "app.py", whole / "app.py")
    function["CodeUri"] = whole.name


def _resolved(node: Any, names: dict[str, str]) -> Any:
    """The template with names where it refers to resources: those exist, but not where `sam local` would look."""
    if isinstance(node, dict):
        found = names.get(node.get("Ref", "")) if node.keys() == {"Ref"} else None
        return found or {key: _resolved(value, names) for key, value in node.items()}
    return [_resolved(value, names) for value in node] if isinstance(node, list) else node


def _sam_local(template: Path, folder: str, endpoint_url: str) -> Any:
    event = ROOT / "events" / f"{folder}.json"
    options = ["--skip-pull-image", "--region", ministack.REGION]
    ended = subprocess.run(
        [environments.sam() / "sam", "local", "invoke", camel_case(folder), "-t", template, "-e", event, *options],
        # a variable of the shell wins over the template's
        env=os.environ | ministack.CREDENTIALS | {"SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL": endpoint_url},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    reply = json.loads(ended.stdout.splitlines()[-1])
    assert "errorType" not in (reply or {}), f"{reply}\n{ended.stderr[-2000:]}"
    return reply


def test_the_intake_refuses_its_stale_event_with_both_times(invoke: Callable[[str], Any]) -> None:
    reply = invoke("webhook_intake")
    assert (401, "timestamp_outside_window") == (reply["statusCode"], json.loads(reply["body"])["reason"])


def test_the_login_redirects_to_the_consent_page(invoke: Callable[[str], Any]) -> None:
    reply = invoke("oauth_callback")
    assert 302 == reply["statusCode"]
    assert reply["headers"]["Location"].startswith("http://127.0.0.1:9/oauth/authorize?")


def test_the_storefront_wants_a_session(invoke: Callable[[str], Any]) -> None:
    reply = invoke("storefront")
    assert (401, "session_required") == (reply["statusCode"], json.loads(reply["body"])["reason"])


def test_a_tick_of_the_refresher_queues_its_shards(invoke: Callable[[str], Any]) -> None:
    assert {"queued": 8} == invoke("token_refresher")


def test_a_tick_of_the_reconciler_queues_its_shards_and_the_list_of_changes(invoke: Callable[[str], Any]) -> None:
    assert {"queued": 9} == invoke("reconciler")


def test_the_processor_hands_back_what_it_cannot_look_up(invoke: Callable[[str], Any]) -> None:
    assert 1 == len(invoke("order_processor")["batchItemFailures"])


def test_the_dispatcher_hands_back_an_order_that_the_table_lacks(invoke: Callable[[str], Any]) -> None:
    assert 1 == len(invoke("effect_dispatcher")["batchItemFailures"])


def test_the_keeper_keeps_its_example(invoke: Callable[[str], Any]) -> None:
    assert {"batchItemFailures": []} == invoke("dead_letter_keeper")
