"""Ordering and looking at the storefront, with the local AWS and a platform in this process."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType

import pytest

from jiuwu.aws.settings import SettingsError
from jiuwu.orders.effect_key import PushStatus, Ship
from jiuwu.orders.events import EffectDone, Paid
from jiuwu.orders.order import Status
from sandbox.cloud.environments import ROOT
from tests.functions.both_sides import NOW, NOWHERE, Sides
from tests.functions.storefront_requests import EVENT, TEA, items
from tests.functions.storefront_rig import Context, Customer
from tests.orders.lives import after

# ── Ordering ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_is_answered_by_the_function_as_deployed(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str]
) -> None:
    reply = load_function("storefront", **trade_names).handler(EVENT, Context())

    assert (401, "session_required") == (reply["statusCode"], json.loads(reply["body"])["reason"])


def test_the_example_event_places_an_order_once_its_session_is_open(lan: Customer) -> None:
    headers = EVENT["headers"] | {"authorization": f"Bearer {lan.session}"}

    answer = lan.send(EVENT | {"headers": headers})

    assert (201, "placed", 1234, "12.34") == (
        answer.status,
        answer.body["status"],
        answer.body["amount_fen"],
        answer.body["amount"],
    )


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_of_a_session_is_read_in_any_letters(lan: Customer, scheme: str) -> None:
    headers = EVENT["headers"] | {"authorization": f"{scheme} {lan.session}"}

    assert 201 == lan.send(EVENT | {"headers": headers}).status


def test_an_order_stands_on_both_sides_and_can_be_paid(lan: Customer, sides: Sides) -> None:
    answer = lan.buy()

    there = sides.platform.orders[answer.order_no]
    here = sides.order(answer.order_no)
    assert (there.open_id, there.request.amount_fen, there.status) == (lan.open_id, 1234, "created")
    assert (here.status, here.platform_order_no, here.member_id) == (
        Status.PLACED,
        there.platform_order_no,
        lan.member_id,
    )
    assert answer.body["pay_url"] == f"https://pay.example/{answer.order_no}"
    assert NOW < here.due_at <= NOW + 180


def test_an_order_without_a_safe_way_to_pay_is_placed_and_an_error_line(
    lan: Customer, sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, replace(order, pay_url=""))])

    answer = lan.buy()

    assert (200, "placed", False) == (answer.status, answer.body["status"], "pay_url" in answer.body)
    assert "no_pay_url" in [vars(line).get("outcome") for line in caplog.records]


def test_the_price_is_ours_whatever_the_browser_says(lan: Customer) -> None:
    cheap = {"items": [{"product_id": "tea", "quantity": 1, "price_fen": 1, "price": "0.01"}]}

    assert lan.buy(body=cheap).body["amount_fen"] == 617


def test_fifty_products_are_one_order(lan: Customer, sides: Sides) -> None:
    products = [sides.sell(f"p{n}", f"茶 {n}", "100") for n in range(50)]

    answer = lan.buy(body={"items": [{"product_id": product, "quantity": 999} for product in products]})

    assert (201, 50 * 999 * 100) == (answer.status, answer.body["amount_fen"])
    assert products == [line["product_id"] for line in answer.body["lines"]]


def test_a_body_in_base64_is_the_same_order(lan: Customer) -> None:
    encoded = base64.b64encode(json.dumps(TEA).encode()).decode()

    assert lan.ask(body=encoded, isBase64Encoded=True).order_no == lan.buy().order_no


def test_the_same_request_again_is_the_same_order(lan: Customer, sides: Sides) -> None:
    first, again = lan.buy(), lan.buy()

    assert (201, 200) == (first.status, again.status)
    assert first.body == again.body
    assert sides.platform.count("orders.create") == 1


def test_the_same_key_with_the_lines_in_another_sequence_is_the_same_order(lan: Customer) -> None:
    tea, gift = {"product_id": "tea", "quantity": 1}, {"product_id": "gift", "quantity": 3}

    assert lan.buy(body={"items": [tea, gift]}).order_no == lan.buy(body={"items": [gift, tea]}).order_no


def test_a_repeat_still_finds_its_order_when_the_product_has_left_the_shelf(lan: Customer, sides: Sides) -> None:
    last = {"items": [{"product_id": sides.sell("last", "末茶", "100"), "quantity": 1}]}
    lan.buy(body=last)
    sides.sell("last", "末茶", "100", on_shelf=False)

    assert lan.buy(body=last).status == 200


@pytest.mark.parametrize(
    "other", [items({"product_id": "tea", "quantity": 3}), items({"product_id": "gift", "quantity": 2})]
)
def test_the_same_key_with_another_body_is_refused_and_says_so(lan: Customer, other: str) -> None:
    lan.buy()

    answer = lan.buy(body=other)

    assert (409, "idempotency_key_reused", "Idempotency-Key") == (
        answer.status,
        answer.body["reason"],
        answer.body["field"],
    )


def test_two_members_may_use_the_same_key(storefront: ModuleType, sides: Sides, lan: Customer) -> None:
    assert Customer(storefront, sides, "mei").buy().order_no != lan.buy().order_no


def test_one_press_sent_many_times_at_once_is_one_order(lan: Customer, sides: Sides) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: lan.buy(), range(16)))

    assert {200, 201} >= {answer.status for answer in answers}
    assert len({answer.order_no for answer in answers}) == 1
    assert list(sides.platform.orders) == [answers[0].order_no]
    assert sides.order(answers[0].order_no).status is Status.PLACED


# ── Looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_sees_state_lines_amounts_and_what_happened(lan: Customer) -> None:
    answer = lan.look(lan.buy().order_no)

    assert answer.status == 200
    assert answer.body["lines"] == [
        {"product_id": "tea", "title": "龙井", "quantity": 2, "price_fen": 617, "price": "6.17"}
    ]
    assert answer.body["timeline"] == [
        {"at": NOW, "event": "created", "what": "已提交"},
        {"at": NOW, "event": "placed", "what": "已下单"},
    ]


def test_an_order_once_paid_shows_no_way_to_pay_and_no_business_of_ours(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    paid = after(order, Paid("e1", NOW + 9, "t1", 1234, NOW + 8), EffectDone(NOW + 10, Ship()))
    done = after(paid, EffectDone(NOW + 11, PushStatus("shipped")))
    sides.store.save_many([(order, done)])

    answer = lan.look(order.order_no)

    assert answer.body["status"] == "shipped"
    assert "pay_url" not in answer.body
    assert ["created", "placed", "paid", "shipped"] == [line["event"] for line in answer.body["timeline"]]


def test_an_order_paid_in_part_says_how_much_is_missing_and_where_to_pay_it(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, after(order, Paid("e1", NOW + 9, "gift", 234, NOW + 8)))])

    body = lan.look(order.order_no).body

    assert ("held", 1000, "10.00") == (body["status"], body["missing_fen"], body["missing"])
    assert "还差 10.00 元" in body["message"]
    assert body["pay_url"]


def test_nothing_about_the_person_is_told(lan: Customer) -> None:
    text = json.dumps(lan.look(lan.buy().order_no).body)

    assert not [secret for secret in (lan.open_id, lan.member_id, "小兰", lan.session, "access") if secret in text]


def test_another_members_order_is_not_there(storefront: ModuleType, sides: Sides, lan: Customer) -> None:
    number, mei = lan.buy().order_no, Customer(storefront, sides, "mei")

    assert (404, 404) == (mei.look(number).status, mei.cancel(number).status)
    assert sides.order(number).status is Status.PLACED


# ── Starting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("missing", ["ORDERS_TABLE", "PRODUCTS_TABLE", "TOKEN_KEY_ID", "LATE_PAYMENT"])
def test_a_missing_variable_fails_the_start_by_its_name(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("storefront", **trade_names | {missing: ""})


def test_a_start_loads_neither_httpx_nor_pydantic() -> None:
    probe = "import sys, functions.storefront.app; print([n for n in ('httpx', 'pydantic') if n in sys.modules])"
    environment = NOWHERE | {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/jiuwu", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
