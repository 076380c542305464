"""A platform that says the right thing in odd words: everybody still gets what is theirs, on virtual time."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jiuwu.platform.profile import load
from sandbox.simulation.world.actors import Member, add_products
from sandbox.simulation.world.world import World, simulated_world
from tests.sandbox.simulation.world_rig import HOUR, TEA, advance, dead_letter_reasons, order

Alter = Callable[[httpx.Request, bytes], bytes | httpx.Response]


class _Altered(httpx.BaseTransport):
    def __init__(self, serve: Callable[[httpx.Request], httpx.Response]) -> None:
        self._serve = serve
        self.alter: Alter = lambda request, content: content

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._serve(request)
        altered = self.alter(request, reply.content)
        if isinstance(altered, httpx.Response):
            return altered
        if altered == reply.content:
            return reply
        return httpx.Response(reply.status_code, headers={"content-type": "application/json"}, content=altered)


@contextmanager
def shop() -> Iterator[tuple[World, _Altered]]:
    with simulated_world() as world:
        add_products(world)
        wire = _Altered(world.platform._serve)
        world.platform._client = httpx.Client(transport=wire)
        world.start()
        yield world, wire


def of_orders(alter: Callable[[bytes], bytes]) -> Alter:
    return lambda request, content: alter(content) if request.url.path.startswith("/orders") else content


def nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: nulls(value) for name, value in found.items()}
    return [nulls(value) for value in found] or None if isinstance(found, list) else found


def in_milliseconds(found: Any, name: str = "") -> Any:
    if isinstance(found, dict):
        return {name: in_milliseconds(value, name) for name, value in found.items()}
    if isinstance(found, list):
        return [in_milliseconds(value) for value in found]
    return found * 1000 if name.endswith("_at") and isinstance(found, int) else found


ODD: dict[str, Callable[[bytes], bytes]] = {
    "half an emoji": lambda content: content.replace(b'"title":"', b'"title":"\\ud83d'),
    "no UTF-8": lambda content: content.replace(b'"title":"', b'"title":"\xff'),
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "beyond all numbers": lambda content: content.replace(b'"quantity":1', b'"weight":1e400,"quantity":1'),
    "null lists": lambda content: json.dumps(nulls(json.loads(content))).encode(),
    "milliseconds": lambda content: json.dumps(in_milliseconds(json.loads(content))).encode(),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_an_order_is_placed_paid_and_refunded_through_odd_replies(odd: Callable[[bytes], bytes]) -> None:
    with shop() as (world, wire):
        member = Member(world, "ou_lan")
        member.log_in()
        # compact, as the alterations expect it
        wire.alter = of_orders(
            lambda content: odd(json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":")).encode())
        )
        number = member.place("k", TEA)
        assert "placed" == order(world, number).status
        world.platform.actions.pay(number)
        advance(world, 120)
        world.platform.actions.complete(number)
        advance(world, 60)
        world.platform.notifier._send = lambda headers, body: None  # never arrives
        world.platform.actions.refund(number)
        advance(world, HOUR)
        assert ("refunded", []) == (order(world, number).status, dead_letter_reasons(world))


@pytest.mark.parametrize(
    "change",
    [
        {"level": 1.0},
        {"level": True},
        {"updated_at": 1763800000123},
        {"updated_at": "2026-01-01 00:00:00"},
        {"nickname": 12345},
        {"nickname": "abc\ud83d"},
        {"nickname": None, "avatar_url": 7},
    ],
    ids=repr,
)
def test_a_members_decoration_never_keeps_the_member_out(change: dict[str, Any]) -> None:
    with shop() as (world, wire):

        def alter(request: httpx.Request, content: bytes) -> bytes:
            if request.url.path != "/users/me":
                return content
            found = json.loads(content)
            found["data"] |= change
            return json.dumps(found).encode()

        wire.alter = alter
        member = Member(world, "ou_lan")
        member.log_in()
        assert member.place("k", TEA)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"error": "invalid_grant"}, 400),
        ({"error": "bad_refresh_token"}, 200),
        ({"error": "invalid_token"}, 401),
        ({"code": 30002, "msg": "expired", "data": None}, 200),
        ({"code": 30001, "msg": "unknown", "data": None}, 400),
    ],
    ids=repr,
)
def test_a_member_whose_grant_is_over_is_told_to_log_in_again(said: dict[str, Any], status: int) -> None:
    with shop() as (world, wire):
        member = Member(world, "ou_lan")
        member.log_in()
        wire.alter = lambda request, content: (
            httpx.Response(status, json=said) if request.url.path == "/oauth/token" else content
        )
        advance(world, 3 * HOUR)
        session = {"authorization": f"Bearer {member.session}", "idempotency-key": "k"}
        reply = world.http("POST", "/orders", body={"items": TEA}, **session)
        row = world.account.client("dynamodb").scan(TableName="MembersTable")["Items"][0]
        assert (401, "reauth_required") == (reply["statusCode"], row["link_status"]["S"])


@pytest.mark.parametrize("form", ["milliseconds", "%Y-%m-%d %H:%M:%S"])
def test_a_notification_is_applied_whatever_form_the_profile_gives_times(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(f'[signing]\ntimestamp_format = "{form}"\n')
    mine = load("mine", directory=tmp_path)
    # the functions load their profile by name from the layer: there is no parameter for another directory
    monkeypatch.setattr("jiuwu.platform.profile.load", lambda name="jiuwu", **_: mine)
    monkeypatch.setattr("sandbox.simulation.world.world.profile.load", lambda name="jiuwu", **_: mine)
    with shop() as (world, _wire):
        member = Member(world, "ou_lan")
        member.log_in()
        number = member.place("k", TEA)
        world.platform.actions.pay(number)
        advance(world, 100)
        assert ("shipped", []) == (order(world, number).status, dead_letter_reasons(world))


@pytest.mark.parametrize("named", ["A", "AB", "ABC"])
@pytest.mark.parametrize("known", [False, True], ids=["refused there", "answered there"])
def test_a_list_of_changes_in_a_circle_is_left_with_a_reason_and_an_alarm(named: str, known: bool) -> None:
    calls = 0

    with shop() as (world, wire):
        member = Member(world, "ou_lan")
        member.log_in()
        member.place("k", TEA)

        def alter(request: httpx.Request, content: bytes) -> bytes:
            nonlocal calls
            if (request.method, request.url.path) != ("GET", "/orders"):
                return content
            calls += 1
            found = json.loads(content)
            cursor = request.url.params.get("cursor", "")
            if known and found["code"] != 0:
                found = {"code": 0, "msg": "", "request_id": "r", "data": {"orders": []}}
            if found["code"] == 0:
                found["data"]["next_cursor"] = named[(named.find(cursor) + 1) % len(named)] if cursor else named[0]
            return json.dumps(found).encode()

        wire.alter = alter
        advance(world, 600)
        reports = world.account.client("dynamodb").scan(TableName="ReconciliationTable")["Items"]
        problems = [
            said for item in reports if "report" in item for said in json.loads(item["report"]["S"])["problems"]
        ]
        assert calls < 30
        assert any("makes no progress" in said for said in problems)
        assert ("ChangesLag",) in world.telemetry.metrics
