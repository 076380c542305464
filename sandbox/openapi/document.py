"""Build the documents: each route of a function with its operation, schemas by msgspec."""

import importlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any
from unittest import mock

import msgspec

from jiuwu.aws.http.router import HttpApi
from sandbox.cloud.environments import ROOT
from sandbox.simulation.aws.account import Account
from sandbox.simulation.world.wiring import Wiring
from sandbox.simulation.world.world import PARAMETERS, START

from .operations import BACK_OFFICE, OAUTH, STOREFRONT, Api, Operation
from .replies import Error

type Document = dict[str, Any]

FOLDER = ROOT / "docs" / "api"
APIS: Mapping[str, tuple[str, Api]] = {
    "storefront": ("Storefront", STOREFRONT),
    "back_office": ("BackOffice", BACK_OFFICE),
    "oauth": ("OAuthCallback", OAUTH),
}
_REFERENCE = "#/components/schemas/{name}"
_RETRY_AFTER = {"Retry-After": {"description": "多少秒后重试", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "相同的键就是同一个请求，无论重复多少次",
    "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
}


def documents() -> dict[str, Document]:
    """Return the OpenAPI 3.1 document of each API, by its name in docs/api."""
    return {name: _document(api, _routes(function)) for name, (function, api) in APIS.items()}


def text(document: Document) -> str:
    """Return a document as it is kept in docs/api."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _routes(function: str) -> HttpApi:
    """Import the function with the environment of the template; nothing is called."""
    found = Wiring(Account.of_template(lambda: START), PARAMETERS).functions()[function]
    with mock.patch.dict(os.environ, {**found.environment, "AWS_DEFAULT_REGION": "eu-west-1"}):
        api: HttpApi = importlib.import_module(found.module).api
    return api


def _document(api: Api, routes: HttpApi) -> Document:
    paths: dict[str, dict[str, Any]] = {}
    for route in routes._static_routes + routes._dynamic_routes:
        path, name = re.sub(r"<(\w+)>", r"{\1}", route.path), route.func.__name__
        paths.setdefault(path, {})[route.method.lower()] = _operation(api, name, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"jiuwu-connect {api.title}", "version": "1", "description": api.description},
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.{domain}",
                "variables": {
                    "api": {"default": "abcde12345"},
                    "region": {"default": "eu-west-1"},
                    "domain": {"default": "amazonaws.com", "enum": ["amazonaws.com", "amazonaws.com.cn"]},
                },
            }
        ],
        "security": [{"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": api.scheme}},
            "schemas": _schemas(api),
        },
    }


def _operation(api: Api, name: str, path: str) -> dict[str, Any]:
    operation = api.operations[name]
    made: dict[str, Any] = {"operationId": name, "summary": operation.summary}
    if operation.description:
        made["description"] = operation.description
    if parameters := _parameters(operation, path):
        made["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": _reference(operation.body)}}
        made["requestBody"] = {"required": True, "content": content}
    replies = {str(status): _reply(*reply) for status, reply in operation.replies.items()}
    errors = {str(status): _error(operation, status, reasons) for status, reasons in operation.reasons.items()}
    made["responses"] = dict(sorted((replies | errors).items()))
    return made | ({"security": []} if name in api.public else {})


def _parameters(operation: Operation, path: str) -> list[dict[str, Any]]:
    text = {"type": "string"}
    named = [{"name": n, "in": "path", "required": True, "schema": text} for n in re.findall(r"{(\w+)}", path)]
    query = [
        {"name": n, "in": "query", "required": False, "description": what, "schema": text}
        for n, what in operation.query.items()
    ]
    headers = [
        {"name": n, "in": "header", "required": False, "description": what, "schema": text}
        for n, what in operation.headers.items()
    ]
    return [*named, *query, *headers, *([_KEY] if operation.idempotent else [])]


def _reply(description: str, kind: type | None) -> dict[str, Any]:
    if kind is None:
        location = {"description": "跳转到哪里", "schema": {"type": "string"}}
        return {"description": description, "headers": {"Location": location}}
    return {"description": description, "content": {"application/json": {"schema": _reference(kind)}}}


def _error(operation: Operation, status: int, reasons: list[str]) -> dict[str, Any]:
    narrowed = {"properties": {"code": {"const": status}, "reason": {"enum": reasons}}}
    content: dict[str, Any] = {"application/json": {"schema": {"allOf": [_reference(Error), narrowed]}}}
    if operation.page:
        content["text/html"] = {"schema": {"type": "string"}}
    made: dict[str, Any] = {"description": "、".join(reasons), "content": content}
    return made | ({"headers": _RETRY_AFTER} if status in {429, 503} else {})


def _reference(kind: Any) -> dict[str, Any]:  # noqa: ANN401 -- a type
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _schemas(api: Api) -> dict[str, Any]:
    kinds = [kind for one in api.operations.values() for _, kind in one.replies.values() if kind is not None]
    kinds += [Error, *(one.body for one in api.operations.values() if one.body is not None)]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    for schema in schemas.values():
        # the types' docstrings are for those who read the code
        schema.pop("description", None)
    if "NewRefund" in schemas:
        schemas["NewRefund"]["not"] = {"required": ["amount", "amount_fen"]}
    return dict(sorted(schemas.items()))
