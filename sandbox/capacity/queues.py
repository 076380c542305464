"""The queues as template.yaml has them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_VISIBILITY = 30  # seconds; SQS' own, where the template says nothing


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and what reads it; times in seconds. `function` is empty where nothing does, `receives` is 0 where
    nothing is given up, `most_at_once` 0 where there is no limit."""

    name: str
    visibility: int
    retention: int
    receives: int
    dead_letters: str
    function: str = ""
    batch: int = 0
    window: int = 0
    most_at_once: int = 0


def of(template: Mapping[str, Any]) -> list[Queue]:
    """All queues, in the template's sequence."""
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
        receives=redrive.get("maxReceiveCount", 0),
        dead_letters=redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] if redrive else "",
        **reader,
    )


def _readers(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each queue that a function reads: the queue's name, and what the template says of the reading."""
    for name, resource in template["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "SQS":
                source = event["Properties"]
                yield (
                    source["Queue"]["Fn::GetAtt"][0],
                    {
                        "function": name,
                        "batch": source["BatchSize"],
                        "window": source.get("MaximumBatchingWindowInSeconds", 0),
                        "most_at_once": _number(template, source.get("ScalingConfig", {}).get("MaximumConcurrency", 0)),
                    },
                )


def _number(template: Mapping[str, Any], value: Any) -> int:  # noqa: ANN401 -- a number, or a parameter's name
    return int(template["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)
