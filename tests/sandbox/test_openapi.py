"""docs/api: valid OpenAPI 3.1, as `make openapi` writes it, with the template's routes and every reason of an error."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from jiuwu.members import login_pages
from sandbox.cloud import template
from sandbox.openapi.document import APIS, FOLDER, documents, text
from sandbox.openapi.operations import Api
from tests.test_member_texts import refusals

# The template lets no other method through, and API Gateway sends no other event.
_NEVER_SENT = {"no_http_event", "method_not_allowed"}
_LAYER = "layers/jiuwu/jiuwu"
_COMMON = [f"{_LAYER}/aws/http/{name}.py" for name in ("request", "body", "router")]
_OWN = {
    "storefront": [
        "functions/storefront/app.py",
        f"{_LAYER}/checkout/cart.py",
        f"{_LAYER}/checkout/list_query.py",
        f"{_LAYER}/checkout/member_errors.py",
        f"{_LAYER}/members/member_request.py",
    ],
    "back_office": [
        "functions/back_office/app.py",
        f"{_LAYER}/checkout/list_query.py",
        f"{_LAYER}/checkout/merchant_list.py",
        f"{_LAYER}/checkout/merchant_key.py",
        f"{_LAYER}/checkout/merchant_requests.py",
        f"{_LAYER}/checkout/merchant_errors.py",
    ],
    "oauth": [
        f"{_LAYER}/members/login_request.py",
        f"{_LAYER}/members/member_request.py",
        f"{_LAYER}/members/session_request.py",
        f"{_LAYER}/members/return_to.py",
    ],
}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return documents()


@pytest.mark.parametrize("name", APIS)
def test_a_document_is_valid_openapi(name: str) -> None:
    OpenAPIV31SpecValidator(json.loads((FOLDER / f"{name}.openapi.json").read_text("utf-8"))).validate()


@pytest.mark.parametrize("name", APIS)
def test_a_document_is_as_the_code_has_it(found: dict[str, dict[str, Any]], name: str) -> None:
    kept = (FOLDER / f"{name}.openapi.json").read_text("utf-8")

    assert text(found[name]) == kept, "make openapi renews docs/api"


def test_there_is_no_document_of_another_api() -> None:
    assert {f"{name}.openapi.json" for name in APIS} == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", APIS)
def test_its_routes_are_those_of_the_template(found: dict[str, dict[str, Any]], name: str) -> None:
    events = template.resources("AWS::Serverless::Function")[APIS[name][0]]["Events"].values()
    deployed = {(event["Properties"]["Method"].lower(), event["Properties"]["Path"]) for event in events}

    assert deployed == {(method, path) for path, methods in found[name]["paths"].items() for method in methods}


def raised(project: Path, files: list[str]) -> set[tuple[int, str]]:
    return {(status, reason) for file in files for status, reason, _ in refusals(project / file) if status}


def documented(api: Api) -> set[tuple[int, str]]:
    return {
        (status, reason)
        for one in api.operations.values()
        for status, reasons in one.reasons.items()
        for reason in reasons
    }


@pytest.mark.parametrize("name", APIS)
def test_every_reason_that_a_function_gives_is_documented(project: Path, name: str) -> None:
    assert set() == raised(project, _OWN[name]) - documented(APIS[name][1])


def test_every_reason_that_all_functions_share_is_documented(project: Path) -> None:
    every = {pair for _, api in APIS.values() for pair in documented(api)}

    assert set() == {pair for pair in raised(project, _COMMON) - every if pair[1] not in _NEVER_SENT}


def test_every_end_of_a_login_is_documented() -> None:
    ends = {(message.status, name) for name, message in login_pages.MESSAGES.items()}

    assert ends <= documented(APIS["oauth"][1])
