"""docs/platform-contract.yaml and the default profile say the same, and what the document shows is true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types
from msgspec.structs import asdict
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.routing import Route

from jiuwu.platform import signing
from jiuwu.platform.profile import load
from sandbox.simulator.app import Simulator
from sandbox.simulator.state import App

PATH = Path(__file__).parents[3] / "docs/platform-contract.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text("utf-8"))
PROFILE = load()
SCHEMAS = DOCUMENT["components"]["schemas"]
# Its control buttons, its pages for people, and FastAPI's own.
OF_THE_SIMULATOR = ("/_sim/", "/pay/", "/avatars/", "/debug/", "/healthz", "/openapi.json")
METHODS = ("get", "put", "post", "patch", "delete")
Object = dict[str, Any]


def _operations(section: str) -> dict[str, tuple[str, Object]]:
    """operationId → ("POST /orders", the operation)."""
    return {
        operation["operationId"]: (f"{method.upper()} {path}", operation)
        for path, item in DOCUMENT[section].items()
        for method, operation in item.items()
        if method in METHODS
    }


def _resolve(node: Object) -> Object:
    while "$ref" in node:
        found: Any = DOCUMENT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def _properties(node: Object) -> dict[str, Any]:
    """All properties of a schema, those of its parts included."""
    node = _resolve(node)
    found = dict(node.get("properties", {}))
    for part in [*node.get("allOf", []), *node.get("anyOf", []), *node.get("oneOf", [])]:
        found |= _properties(part)
    return found


def _names(schema: str) -> set[str]:
    return set(_properties(SCHEMAS[schema]))


def _examples(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """(JSON pointer of the schema, an example of it) of every media type in the document."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return
    if "schema" in node:
        shown = [example["value"] for example in node.get("examples", {}).values()]
        for example in [*shown, *([node["example"]] if "example" in node else [])]:
            yield f"{pointer}/schema", example
    for key, child in node.items():
        yield from _examples(child, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")


EXAMPLES = list(_examples(DOCUMENT))


def _fits(pointer: str, example: object) -> bool:
    registry: Registry[Any] = Registry().with_resource("urn:contract", DRAFT202012.create_resource(DOCUMENT))
    fits: bool = Draft202012Validator({"$ref": f"urn:contract#{pointer}"}, registry=registry).is_valid(example)
    return fits


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_document_says_that_it_is_an_assumption() -> None:
    assert "OUR ASSUMPTION" in DOCUMENT["info"]["description"]


def test_every_call_of_the_profile_is_documented_and_no_other() -> None:
    documented = {name: called for name, (called, _) in _operations("paths").items() if not name.startswith("oauth.")}

    assert PROFILE.api == documented


def test_the_oauth_endpoints_of_the_profile_are_documented_and_no_others() -> None:
    oauth = PROFILE.oauth
    expected = {
        "oauth.authorize": f"GET {oauth.authorize_path}",
        "oauth.token": f"POST {oauth.token_path}",
        "oauth.revoke": f"POST {oauth.revoke_path}",
    }

    assert expected == {n: called for n, (called, _) in _operations("paths").items() if n.startswith("oauth.")}


@pytest.mark.parametrize("name", sorted(PROFILE.api.keys() - {"time"}))
def test_every_call_but_time_documents_the_parameters_that_sign_it(name: str) -> None:
    path = PROFILE.endpoint(name)[1]
    operation = _operations("paths")[name][1]
    documented = {_resolve(one)["name"] for one in DOCUMENT["paths"][path]["parameters"]}
    schemes = [set(one) for one in operation.get("security", DOCUMENT["security"])]
    call = PROFILE.call

    assert {call.app_id, call.timestamp, call.nonce, call.sign_method} == documented
    assert all("signature" in scheme for scheme in schemes)


def test_the_time_is_told_to_callers_whose_signature_cannot_be_right() -> None:
    assert [] == _operations("paths")["time"][1]["security"]


def test_the_simulator_serves_what_is_documented_and_nothing_else_of_the_platform() -> None:
    served = {
        f"{method} {route.path}"
        for route in Simulator(App("app", "secret"), PROFILE).asgi.routes
        if isinstance(route, Route) and not route.path.startswith(OF_THE_SIMULATOR)
        for method in (route.methods or set()) - {"HEAD"}
    }
    # the consent page's own form
    served -= {"GET /", f"POST {PROFILE.oauth.authorize_path}"}

    assert {called for called, _ in _operations("paths").values()} == served


def test_the_security_schemes_have_the_profiles_names() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]

    assert {"in": "query", "name": PROFILE.call.sign} == _where(schemes["signature"])
    assert {"in": "query", "name": PROFILE.call.access_token} == _where(schemes["memberToken"])
    assert {"in": "header", "name": PROFILE.notification.headers.signature} == _where(schemes["notificationSignature"])


def _where(scheme: Object) -> Object:
    return {key: scheme[key] for key in ("in", "name")}


@pytest.mark.parametrize("name", PROFILE.api)
def test_every_call_may_be_refused_by_a_code_and_by_a_status(name: str) -> None:
    responses = _operations("paths")[name][1]["responses"]
    reply = _resolve(responses["200"])["content"]["application/json"]["schema"]

    assert {"$ref": "#/components/schemas/Refusal"} in reply["anyOf"]
    assert {"200", "429", "5XX"} == set(responses)


def test_the_envelope_has_the_profiles_names() -> None:
    reply = PROFILE.reply

    assert {reply.code, reply.msg, reply.request_id, reply.data} == _names("Envelope")
    assert {reply.server_time, reply.retry_after, reply.refusal_reason} == set(
        _properties(_properties(SCHEMAS["Refusal"])["data"])
    )


def test_the_error_codes_of_the_profile_are_documented_and_no_others() -> None:
    documented = {
        one["title"]: [one["const"]] if "const" in one else [(one["minimum"], one["maximum"])]
        for one in SCHEMAS["Code"]["oneOf"]
    }

    assert list(PROFILE.reply.success) == documented.pop("success")
    assert {name: list(codes) for name, codes in asdict(PROFILE.codes).items()} == documented


def test_every_event_type_of_the_profile_has_its_webhook_and_no_other() -> None:
    documented: list[str] = []
    for _, operation in _operations("webhooks").values():
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        kind = schema["allOf"][1]["properties"]["event_type"]
        documented += kind.get("enum", [kind.get("const")])

    assert sorted(PROFILE.notification.event_types.values()) == sorted(documented)


def test_webhooks_have_the_profiles_headers_fields_and_reply() -> None:
    headers, fields = set(asdict(PROFILE.notification.headers).values()), PROFILE.notification.fields
    reply = DOCUMENT["components"]["responses"]["Acknowledged"]["content"]["application/json"]["example"]

    for item in DOCUMENT["webhooks"].values():
        assert headers - {PROFILE.notification.headers.signature} == {_resolve(p)["name"] for p in item["parameters"]}
    assert set(asdict(fields).values()) == _names("Notification")
    assert yaml.safe_load(PROFILE.notification.success_body) == reply


@pytest.mark.parametrize(
    ("fields", "schemas"),
    [
        ("order", ["Order"]),
        ("item", ["Item"]),
        ("payment", ["Payment"]),
        ("refund", ["Refund", "RefundDone"]),
        ("product", ["Product"]),
        ("user", ["User"]),
        ("event", ["OrderPaid", "OrderCancelled", "OrderCompleted", "OrderRefunded"]),
    ],
)
def test_the_fields_that_the_profile_names_are_those_of_the_document(fields: str, schemas: list[str]) -> None:
    documented = set[str]().union(*(_names(schema) for schema in schemas))

    assert set(asdict(getattr(PROFILE.fields, fields)).values()) == documented


def test_the_token_reply_has_the_profiles_fields() -> None:
    # RFC 6749 prescribes token_type; we have no use for it
    assert {*asdict(PROFILE.fields.token).values(), "token_type"} == _names("Tokens")


def test_what_calls_say_has_the_profiles_names() -> None:
    said: set[str] = set()
    for _, operation in _operations("paths").values():
        said |= {_resolve(one)["name"] for one in operation.get("parameters", [])}
        for media in operation.get("requestBody", {}).get("content", {}).values():
            said |= set(_properties(media["schema"]))

    assert set(asdict(PROFILE.fields.request).values()) <= said


def test_order_states_are_the_profiles() -> None:
    assert set(PROFILE.order_status) == set(SCHEMAS["Status"]["enum"])


@pytest.mark.parametrize(("pointer", "example"), EXAMPLES, ids=[pointer for pointer, _ in EXAMPLES])
def test_every_example_fits_its_schema(pointer: str, example: object) -> None:
    assert _fits(pointer, example)


def test_an_example_with_a_wrong_amount_would_not_fit() -> None:
    pointer, example = next(found for found in EXAMPLES if "orders/post" in found[0])

    assert not _fits(pointer, {**example, "amount": 12.34})


@pytest.mark.parametrize("shown", DOCUMENT["info"]["x-signature-examples"], ids=lambda shown: shown["what"])
def test_the_signatures_shown_are_right(shown: Object) -> None:
    parameters, secret = shown["parameters"], shown["secret"]

    assert shown["canonical_string"] == signing.canonical_string(PROFILE.signing, parameters, secret=secret)
    assert shown["sign"] == signing.sign(PROFILE.signing, parameters, secret=secret)
