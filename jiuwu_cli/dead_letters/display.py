"""Format dead letters for people and for programs."""

import json
from dataclasses import fields
from typing import Any

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import INTAKE
from jiuwu.platform.decoding import decode
from jiuwu_cli.terminal import times
from jiuwu_cli.terminal.output import print_line
from jiuwu_cli.terminal.texts import pluralize

_NOT_IN_SUMMARY = {"body", "messages", "version"}


def summary(dead_letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter as JSON values, without its body and without empty fields."""
    names = [
        name
        for name in ("dead_letter_id", *(field.name for field in fields(dead_letter)))
        if name not in _NOT_IN_SUMMARY
    ]
    values = {name: getattr(dead_letter, name) for name in names}
    return {name: value for name, value in values.items() if value} | {"state": dead_letter.state}


def body_text(body: bytes) -> str:
    """Return the body as text, with bytes that are not UTF-8 escaped."""
    return body.decode("utf-8", "backslashreplace")


def line(dead_letter: DeadLetter) -> str:
    """Return a dead letter as one line of a list."""
    attempts = pluralize(dead_letter.attempts, "attempt")
    last = times.format_time(dead_letter.last_at)
    columns = f"{dead_letter.dead_letter_id}  {last}  {dead_letter.kind:<11}  {dead_letter.state:<10}  {attempts:<11}"
    return f"{columns}  {_subject(dead_letter)}  {dead_letter.detail}"


def _subject(dead_letter: DeadLetter) -> str:
    what = (
        dead_letter.effect
        or dead_letter.event_type
        or ("(unreadable)" if dead_letter.source == INTAKE else "(no type)")
    )
    return f"{what} {dead_letter.order_no or dead_letter.event_id}".rstrip()


def print_details(dead_letter: DeadLetter) -> None:
    """Print the facts, the headers and the body of a dead letter."""
    for name, value in _facts(dead_letter).items():
        if value:
            print_line(f"{name:<13} {value}")
    for name, value in _headers(dead_letter).items():
        print_line(f"{name}: {value}")
    print_line()
    for text in _indented(dead_letter.body).splitlines():
        print_line(text)


def _facts(dead_letter: DeadLetter) -> dict[str, str]:
    redriven = (
        f"{times.format_time(dead_letter.redriven_at)} as {dead_letter.redriven_as}" if dead_letter.redrives else ""
    )
    return {
        "id": dead_letter.dead_letter_id,
        "kind": dead_letter.kind,
        "state": dead_letter.state,
        "reason": dead_letter.reason,
        "failed in": dead_letter.function,
        "queue": dead_letter.source,
        "attempts": f"{dead_letter.attempts} in {pluralize(dead_letter.failures, 'failure')}",
        "first": times.format_time(dead_letter.first_at),
        "last": times.format_time(dead_letter.last_at),
        "event": f"{dead_letter.event_type} {dead_letter.event_id}".strip(),
        "order": dead_letter.order_no,
        "effect": dead_letter.effect,
        "delivery": dead_letter.delivery_id,
        "redriven": redriven,
        "redriven from": dead_letter.redriven_from,
    }


def _headers(dead_letter: DeadLetter) -> dict[str, Any]:
    try:
        found = json.loads(dead_letter.headers or "{}")
    except ValueError:
        return {"headers": dead_letter.headers}
    return found if isinstance(found, dict) else {"headers": dead_letter.headers}


def _indented(body: bytes) -> str:
    try:
        return json.dumps(decode(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body_text(body)
