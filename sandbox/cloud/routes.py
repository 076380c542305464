"""Complete a deployment with what MiniStack does not do yet; delete each part when it does.

1.5.33 keeps the OpenAPI document that SAM makes of the HttpApi events, but makes no routes of it.
"""

from collections.abc import Iterator
from typing import Any

from sandbox.cloud import template
from sandbox.cloud.stack import Stack

# Two cores have no use for more: every further batch in flight is a further process, and its cold start takes a
# second of a core from those at work.
_BATCHES_IN_FLIGHT = 2


def connect(stack: Stack) -> None:
    """Add the template's HTTP routes to the deployed API, each to its function's alias."""
    api, gateway = stack.resources["Api"], stack.client("apigatewayv2")
    for function, keys in _route_keys().items():
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=stack.resources[f"{function}Aliaslive"],
            PayloadFormatVersion="2.0",
        )
        for key in keys:
            gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")


def narrow(stack: Stack) -> None:
    """Limit how many batches each queue's function takes at once, for a laptop."""
    functions = stack.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(
            UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": _BATCHES_IN_FLIGHT}
        )


def _route_keys() -> dict[str, list[str]]:
    functions = template.resources("AWS::Serverless::Function").items()
    found = {name: [_route_key(event) for event in _http_events(properties)] for name, properties in functions}
    return {name: keys for name, keys in found.items() if keys}


def _http_events(properties: template.Resource) -> Iterator[dict[str, Any]]:
    for event in properties.get("Events", {}).values():
        if event["Type"] == "HttpApi":
            yield event.get("Properties", {})


def _route_key(event: dict[str, Any]) -> str:
    return f"{event.get('Method', 'ANY').upper()} {event['Path']}" if "Path" in event else "$default"
