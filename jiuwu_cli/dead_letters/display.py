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


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter as JSON values, without its body and without empty fields."""
    names = [
        name for name in ("dead_letter_id", *(field.name for field in fields(letter))) if name not in _NOT_IN_SUMMARY
    ]
    values = {name: getattr(letter, name) for name in names}
    return {name: value for name, value in values.items() if value} | {"state": letter.state}


def body_text(body: bytes) -> str:
    """Return the body as text, with bytes that are not UTF-8 escaped."""
    return body.decode("utf-8", "backslashreplace")


def line(letter: DeadLetter) -> str:
    """Return a dead letter as one line of a list."""
    attempts = pluralize(letter.attempts, "attempt")
    last = times.format_time(letter.last_at)
    columns = f"{letter.dead_letter_id}  {last}  {letter.kind:<11}  {letter.state:<10}  {attempts:<11}"
    return f"{columns}  {_subject(letter)}  {letter.detail}"


def _subject(letter: DeadLetter) -> str:
    what = letter.effect or letter.event_type or ("(unreadable)" if letter.source == INTAKE else "(no type)")
    return f"{what} {letter.order_no or letter.event_id}".rstrip()


def print_details(letter: DeadLetter) -> None:
    """Print the facts, the headers and the body of a dead letter."""
    for name, value in _facts(letter).items():
        if value:
            print_line(f"{name:<13} {value}")
    for name, value in _headers(letter).items():
        print_line(f"{name}: {value}")
    print_line()
    for text in _indented(letter.body).splitlines():
        print_line(text)


def _facts(letter: DeadLetter) -> dict[str, str]:
    redriven = f"{times.format_time(letter.redriven_at)} as {letter.redriven_as}" if letter.redrives else ""
    return {
        "id": letter.dead_letter_id,
        "kind": letter.kind,
        "state": letter.state,
        "reason": letter.reason,
        "failed in": letter.function,
        "queue": letter.source,
        "attempts": f"{letter.attempts} in {pluralize(letter.failures, 'failure')}",
        "first": times.format_time(letter.first_at),
        "last": times.format_time(letter.last_at),
        "event": f"{letter.event_type} {letter.event_id}".strip(),
        "order": letter.order_no,
        "effect": letter.effect,
        "delivery": letter.delivery_id,
        "redriven": redriven,
        "redriven from": letter.redriven_from,
    }


def _headers(letter: DeadLetter) -> dict[str, Any]:
    try:
        found = json.loads(letter.headers or "{}")
    except ValueError:
        return {"headers": letter.headers}
    return found if isinstance(found, dict) else {"headers": letter.headers}


def _indented(body: bytes) -> str:
    try:
        return json.dumps(decode(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body_text(body)
