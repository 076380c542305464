"""The merchant's own servers: orders, refunds and members' points, with the local AWS."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from jiuwu.aws.secrets import AppSecrets, SecretMalformed
from jiuwu.checkout.merchant_key import MerchantKey
from jiuwu.orders.effect_key import RefundAll, RefundPart, Ship
from jiuwu.orders.events import EffectDone, Paid, Placed, Refunded
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Order, Status
from jiuwu.orders.refund_rules import MAX_REQUESTS
from jiuwu.runtime import Runtime
from tests.functions.both_sides import MERCHANT_KEY, NOW, NOWHERE, PREVIOUS_MERCHANT_KEY, Sides
from tests.functions.conftest import warm
from tests.functions.storefront_rig import Answer
from tests.human_texts import UNWRITTEN, WRITTEN
from tests.orders.lives import CREATED, after

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events/back_office.json").read_text("utf-8"))
KEY = MERCHANT_KEY


@pytest.fixture(scope="module")
def back_office(cloud: object) -> Iterator[ModuleType]:
    yield from warm("back_office")


class Merchant:
    """The merchant's server."""

    def __init__(self, app: ModuleType, sides: Sides) -> None:
        self.app, self.sides = app, sides
        environment = app.Settings(
            **{
                field: int(sides.names[field.upper()]) if field.endswith("_seconds") else sides.names[field.upper()]
                for field in app.Settings.__struct_fields__
            }
        )
        self.office = app.build(environment, Runtime(clock=lambda: sides.now))
        sides.log_in()
        self.member_id = sides.member()[1]

    def send(self, event: object) -> Answer:
        reply = self.app.handle(self.office, event)
        return Answer(reply["statusCode"], json.loads(reply["body"]), reply["headers"])

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        http = EVENT["requestContext"]["http"] | {"method": method, "path": path}
        given = {"content-type": "application/json", "authorization": f"Bearer {KEY}", "idempotency-key": "r-1"}
        sent = given | {name.replace("_", "-"): value for name, value in headers.items()}
        route = {"rawPath": path, "requestContext": EVENT["requestContext"] | {"http": http}}
        return self.send(EVENT | route | {"headers": sent, "body": body if isinstance(body, str) else json.dumps(body)})

    def refund(self, order_no: str, body: object = None, **headers: str) -> Answer:
        return self.ask("POST", f"/merchant/orders/{order_no}/refunds", body or {"reason": "damaged"}, **headers)

    def points(self, points: object, key: str = "r-1", reason: object = "生日") -> Answer:
        body = {"points": points, "reason": reason}
        return self.ask("POST", f"/merchant/members/{self.member_id}/points", body, idempotency_key=key)

    def paid(self) -> Order:
        """An order of 12.34 yuan, paid and not shipped yet."""
        number = f"JW{uuid4().hex[:22].upper().translate(str.maketrans('0189', 'WXYZ'))}"
        paid = after(CREATED, Placed(NOW, f"P{number}"), Paid("e1", NOW, "t1", 1234, NOW))
        return self.sides.put(paid, order_no=number)


@pytest.fixture
def office(back_office: ModuleType, sides: Sides) -> Merchant:
    return Merchant(back_office, sides)


# ── Who may ask ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_is_answered_by_the_function_as_deployed(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str]
) -> None:
    reply = load_function("back_office", **trade_names).handler(EVENT, None)

    assert (404, "order_unknown") == (reply["statusCode"], json.loads(reply["body"])["reason"])


@pytest.mark.parametrize("key", [KEY, PREVIOUS_MERCHANT_KEY])
def test_both_keys_of_a_rotation_open_the_door(office: Merchant, key: str) -> None:
    assert 200 == office.ask("GET", f"/merchant/orders/{office.paid().order_no}", authorization=f"Bearer {key}").status


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", f"Basic {KEY}", KEY, f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", "Bearer 钥匙"),
        *("Bearer " + "k" * 10_000, f"Bearer {KEY}\0", f"bearer  {KEY} x", "Bearer 0"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/merchant/orders/JW1", "/nowhere"])
def test_a_stranger_learns_only_that_a_key_is_needed(office: Merchant, authorization: str, path: str) -> None:
    answer = office.ask("GET", path, authorization=authorization)

    assert (401, "merchant_key_required", "Authorization") == (
        answer.status,
        answer.body["reason"],
        answer.body["field"],
    )
    assert "Bearer" == answer.headers["WWW-Authenticate"]


def test_a_malformed_secret_is_our_fault_and_shows_nothing(office: Merchant, sides: Sides) -> None:
    def malformed() -> AppSecrets:
        raise SecretMalformed("secret jiuwu/merchant-key: …")

    never_called: Any = None
    office.office = office.office._replace(key=MerchantKey(malformed, never_called))

    assert (503, "secret_unavailable") == ((answer := office.refund("JW1")).status, answer.body["reason"])


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_part_of_a_payment_is_requested_back_and_an_effect_goes_out(office: Merchant, sides: Sides) -> None:
    order = office.paid()

    answer = office.refund(order.order_no, {"amount": "2.34", "reason": "damaged"})

    assert (202, 234, 1000, "10.00") == (
        answer.status,
        answer.body["amount_fen"],
        answer.body["refundable_fen"],
        answer.body["refundable"],
    )
    (key,) = [key for key in sides.order(order.order_no).pending if isinstance(key, RefundPart)]
    assert 234 == sides.order(order.order_no).effects[-1][1].fen
    assert "t1" == key.transaction_id
    assert order.order_no in office_queue(sides)


def test_the_reason_of_a_refund_is_shown_with_it_and_not_logged(
    office: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    number = office.paid().order_no
    office.refund(number, {"amount": "2.34", "reason": "王先生说已破损"})

    effects = office.ask("GET", f"/merchant/orders/{number}").body["effects"]

    assert ["王先生说已破损"] == [effect["reason"] for effect in effects if "reason" in effect]
    assert "王先生" not in json.dumps(capsys.readouterr(), ensure_ascii=False)


def office_queue(sides: Sides) -> list[str]:
    url, numbers = sides.names["EFFECT_QUEUE_URL"], []
    while messages := sides.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        numbers += [json.loads(message["Body"])["order_no"] for message in messages]
    return numbers


def test_without_an_amount_all_that_is_left_is_requested_back_and_nothing_ships(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    office.refund(order.order_no, {"amount_fen": 234, "reason": "damaged"}, idempotency_key="r-0")

    answer = office.refund(order.order_no)

    assert (202, 1000, 0) == (answer.status, answer.body["amount_fen"], answer.body["refundable_fen"])
    assert Ship() not in sides.order(order.order_no).pending


@pytest.mark.parametrize("body", [{"reason": "damaged"}, {"amount_fen": 1234, "reason": "damaged"}])
def test_the_same_request_again_is_the_same_refund(office: Merchant, sides: Sides, body: dict[str, object]) -> None:
    order = office.paid()

    answers = [office.refund(order.order_no, body) for _ in range(3)]

    assert 1 == len({json.dumps(answer.body) for answer in answers})
    assert {202} == {answer.status for answer in answers}
    assert 1 == len([key for key, _ in sides.order(order.order_no).effects if isinstance(key, RefundAll | RefundPart)])


def test_a_request_known_from_long_ago_is_still_the_same_refund(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    office.refund(order.order_no, {"amount_fen": 234, "reason": "damaged"})
    requested = sides.order(order.order_no)
    sides.store.save_many([(requested, replace(requested, history=()))])

    answers = [office.refund(order.order_no, {"amount_fen": fen, "reason": "damaged"}) for fen in (235, 234)]

    assert [409, 202] == [answer.status for answer in answers]
    assert sides.order(order.order_no).effects == requested.effects


def test_many_at_once_under_one_key_are_one_refund(office: Merchant, sides: Sides) -> None:
    order = office.paid()

    with ThreadPoolExecutor(8) as senders:
        statuses = list(
            senders.map(lambda _: office.refund(order.order_no, {"amount_fen": 1, "reason": "x"}).status, range(24))
        )

    assert {202, 503} >= set(statuses)
    assert 1 == len([key for key, _ in sides.order(order.order_no).effects if isinstance(key, RefundAll | RefundPart)])


def test_many_at_once_under_keys_of_their_own_never_get_back_more_than_was_paid(office: Merchant, sides: Sides) -> None:
    order = office.paid()

    def ask(n: int) -> int:
        return office.refund(order.order_no, {"amount_fen": 100, "reason": "x"}, idempotency_key=f"r-{n}").status

    with ThreadPoolExecutor(8) as senders:
        statuses = list(senders.map(ask, range(24)))

    requested = [effect.fen for key, effect in sides.order(order.order_no).effects if key.kind == "refund"]
    assert {202, 422, 503} >= set(statuses)
    assert [100] * statuses.count(202) == requested
    assert sum(requested) <= 1234


def test_a_key_is_good_for_one_refund(office: Merchant) -> None:
    order = office.paid()
    office.refund(order.order_no, {"amount_fen": 234, "reason": "damaged"})

    answer = office.refund(order.order_no, {"amount_fen": 235, "reason": "damaged"})

    assert (409, "request_reused", "Idempotency-Key") == (answer.status, answer.body["reason"], answer.body["field"])


def test_never_more_than_was_paid(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    office.refund(order.order_no, {"amount_fen": 1000, "reason": "damaged"}, idempotency_key="r-0")

    answer = office.refund(order.order_no, {"amount_fen": 235, "reason": "damaged"})

    assert (422, "refund_exceeds_payment", "amount") == (answer.status, answer.body["reason"], answer.body["field"])
    assert 234 == office.ask("GET", f"/merchant/orders/{order.order_no}").body["refundable_fen"]


def test_no_order_is_requested_back_in_crumbs_without_end(office: Merchant) -> None:
    number = office.paid().order_no
    for n in range(MAX_REQUESTS):
        assert 202 == office.refund(number, {"amount_fen": 1, "reason": "crumb"}, idempotency_key=f"c-{n}").status

    answer = office.refund(number, {"amount_fen": 1, "reason": "crumb"}, idempotency_key="one-more")

    assert (422, "too_many_refunds") == (answer.status, answer.body["reason"])
    assert 202 == office.refund(number, {"amount_fen": 1, "reason": "crumb"}, idempotency_key="c-0").status


def test_what_went_back_already_is_not_requested_back_again(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    sides.store.save_many([(order, after(order, Refunded("e2", NOW, "rf1", "t1", 1234, NOW)))])

    answer = office.refund(order.order_no)

    assert (422, "nothing_left", None) == (answer.status, answer.body["reason"], answer.body.get("field"))


def test_what_is_on_its_way_back_leaves_nothing_to_ask_for(office: Merchant) -> None:
    number = office.paid().order_no
    office.refund(number, {"amount": "12.34", "reason": "x"}, idempotency_key="first")

    answers = [
        office.refund(number, body, idempotency_key="next")
        for body in ({"reason": "x"}, {"amount": "0.01", "reason": "x"})
    ]

    assert [("nothing_left", None)] * 2 == [(answer.body["reason"], answer.body.get("field")) for answer in answers]


def test_an_order_that_nobody_paid_has_nothing_to_give_back(office: Merchant, sides: Sides) -> None:
    order = sides.put(CREATED, order_no="JW" + uuid4().hex[:22].upper().translate(str.maketrans("0189", "WXYZ")))

    answer = office.refund(order.order_no)

    assert (422, "nothing_paid") == (answer.status, answer.body["reason"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0.00", "reason": "x"}, "amount"),
        ({"amount": "-1", "reason": "x"}, "amount"),
        ({"amount": "1.234", "reason": "x"}, "amount"),
        ({"amount": 1.5, "reason": "x"}, "amount"),
        ({"amount_fen": 0, "reason": "x"}, "amount_fen"),
        ({"amount_fen": "12", "reason": "x"}, "amount_fen"),
        ({"amount_fen": 10**30, "reason": "x"}, "amount_fen"),
        ({"amount_fen": True, "reason": "x"}, "amount_fen"),
        ({"amount": "1.00", "amount_fen": 1, "reason": "x"}, "amount"),
        ({"amout": "1.00", "reason": "x"}, "amout"),  # codespell:ignore
        ({"amount": None, "reason": "x"}, "amount"),
        ({"amount_fen": None, "reason": "x"}, "amount_fen"),
        ({"amount_fen": 1}, "reason"),
        ({"amount_fen": 1, "reason": ""}, "reason"),
        ({"amount_fen": 1, "reason": "x" * 201}, "reason"),
        ("[]", ""),
        ("null", ""),
        ("{", ""),
        ("[" * 9000, ""),
    ],
    ids=repr,
)
def test_a_refund_that_makes_no_sense_says_which_field(office: Merchant, body: object, field: str) -> None:
    answer = office.refund("JW" + "A" * 22, body)

    assert (400, field, True) == (answer.status, answer.body.get("field", ""), bool(answer.body["message"]))


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_reason_is_whatever_people_write(office: Merchant, text: str) -> None:
    number = office.paid().order_no
    answers = [office.refund(number, {"amount_fen": 1, "reason": text}), office.points(1, reason=text)]

    assert [202, 200] == [answer.status for answer in answers]
    effects = office.ask("GET", f"/merchant/orders/{number}").body["effects"]
    assert [text] == [effect["reason"] for effect in effects if "reason" in effect]


@pytest.mark.parametrize(("text", "code_point"), UNWRITTEN, ids=ascii)
def test_a_reason_that_nobody_writes_is_refused_by_its_code_point(office: Merchant, text: str, code_point: str) -> None:
    answers = [
        office.refund(office.paid().order_no, {"amount_fen": 1, "reason": text}),
        office.points(1, reason=text),
    ]
    named = ["U+D" not in code_point and code_point not in answer.body["message"] for answer in answers]

    assert ([400, 400], [False, False]) == ([answer.status for answer in answers], named)


def test_a_reason_of_blanks_is_none(office: Merchant) -> None:
    answer = office.refund(office.paid().order_no, {"amount_fen": 1, "reason": "\u3000 "})

    assert (400, "reason") == (answer.status, answer.body["field"])


def test_the_length_of_a_reason_is_counted_in_characters(office: Merchant) -> None:
    assert [200, 400] == [office.points(1, key=f"r-{n}", reason="\U0001fae9" * n).status for n in (200, 201)]


def test_a_refund_needs_a_key_of_its_own(office: Merchant) -> None:
    assert "Idempotency-Key" == office.refund(office.paid().order_no, idempotency_key="").body["field"]


# ── Looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_merchant_sees_the_money_and_what_is_still_to_be_done(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    moved = after(
        order, EffectDone(NOW, Ship()), Refunded("e2", NOW + 9, "rf1", "t1", 234, NOW + 8, effect_id("x", Ship()))
    )
    sides.store.save_many([(order, moved)])

    body = office.ask("GET", f"/merchant/orders/{order.order_no}").body

    assert [{"transaction_id": "t1", "amount_fen": 1234, "amount": "12.34", "at": NOW}] == body["payments"]
    assert [("rf1", "t1", 234)] == [(r["refund_id"], r["transaction_id"], r["amount_fen"]) for r in body["refunds"]]
    assert [("ship", "done"), ("push:shipped", "pending")] == [(e["effect"], e["state"]) for e in body["effects"]]
    assert (1000, str(Status.SHIPPED)) == (body["refundable_fen"], body["status"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/merchant/orders/JW" + "A" * 22, 404),
        ("GET", "/merchant/orders/", 404),
        ("GET", "/merchant/orders/..", 404),
        ("GET", "/merchant/orders/" + "A" * 5000, 404),
        ("POST", "/merchant/orders/" + "A" * 5000 + "/refunds", 404),
        ("GET", "/merchant/members/" + "m" * 5000 + "/points", 404),
        ("GET", "/merchant/members/mb_" + "a" * 20 + "/points", 404),
        ("GET", "/merchant/members//points", 404),
        ("DELETE", "/merchant/orders/JW1", 405),
        ("PUT", "/merchant/members/mb_1/points", 405),
        ("GET", "/merchant", 404),
        ("GET", "/orders/JW1", 404),
    ],
)
def test_what_is_not_there_is_said_to_be_so(office: Merchant, method: str, path: str, status: int) -> None:
    answer = office.ask(method, path, {"reason": "x", "amount_fen": 1})

    assert (status, True) == (answer.status, bool(answer.body["message"]))


@pytest.mark.parametrize("event", [None, [], "x", 7, {}, {"Records": []}, {"requestContext": {"http": {"method": 7}}}])
def test_what_is_no_request_gets_a_4xx(office: Merchant, event: object) -> None:
    assert 400 <= office.send(event).status < 500


# ── Points ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_points_are_granted_once_per_key_and_can_be_seen(office: Merchant) -> None:
    answers = [office.points(100) for _ in range(2)]

    seen = office.ask("GET", f"/merchant/members/{office.member_id}/points").body
    assert [(200, 100)] * 2 == [(answer.status, answer.body["balance"]) for answer in answers]
    entry = {"points": 100, "what": "增加", "at": NOW, "request_id": "r-1", "reason": "生日"}
    assert {"member_id": office.member_id, "balance": 100, "entries": [entry]} == seen


def test_points_are_taken_away_and_never_below_zero(office: Merchant) -> None:
    office.points(100, "r-1")

    taken, refused = office.points(-60, "r-2", "过期"), office.points(-41, "r-3", "过期")

    assert (200, 40) == (taken.status, taken.body["balance"])
    assert (422, "points_short", "points", "积分不足，当前余额 40") == (
        refused.status,
        refused.body["reason"],
        refused.body["field"],
        refused.body["message"],
    )


def test_a_key_is_good_for_one_change_of_points(office: Merchant) -> None:
    office.points(100)

    other, same = office.points(101), office.points(100, reason="节日")

    assert (409, "request_reused") == (other.status, other.body["reason"])
    assert (200, 100, ["生日"]) == (same.status, same.body["balance"], [one["reason"] for one in same.body["entries"]])


@pytest.mark.parametrize(
    ("points", "reason", "field"),
    [
        *((points, "x", "points") for points in (0, 1.5, "1", 10**10, -(10**400), True, None)),
        *((1, reason, "reason") for reason in ("", None, 7, "x" * 201)),
    ],
    ids=repr,
)
def test_points_that_make_no_sense_say_which_field(
    office: Merchant, points: object, reason: object, field: str
) -> None:
    answer = office.points(points, reason=reason)

    assert (400, field) == (answer.status, answer.body["field"])
    assert 0 == office.ask("GET", f"/merchant/members/{office.member_id}/points").body["balance"]


def test_nobodys_points_are_not_changed(office: Merchant) -> None:
    office.member_id = "mb_" + "z" * 20

    assert (404, "member_unknown", "member_id") == (
        (answer := office.points(100)).status,
        answer.body["reason"],
        answer.body["field"],
    )


@pytest.mark.parametrize("missing", ["POINTS_TABLE", "MERCHANT_KEY_NAME"])
def test_a_missing_variable_fails_the_start_by_its_name(load_function: Callable[..., ModuleType], missing: str) -> None:
    with pytest.raises(Exception, match=missing):
        load_function("back_office", **NOWHERE | {missing: ""})
