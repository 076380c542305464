"""docs/back-office.yaml says what BackOffice does."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from sandbox.cloud import template
from tests.functions.both_sides import Sides
from tests.functions.test_back_office import Merchant, back_office, office

__all__ = ["back_office", "office"]  # fixtures

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/back-office.yaml").read_text("utf-8"))
METHODS = {"get", "post"}


def fits(schema: str, value: object) -> bool:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(whole).is_valid(value))


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_its_routes_are_those_of_the_template() -> None:
    events = template.resources("AWS::Serverless::Function")["BackOffice"]["Events"].values()
    deployed = {(event["Properties"]["Method"].lower(), event["Properties"]["Path"]) for event in events}

    assert deployed == {
        (method, path) for path, found in DOCUMENT["paths"].items() for method in METHODS & found.keys()
    }


def test_what_the_function_answers_has_the_form_that_it_shows(office: Merchant, sides: Sides) -> None:
    order = office.paid()
    answers = [
        ("Refund", office.refund(order.order_no, {"amount": "2.34", "reason": "damaged"})),
        ("Order", office.ask("GET", f"/merchant/orders/{order.order_no}")),
        ("Points", office.points(100)),
        ("Error", office.refund(order.order_no, {"amount": "99.00", "reason": "damaged"}, idempotency_key="r-9")),
        ("Error", office.points(0)),
    ]

    assert [] == [schema for schema, answer in answers if not fits(schema, answer.body)]


@pytest.mark.parametrize(
    ("schema", "body", "status"),
    [
        ("NewRefund", {"reason": "x"}, 202),
        ("NewRefund", {"amount_fen": 0, "reason": "x"}, 400),
        ("NewRefund", {"amount_fen": 1}, 400),
        ("NewRefund", {"amount_fen": 1, "reason": ""}, 400),
    ],
)
def test_what_it_says_of_a_refund_is_what_is_taken(
    office: Merchant, schema: str, body: dict[str, Any], status: int
) -> None:
    assert (fits(schema, body), status) == (status == 202, office.refund(office.paid().order_no, body).status)
