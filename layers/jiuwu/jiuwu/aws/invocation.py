"""The payload of a function without HTTP: a schedule's event, a batch of its queue, or the few fields of a person."""

from collections.abc import Mapping
from typing import Any, TypeGuard


class WrongPayload(Exception):
    """The payload is no event of a schedule or of SQS, nor what the function takes by hand; says what is wrong with it.

    Raised, so that an invocation by hand shows that it failed.
    """


def is_batch(event: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether this is an SQS event."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    return isinstance(first, dict) and first.get("eventSource") == "aws:sqs"


def is_scheduled_event(event: object, *names: str) -> TypeGuard[Mapping[str, Any]]:
    """Return whether this is a schedule's event; one that has a field of these `names` is a person's."""
    return isinstance(event, dict) and event.get("source") == "aws.events" and not event.keys() & set(names)


def fields(event: object, *names: str) -> Mapping[str, Any]:
    """Return what a person gave, of the fields with these `names`; nothing for a schedule's event.

    Raise WrongPayload for any other field.
    """
    if not isinstance(event, dict):
        raise WrongPayload(f"expected {{}} or an object with {', '.join(names)}")
    if is_scheduled_event(event, *names):
        return {}
    if unknown := sorted(str(name)[:50] for name in event if name not in names):
        raise WrongPayload(f"unknown field {unknown[0]!r}; expected {', '.join(names)}")
    return event
