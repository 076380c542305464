"""Storefront's three routes, with the local AWS and a platform in this process."""

import base64
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from msgspec import structs

from jiuwu.aws.settings import SettingsError
from jiuwu.trade.orders import EffectDone, Paid, Status
from sandbox.cloud.environments import ROOT
from sandbox.platform import orders as platform_orders
from tests.functions.both_sides import COMMON, NOW, NOWHERE, Sides, resources
from tests.functions.platform_stand_in import down, lost, refuses, unheard
from tests.functions.storefront_requests import EVENT, HOSTILE, NO_EVENTS, TEA, Junk, items, request
from tests.trade.lives import after

KEY = EVENT["headers"]["idempotency-key"]


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 15_000


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def order_no(self) -> str:
        number: str = self.body["order_no"]
        return number


class Customer:
    """A member at the storefront."""

    def __init__(self, app: ModuleType, sides: Sides, name: str = "lan") -> None:
        self.app, self.sides = app, sides
        self.open_id, self.member_id = sides.member(name)
        self.shop, self.session = sides.build(app), sides.log_in(name)

    def send(self, event: object) -> Answer:
        reply = self.app.handle(self.shop, event, lambda: 14.0)
        return Answer(reply["statusCode"], json.loads(reply["body"]), reply["headers"])

    def ask(self, method: str = "POST", path: str = "/orders", **more: Any) -> Answer:
        return self.send(request(method, path, **{"session": self.session} | more))

    def buy(self, key: str = "key-1", body: object = TEA) -> Answer:
        return self.ask(key=key, body=body)

    def look(self, order_no: str) -> Answer:
        return self.ask("GET", f"/orders/{order_no}")

    def cancel(self, order_no: str) -> Answer:
        return self.ask("POST", f"/orders/{order_no}/cancel")


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    """The function as one warm process for all tests; each test serves tables of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NOWHERE.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.storefront.app", None)
        yield importlib.import_module("functions.storefront.app")


@pytest.fixture(scope="module")
def names(
    aws: Callable[[str], Any], make_table: Callable[[str], str], make_queue: Callable[[str], str]
) -> dict[str, str]:
    return COMMON | resources(aws, make_table, make_queue)


@pytest.fixture
def sides(aws: Callable[[str], Any], names: dict[str, str]) -> Sides:
    return Sides(aws, names)


@pytest.fixture
def lan(app: ModuleType, sides: Sides) -> Customer:
    return Customer(app, sides)


@pytest.fixture(scope="module")
def junk_shop(app: ModuleType, aws: Callable[[str], Any], names: dict[str, str]) -> Customer:
    """One member for all that ends in a refusal: none of it leaves anything behind."""
    return Customer(app, Sides(aws, names))


# ── Ordering ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_is_answered_by_the_function_as_deployed(
    load_function: Callable[..., ModuleType], names: dict[str, str]
) -> None:
    reply = load_function("storefront", **names).handler(EVENT, Context())

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


def test_the_price_is_ours_whatever_the_browser_says(lan: Customer) -> None:
    cheap = {"items": [{"product_id": "tea", "quantity": 1, "price_fen": 1, "price": "0.01"}], "amount_fen": 1}

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


def test_two_members_may_use_the_same_key(app: ModuleType, sides: Sides, lan: Customer) -> None:
    assert Customer(app, sides, "mei").buy().order_no != lan.buy().order_no


def test_one_press_sent_many_times_at_once_is_one_order(lan: Customer, sides: Sides) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: lan.buy(), range(16)))

    assert {200, 201} >= {answer.status for answer in answers}
    assert len({answer.order_no for answer in answers}) == 1
    assert list(sides.platform.orders) == [answers[0].order_no]
    assert sides.order(answers[0].order_no).status is Status.PLACED


# ── Trouble with the platform ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_reply_ends_in_one_order(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", lost)

    assert (201, "placed", 1) == ((answer := lan.buy()).status, answer.body["status"], len(sides.platform.orders))


def test_an_unknown_outcome_is_looked_up_before_anything_is_tried_again(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", unheard, unheard, lost)

    answer = lan.buy()

    assert (201, "placed") == (answer.status, answer.body["status"])
    assert sides.platform.calls == ["orders.create"] * 3 + ["orders.get"]


def test_what_the_platform_certainly_has_not_got_is_tried_once_more(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", unheard, unheard, unheard)

    assert (201, "placed") == ((answer := lan.buy()).status, answer.body["status"])
    assert sides.platform.calls == ["orders.create"] * 3 + ["orders.get", "orders.create"]


@pytest.mark.parametrize("fault", [down, unheard, refuses(90000), refuses(90001), refuses(40001), refuses(12345)])
def test_an_order_is_safe_though_the_platform_is_not_there(lan: Customer, sides: Sides, fault: Any) -> None:
    sides.platform.fail_always("orders.create", fault)

    answer = lan.buy()

    assert (202, "created") == (answer.status, answer.body["status"])
    assert "pay_url" not in answer.body
    assert 0 < sides.order(answer.order_no).due_at <= NOW + 180


def test_the_same_request_again_finishes_what_the_platform_could_not_take(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)
    created = lan.buy()
    sides.platform.heal()

    again = lan.buy()

    assert (200, "placed", created.order_no) == (again.status, again.body["status"], again.order_no)


def test_an_order_that_the_platform_has_with_other_content_is_held(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    there = sides.platform.orders[number]
    sides.platform.orders[number] = replace_amount(there, 1)
    sides.dynamodb.delete_item(TableName=sides.names["ORDERS_TABLE"], Key={"order_no": {"S": number}})

    answer = lan.buy()

    assert "held" == answer.body["status"]
    assert sides.queued == []


def replace_amount(order: platform_orders.Order, fen: int) -> platform_orders.Order:
    return structs.replace(order, request=structs.replace(order.request, amount_fen=fen))


def test_a_member_whose_link_has_ended_is_asked_to_log_in_again(lan: Customer, sides: Sides) -> None:
    sides.end_link()

    answer = lan.buy()

    assert (401, "reauth_required") == (answer.status, answer.body["reason"])


def test_a_token_that_the_platform_no_longer_takes_asks_for_a_login_and_keeps_the_order(
    lan: Customer, sides: Sides
) -> None:
    sides.platform.fail("orders.create", refuses(30001))
    refused = lan.buy()

    again = lan.buy()

    assert (401, "reauth_required") == (refused.status, refused.body["reason"])
    assert (200, "placed") == (again.status, again.body["status"])


def test_a_table_out_of_reach_is_said_to_be_so(app: ModuleType, lan: Customer) -> None:
    class Gone:
        def member_id(self, token: str) -> str:
            raise EndpointConnectionError(endpoint_url="http://dynamodb")

    lan.shop = lan.shop._replace(sessions=Gone())

    answer = lan.buy()

    assert (503, "unavailable", "2") == (answer.status, answer.body["reason"], answer.headers["Retry-After"])


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
    paid = after(order, Paid("e1", NOW + 9, "t1", 1234, NOW + 8), EffectDone(NOW + 10, "ship"))
    done = after(paid, EffectDone(NOW + 11, "push:shipped"))
    sides.store.save_many([(order, done)])

    answer = lan.look(order.order_no)

    assert answer.body["status"] == "shipped"
    assert "pay_url" not in answer.body
    assert ["created", "placed", "paid", "shipped"] == [line["event"] for line in answer.body["timeline"]]


def test_nothing_about_the_person_is_told(lan: Customer) -> None:
    text = json.dumps(lan.look(lan.buy().order_no).body)

    assert not [secret for secret in (lan.open_id, lan.member_id, "小兰", lan.session, "access") if secret in text]


def test_another_members_order_is_not_there(app: ModuleType, sides: Sides, lan: Customer) -> None:
    number, mei = lan.buy().order_no, Customer(app, sides, "mei")

    assert (404, 404) == (mei.look(number).status, mei.cancel(number).status)
    assert sides.order(number).status is Status.PLACED


# ── Cancelling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unpaid_order_is_cancelled_on_both_sides(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no

    answer = lan.cancel(number)

    assert (200, "cancelled") == (answer.status, answer.body["status"])
    assert (sides.platform.orders[number].status, sides.order(number).due_at) == ("cancelled", 0)


def test_cancelling_again_changes_nothing(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    lan.cancel(number)
    asked = len(sides.platform.calls)

    assert (200, asked) == (lan.cancel(number).status, len(sides.platform.calls))


def test_a_payment_that_was_faster_is_taken_and_not_cancelled(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    sides.platform.pay(number)

    answer = lan.cancel(number)

    assert (409, "already_paid", "已支付，不能取消") == (answer.status, answer.body["reason"], answer.body["message"])
    assert sides.order(number).status is Status.PAID
    assert sides.queued == [number]


def test_an_order_known_to_be_paid_is_not_even_asked_about(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, after(order, Paid("e1", NOW, "t1", 1234, NOW)))])

    assert (409, "already_paid") == ((answer := lan.cancel(order.order_no)).status, answer.body["reason"])
    assert sides.platform.count("orders.push_status") == 0


def test_an_order_that_the_platform_never_got_is_cancelled_here(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)
    number = lan.buy().order_no

    assert (200, "cancelled") == ((answer := lan.cancel(number)).status, answer.body["status"])
    assert (sides.order(number).status, sides.platform.orders) == (Status.CANCELLED, {})


def test_a_cancellation_whose_reply_was_lost_is_found_done(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    sides.platform.fail("orders.push_status", lost, unheard, unheard)

    assert (200, "cancelled") == ((answer := lan.cancel(number)).status, answer.body["status"])


@pytest.mark.parametrize("fault", [down, unheard, refuses(90001)])
def test_a_cancellation_that_nobody_can_confirm_is_to_be_repeated_and_looked_into(
    lan: Customer, sides: Sides, fault: Any
) -> None:
    number = lan.buy().order_no
    sides.platform.fail_always("orders.push_status", fault)

    answer = lan.cancel(number)

    assert (503, "cancel_unconfirmed", "2") == (answer.status, answer.body["reason"], answer.headers["Retry-After"])
    assert (sides.order(number).status, sides.order(number).due_at) == (Status.PLACED, NOW)


def test_an_order_held_before_any_money_came_is_not_cancelled(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, replace(order, status=Status.HELD))])

    assert (409, "not_cancellable") == ((answer := lan.cancel(order.order_no)).status, answer.body["reason"])


# ── Strangers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("junk", HOSTILE.values(), ids=HOSTILE.keys())
def test_junk_gets_a_4xx_that_says_what_is_wrong(junk_shop: Customer, junk: Junk) -> None:
    sent, status, reason, field = junk

    answer = junk_shop.ask(**sent)

    assert (status, status) == (answer.status, answer.body["code"])
    assert answer.body["message"]
    assert answer.body["reason"].startswith(reason or "")
    assert answer.body["reason"]
    assert answer.body.get("field", "") == field
    assert (junk_shop.sides.platform.calls, junk_shop.sides.platform.orders) == ([], {})


@pytest.mark.parametrize("event", NO_EVENTS, ids=str)
def test_what_is_no_request_gets_a_400(junk_shop: Customer, event: object) -> None:
    assert junk_shop.send(event).status == 400


def test_a_wrong_method_is_told_the_right_one(junk_shop: Customer) -> None:
    assert junk_shop.ask("DELETE").headers["Allow"] == "POST"


def test_at_least_thirty_kinds_of_junk_are_tried() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("missing", ["ORDERS_TABLE", "PRODUCTS_TABLE", "TOKEN_KEY_ID", "LATE_PAYMENT"])
def test_a_missing_variable_fails_the_start_by_its_name(
    load_function: Callable[..., ModuleType], names: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("storefront", **names | {missing: ""})


def test_a_start_loads_neither_httpx_nor_pydantic() -> None:
    probe = "import sys, functions.storefront.app; print([n for n in ('httpx', 'pydantic') if n in sys.modules])"
    environment = NOWHERE | {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/jiuwu", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
