"""The queues of template.yaml and the functions that read them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_VISIBILITY = 30  # seconds; SQS' own, where the template says nothing


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its reader; times in seconds. `function` is empty where no function reads it, `max_receives` 0 where
    messages never move to a dead-letter queue, `max_concurrency` 0 where nothing limits it."""

    name: str
    visibility: int
    retention: int
    max_receives: int
    dead_letters: str
    function: str = ""
    batch: int = 0
    window: int = 0
    max_concurrency: int = 0


def queues(template: Mapping[str, Any]) -> list[Queue]:
    """Return all queues in the template's sequence."""
    readers = dict(_readers(template))
    found = template["Resources"].items()
    return [
        _queue(name, resource.get("Properties", {}), readers.get(name, {}))
        for name, resource in found
        if resource["Type"] == "AWS::SQS::Queue"
    ]


def _queue(name: str, properties: Mapping[str, Any], reader: Mapping[str, Any]) -> Queue:
    redrive = properties.get("RedrivePolicy", {})
    return Queue(
        name,
        visibility=properties.get("VisibilityTimeout", _DEFAULT_VISIBILITY),
        retention=properties["MessageRetentionPeriod"],
        max_receives=redrive.get("maxReceiveCount", 0),
        dead_letters=redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] if redrive else "",
        **reader,
    )


def _readers(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each queue that a function reads, and the settings of its event source."""
    for name, resource in template["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "SQS":
                source = event["Properties"]
                yield source["Queue"]["Fn::GetAtt"][0], {"function": name, **_reader(template, source)}


def _reader(template: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, int]:
    return {
        "batch": source["BatchSize"],
        "window": source.get("MaximumBatchingWindowInSeconds", 0),
        "max_concurrency": _number(template, source.get("ScalingConfig", {}).get("MaximumConcurrency", 0)),
    }


def _number(template: Mapping[str, Any], value: Any) -> int:  # noqa: ANN401 -- a number, or a parameter's name
    return int(template["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)
