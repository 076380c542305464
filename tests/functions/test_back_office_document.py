"""docs/api/back_office.openapi.json says what BackOffice does."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types

from tests.functions.both_sides import Sides
from tests.functions.test_back_office import Merchant, back_office, office

__all__ = ["back_office", "office"]  # fixtures

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/api/back_office.openapi.json").read_text("utf-8"))


def fits(schema: str, value: object) -> bool:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(whole).is_valid(value))


def test_what_the_function_answers_has_the_form_that_it_shows(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    answers = [
        ("RefundAccepted", office.refund(order.order_no, {"amount": "2.34", "reason": "damaged"})),
        ("MerchantOrder", office.ask("GET", f"/merchant/orders/{order.order_no}")),
        ("MerchantPoints", office.points(100)),
        ("Error", office.refund(order.order_no, {"amount": "99.00", "reason": "damaged"}, idempotency_key="r-9")),
        ("Error", office.points(0)),
    ]

    assert [] == [schema for schema, answer in answers if not fits(schema, answer.body)]


R: dict[str, object] = {"reason": "x"}
REFUNDS: list[object] = [
    *(
        R,
        {},
        [],
        None,
        7,
        "x",
        {"amount": "1.00"},
        {"amount_fen": 1},
        {"amount_fen": 1, "reason": ""},
        {"reason": None},
    ),
    *({"amount_fen": fen} | R for fen in (0, 1, -1, 905, 1.5, 9999999999999, 10**13, 1e300, "1", True, None)),
    *(
        {"amount": yuan} | R
        for yuan in ("1", "1.0", "1.00", "0.01", "0.1", "12.34", "0", "0.0", "0.00", "", "1.", ".5")
    ),
    *(
        {"amount": yuan} | R
        for yuan in ("01", "00.01", "1.000", "-1", "+1", "1e2", "1,00", " 1", "1 ", "１", "٣", "1元")
    ),
    *(
        {"amount": yuan} | R
        for yuan in ("99999999999.99", "99999999999", "100000000000", 1, 1.0, None, ["1"], {"a": 1})
    ),
    *({"amount": "1.00", "amount_fen": fen} | R for fen in (100, 1, None)),
    *({"ammount": "1.00"} | R, {"Amount": "1.00"} | R, {"extra": 1} | R),  # codespell:ignore
    *({"reason": reason} for reason in ("x" * 200, "x" * 201, " ", "\u3000", "生日", 7, ["x"])),
]
CHANGES: list[object] = [
    *({"points": points} | R for points in (1, -1, 0, 1.5, 10**9, 10**9 + 1, "1", True, None)),
    *(
        {"points": -(10**9) - 1} | R,
        {"points": 1},
        R,
        {},
        {"points": 1, "more": 1} | R,
        {"points": 1, "reason": "x" * 201},
    ),
]


@pytest.mark.parametrize("body", REFUNDS, ids=lambda body: repr(body)[:60])
def test_what_it_says_of_a_refund_is_what_is_taken(office: Merchant, body: object) -> None:
    answer = office.ask("POST", f"/merchant/orders/{office.paid().order_no}/refunds", json.dumps(body))

    # a right one may still be more than was paid
    assert fits("NewRefund", body) == (answer.status in {202, 422}), answer.body


@pytest.mark.parametrize("body", CHANGES, ids=lambda body: repr(body)[:60])
def test_what_it_says_of_points_is_what_is_taken(office: Merchant, body: object) -> None:
    path = f"/merchant/members/{office.member_id}/points"
    answer = office.ask("POST", path, json.dumps(body), idempotency_key=uuid4().hex)

    assert fits("NewPoints", body) == (answer.status in {200, 422}), answer.body


@pytest.mark.parametrize("written", ["905.0", "905.00", "9.05e2", "90500e-2"])
def test_an_amount_in_fen_is_written_in_digits_alone_as_the_document_says(office: Merchant, written: str) -> None:
    refund = office.refund(office.paid().order_no, f'{{"amount_fen": {written}, "reason": "x"}}')
    points = office.ask(
        "POST", f"/merchant/members/{office.member_id}/points", f'{{"points": {written}, "reason": "x"}}'
    )

    assert [(400, "amount_fen"), (400, "points")] == [(one.status, one.body["field"]) for one in (refund, points)]
    assert "905.0 和 9.05e2 会被拒绝" in DOCUMENT["info"]["description"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"amount": "1.00", "amount": "9.00", "reason": "x"}', "amount"),
        ('{"amount": "1.00", "amoun\\u0074": "1.00", "reason": "x"}', "amount"),
        ('{"amount_fen": 1, "amount_fen": 100, "reason": "x"}', "amount_fen"),
        ('{"reason": "x", "reason": "x"}', "reason"),
    ],
)
def test_a_name_that_stands_twice_is_refused_and_named(office: Merchant, body: str, field: str) -> None:
    order = office.paid()

    answer = office.refund(order.order_no, body)

    assert (400, "field_repeated", field) == (answer.status, answer.body.get("reason"), answer.body.get("field"))
    assert 1234 == office.ask("GET", f"/merchant/orders/{order.order_no}").body["refundable_fen"]
