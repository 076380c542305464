"""`jiuwu login` takes the way of a mini program through the running sandbox, and says at which step it ends."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import Jiuwu, Received, Receiver, complaint

TOKEN = "session-token-of-the-tests"


def answers(url: str, **instead: tuple[int, Any]) -> Callable[[Received], tuple[int, Any]]:
    """The API and the platform in one: each step's answer, or the one given `instead`."""
    begun = {"authorize_url": f"{url}/authorize?client_id=a&state=s1", "login_secret": "secret-1", "state": "s1"}
    session = {"member_id": "mb_1", "session_token": TOKEN, "expires_in": 86_400, "nickname": "雨桐"}
    steps = {
        "login": (200, begun),
        "authorize": (302, {}),
        "callback": (200, {"ticket": "ticket-1"}),
        "session": (200, session),
    } | instead
    return lambda request: steps[urlsplit(request.path).path.rpartition("/")[2]]


@pytest.fixture
def sandbox(receiver: Receiver, running_sandbox: Callable[..., None]) -> Receiver:
    """A running sandbox whose API and platform are the receiver."""
    running_sandbox(api_url=receiver.url)
    receiver.headers = {"location": f"{receiver.url}/oauth/callback?state=s1&code=c1"}
    receiver.reply = answers(receiver.url)
    return receiver


def test_the_token_alone_goes_to_standard_output(jiuwu: Jiuwu, sandbox: Receiver) -> None:
    result = jiuwu("login", "ou_yutong")

    assert (0, f"{TOKEN}\n") == (result.exit_code, result.stdout)
    assert "ou_yutong is member mb_1; good for 24 h" in result.stderr


def test_each_step_brings_what_the_one_before_gave(jiuwu: Jiuwu, sandbox: Receiver) -> None:
    jiuwu("login", "ou_yutong")

    login, consent, callback, session = sandbox.received
    assert "flow=mini_program" in login.path
    expected = {"client_id": ["a"], "state": ["s1"], "member": ["ou_yutong"], "decision": ["allow"]}
    assert ("POST", "/authorize", expected) == (consent.method, consent.path, parse_qs(consent.body.decode()))
    assert ("/oauth/callback?state=s1&code=c1", "secret-1") == (callback.path, callback.headers["x-jiuwu-login"])
    assert b'{"ticket":"ticket-1"}' == session.body


def test_without_a_sandbox_it_says_how_to_start_one(jiuwu: Jiuwu) -> None:
    assert "no sandbox is running; start one with `make up`" in complaint(jiuwu("login", "ou_yutong"))


def test_a_sandbox_that_does_not_answer_is_named(jiuwu: Jiuwu, running_sandbox: Callable[..., None]) -> None:
    running_sandbox()

    assert "the sandbox does not answer (ConnectError); is it still running?" in complaint(jiuwu("login", "ou_yutong"))


@pytest.mark.parametrize(
    ("step", "answer", "problem"),
    [
        ("login", (503, {"reason": "busy"}), '/oauth/login answers 503: {"reason": "busy"}'),
        ("authorize", (400, {}), "the platform does not take 'ou_yutong'"),
        ("callback", (400, {"reason": "expired"}), '/oauth/callback answers 400: {"reason": "expired"}'),
        ("session", (410, b"\xff"), "/oauth/session answers 410: "),
    ],
)
def test_a_step_that_fails_is_named_with_its_answer(
    jiuwu: Jiuwu, sandbox: Receiver, step: str, answer: tuple[int, Any], problem: str
) -> None:
    sandbox.reply = answers(sandbox.url, **{step: answer})

    assert problem in complaint(jiuwu("login", "ou_yutong"))
