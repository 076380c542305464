"""The deadline and the connections, against real sockets that misbehave."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.calls.transport import DeadlineTransport, HttpReply, NotSent, ReplyLost, fetch, http_client
from jiuwu.platform.errors import PlatformUnreachable, UnknownOutcome
from jiuwu.platform.profile import load
from tests.platform.fakes import AppSecrets
from tests.platform.servers import Serve, Server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# Far beyond each deadline, for a busy machine; the servers would go on for ever.
AT_LAST = 3.0
FINE = HEAD + b"Content-Length: 2\r\n\r\n{}"


@pytest.fixture
def start() -> Iterator[Callable[[Serve], Server]]:
    with contextlib.ExitStack() as stack:

        def begin(serve: Serve) -> Server:
            server = Server(serve)
            stack.callback(server.close)
            return server

        yield begin


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(transport=DeadlineTransport(), trust_env=False) as client:
        yield client


def get(http: httpx.Client, url: str, seconds: float = 2.0) -> HttpReply:
    return fetch(http, http.build_request("GET", url), None, seconds)


def drip(connection: socket.socket, first: bytes, drop: bytes, pause: float) -> None:
    connection.recv(65536)
    connection.sendall(first)
    while True:
        connection.sendall(drop)
        time.sleep(pause)


def late(connection: socket.socket) -> None:
    connection.recv(65536)
    time.sleep(1.9)
    connection.sendall(b"HTTP/1.1 ")
    connection.recv(65536)


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize(
    ("first", "drop", "pause"),
    [
        (b"", b"H", 0.05),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.05),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
        # so many that there is always one to read
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, 0.0),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b" ", 0.05),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.05),
    ],
    ids=["status line", "header", "100 Continue", "100 Continue without a pause", "body", "chunks"],
)
def test_a_dripping_server_holds_nobody_beyond_the_deadline(
    start: Callable[[Serve], Server], http: httpx.Client, first: bytes, drop: bytes, pause: float
) -> None:
    server = start(lambda connection: drip(connection, first, drop, pause))
    began = time.monotonic()
    with pytest.raises(ReplyLost):
        get(http, server.url, 0.4)
    assert time.monotonic() - began < AT_LAST


def test_a_sign_of_life_shortly_before_the_deadline_buys_no_time(
    start: Callable[[Serve], Server], http: httpx.Client
) -> None:
    server = start(late)
    began = time.monotonic()
    with pytest.raises(ReplyLost):
        get(http, server.url, 2.0)
    assert time.monotonic() - began < 3.5


def test_a_silent_server_holds_nobody_beyond_two_seconds_by_default(start: Callable[[Serve], Server]) -> None:
    server = start(silent)
    with httpx.Client(transport=DeadlineTransport(), trust_env=False) as http:
        base_url = f"http://127.0.0.1:{server.port}"
        api = PlatformClient(load(), base_url=base_url, app_id="a", secrets=AppSecrets, http=http)
        began = time.monotonic()
        with pytest.raises(UnknownOutcome, match="no reply in time"):
            api.call("orders.create", json={})
    assert 1.9 < time.monotonic() - began < 2 + AT_LAST


def test_a_server_that_never_shakes_hands_for_tls_was_never_sent_anything(
    start: Callable[[Serve], Server], http: httpx.Client
) -> None:
    server = start(silent)
    began = time.monotonic()
    with pytest.raises(NotSent):
        get(http, f"https://127.0.0.1:{server.port}/", 0.4)
    assert time.monotonic() - began < AT_LAST


def test_a_closed_port_was_never_sent_anything(http: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSent):
        get(http, f"http://127.0.0.1:{port}/")


def test_a_host_without_an_address_was_never_sent_anything() -> None:
    with httpx.Client(transport=DeadlineTransport(resolve=lambda host, port: []), trust_env=False) as http:
        api = PlatformClient(load(), base_url="http://nowhere.invalid", app_id="a", secrets=AppSecrets, http=http)
        with pytest.raises(PlatformUnreachable):
            api.call("orders.create", json={})


def test_a_dead_address_of_a_host_leaves_time_for_the_next(start: Callable[[Serve], Server]) -> None:
    server = start(once(FINE))
    addresses = ["127.0.0.2", "127.0.0.1"]
    with contextlib.ExitStack() as stack:
        # a listener whose queue is full: Linux drops what comes, as a dead machine would
        dead = stack.enter_context(socket.socket())
        dead.bind(("127.0.0.2", server.port))
        dead.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", server.port))
        transport = DeadlineTransport(resolve=lambda host, port: addresses)
        http = stack.enter_context(httpx.Client(transport=transport, trust_env=False))
        began = time.monotonic()
        assert b"{}" == get(http, f"http://two.example:{server.port}/", 2.0).body
        assert time.monotonic() - began > 0.9


def once(reply: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(reply)

    return serve


def keep_alive(connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(FINE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with the openssl command")
def test_a_tls_connection_is_verified_used_again_and_held_to_the_deadline(
    start: Callable[[Serve], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            for _ in range(2):
                secured.recv(65536)
                secured.sendall(FINE)
            drip(secured, HEAD, b"x", 0.01)

    server = start(serve)
    with httpx.Client(transport=DeadlineTransport(), trust_env=False) as stranger, pytest.raises(NotSent):
        get(stranger, f"https://localhost:{server.port}/")
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with httpx.Client(transport=DeadlineTransport(), trust_env=False) as http:
        for _ in range(2):
            assert b"{}" == get(http, f"https://localhost:{server.port}/").body
        began = time.monotonic()
        with pytest.raises(ReplyLost):
            get(http, f"https://localhost:{server.port}/", 0.4)
        assert time.monotonic() - began < AT_LAST
    assert 2 == server.accepted  # the stranger's, and one for all three


def test_a_connection_is_used_again(start: Callable[[Serve], Server], http: httpx.Client) -> None:
    server = start(keep_alive)
    for _ in range(3):
        assert b"{}" == get(http, server.url).body
    assert server.accepted == 1


def test_a_connection_that_the_other_side_closed_meanwhile_is_not_used_again(
    start: Callable[[Serve], Server], http: httpx.Client
) -> None:
    server = start(once(FINE))
    for _ in range(2):
        assert b"{}" == get(http, server.url).body
        time.sleep(0.1)
    assert server.accepted == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Content-Length: lots\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: " + b"x" * 300_000,
    ],
    ids=["nothing", "not HTTP", "cut short", "no length", "no chunk", "endless header"],
)
def test_a_broken_reply_is_a_lost_one(start: Callable[[Serve], Server], http: httpx.Client, reply: bytes) -> None:
    server = start(once(reply))
    with pytest.raises(ReplyLost):
        get(http, server.url)


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b" " * 65536)


def test_an_endless_body_is_not_read_to_its_end(start: Callable[[Serve], Server], http: httpx.Client) -> None:
    reply = get(http, start(endless).url, 10.0)
    assert (b"", "longer than 5 MB") == (reply.body, reply.problem)


def test_a_cookie_of_one_call_does_not_travel_with_the_next(start: Callable[[Serve], Server]) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            heard.append(request)
            connection.sendall(HEAD + b"Set-Cookie: member=1; Path=/\r\nContent-Length: 2\r\n\r\n{}")

    server = start(serve)
    with http_client.__wrapped__() as http:
        for _ in range(2):
            get(http, server.url)
    assert 2 == len(heard)
    assert b"cookie" not in heard[1].lower()


def test_the_process_has_one_client() -> None:
    assert http_client() is http_client()
