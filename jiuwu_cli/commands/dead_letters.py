"""`jiuwu dead-letters`: the letters that DeadLetterKeeper kept, and sending them back once their cause is gone."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Any

import typer

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import INTAKE, Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.platform.decoding import decode
from jiuwu_cli.dead_letters.redrive import Redrive, send_all
from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal import options, times
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import Misuse, Problem
from jiuwu_cli.terminal.output import note, say
from jiuwu_cli.terminal.texts import counted

_MOST_SHOWN = 50

KindOption = Annotated[Kind | None, typer.Option("--kind", help="Only poison, exhausted or quarantined ones.")]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only those that died since 90m, 12h, 7d or a date (Asia/Shanghai).", metavar="TIME"),
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Only those whose reason begins so.", metavar="malformed: data.amount")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]

dead_letters = typer.Typer(
    name="dead-letters", help="What was given up: list it, look at it, send it back.", no_args_is_help=True
)


@dead_letters.command("list")
def list_(  # noqa: PLR0913 -- ways to choose
    *,
    kind: KindOption = None,
    since: Since = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were sent back.")] = False,
    as_json: Json = False,
    stack_name: options.StackName = None,
) -> None:
    """List dead letters, the latest first.

    Example:

    `jiuwu dead-letters list --kind quarantined --since 12h`
    """
    found = stack.find(stack_name)
    with stack.answering(found):
        letters = _chosen(found.shelf, kind, since, reason, everything=everything)
    if as_json:
        say(json.dumps([summary(letter) for letter in letters], ensure_ascii=False))
        return
    for letter in letters[:_MOST_SHOWN]:
        say(_line(letter))
    if len(letters) > _MOST_SHOWN:
        note(f"… and {len(letters) - _MOST_SHOWN} more: narrow it with --kind, --since or --reason, or use --json")
    if not letters:
        note("no dead letters" + ("" if everything else " that wait; --all shows those sent back, too"))


@dead_letters.command()
def show(
    letter: Annotated[str, typer.Argument(help="The letter's id.", metavar="LETTER")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Only the original bytes.")] = False,
    as_json: Json = False,
    stack_name: options.StackName = None,
) -> None:
    """Show one dead letter with its original bytes.

    They hold personal data: look at them here, and send them nowhere.

    Example:

    `jiuwu dead-letters show dl_k3v7q2m4xk3zb5n6`
    """
    found = stack.find(stack_name)
    with stack.answering(found):
        whole = _get(found.shelf, letter)
    if raw:
        sys.stdout.buffer.write(whole.body)
    elif as_json:
        say(json.dumps(summary(whole) | {"body": text_of(whole.body)}, ensure_ascii=False))
    else:
        _show(whole)


@dead_letters.command()
def redrive(  # noqa: PLR0913 -- ways to choose, and how
    letters: Annotated[list[str] | None, typer.Argument(help="Letters' ids.", metavar="[LETTER]...")] = None,
    *,
    kind: KindOption = None,
    since: Since = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    rate: Annotated[float, typer.Option("--rate", help="So many a second at most.", min=0.01, max=1000)] = 10,
    yes: options.Yes = False,
    stack_name: options.StackName = None,
) -> None:
    """Send dead letters back to where they died, under a new delivery id.

    What had been applied is not applied again. An effect that was given up gets a second life. It asks
    first; without a terminal it needs --yes.

    Examples:

    `jiuwu dead-letters redrive dl_k3v7q2m4xk3zb5n6`

    `jiuwu dead-letters redrive --kind exhausted --since 2h --rate 5 --yes`
    """
    if not letters and not (kind or since or reason):
        raise Misuse("nothing says which letters", "give their ids, or --kind, --since or --reason")
    if letters and (kind or since or reason):
        raise Misuse("letters and filters at once", "give one or the other")
    found = stack.find(stack_name)
    with stack.answering(found):
        shelf = found.shelf
        ids = letters or [letter.letter_id for letter in _chosen(shelf, kind, since, reason)]
        if ids and not (yes or dry_run):
            confirm(f"Send {counted(len(ids), 'letter')} back in {found.name}?")
        failed = send_all(Redrive(found), (_get(shelf, one) for one in ids), rate=rate, dry_run=dry_run)
    if failed:
        raise Problem(f"{failed} of {counted(len(ids), 'letter')} cannot be sent back", "each line above says why")
    if not ids:
        note("no dead letters that wait")


def summary(letter: DeadLetter) -> dict[str, Any]:
    """A letter for programs, without its body; empty fields are left out."""
    names = ["letter_id", *(field.name for field in fields(letter))]
    shown = {name: getattr(letter, name) for name in names if name not in ("body", "messages", "version")}
    return {name: value for name, value in shown.items() if value} | {"state": letter.state}


def text_of(body: bytes) -> str:
    """Bytes as text for a screen; what is no UTF-8 as escapes."""
    return body.decode("utf-8", "backslashreplace")


def about(letter: DeadLetter) -> str:
    """What a letter is about, in two words."""
    what = letter.effect or letter.event_type or ("(unreadable)" if letter.source == INTAKE else "(no type)")
    return f"{what} {letter.order_no or letter.event_id}".rstrip()


def _chosen(
    shelf: DeadLetterRepository, kind: Kind | None, since: str | None, reason: str | None, *, everything: bool = False
) -> list[DeadLetter]:
    after = times.since(since, time.time()) if since else 0
    kinds = [kind] if kind else list(Kind)
    found: Iterator[DeadLetter] = (letter for one in kinds for letter in shelf.of_kind(one, since=after))
    wanted = [
        letter
        for letter in found
        if any(text.startswith(reason or "") for text in (letter.reason, letter.detail))
        and (everything or letter.state != "redriven")
    ]
    return sorted(wanted, key=lambda letter: (letter.last_at, letter.letter_id), reverse=True)


def _get(shelf: DeadLetterRepository, letter_id: str) -> DeadLetter:
    # nothing else can be one, and DynamoDB refuses what is too long or empty
    whole = shelf.get(letter_id) if 0 < len(letter_id) <= 64 and letter_id.isascii() else None
    if whole is None:
        raise Problem(f"there is no letter {letter_id[:64]!r}", "`jiuwu dead-letters list --all` has their ids")
    return whole


def _line(letter: DeadLetter) -> str:
    tries = counted(letter.attempts, "try", "tries")
    fields = f"{letter.letter_id}  {times.shown(letter.last_at)}  {letter.kind:<11}  {letter.state:<10}  {tries:<9}"
    return f"{fields}  {about(letter)}  {letter.detail}"


def _show(letter: DeadLetter) -> None:
    rows = {
        "letter": letter.letter_id,
        "kind": letter.kind,
        "state": letter.state,
        "reason": letter.reason,
        "given up by": letter.function,
        "came from": letter.source,
        "attempts": f"{letter.attempts} in {counted(letter.failures, 'failure')}",
        "first": times.shown(letter.first_at),
        "last": times.shown(letter.last_at),
        "event": f"{letter.event_type} {letter.event_id}".strip(),
        "order": letter.order_no,
        "effect": letter.effect,
        "delivery": letter.delivery_id,
        "redriven": f"{times.shown(letter.redriven_at)} as {letter.redriven_as}" if letter.redrives else "",
        "from": letter.redriven_from,
    }
    for name, value in rows.items():
        if value:
            say(f"{name:<12} {value}")
    for name, value in _headers(letter).items():
        say(f"{name}: {value}")
    say()
    for line in _pretty(letter.body).splitlines():
        say(line)


def _headers(letter: DeadLetter) -> dict[str, Any]:
    try:
        found = json.loads(letter.headers or "{}")
    except ValueError:
        return {"headers": letter.headers}
    return found if isinstance(found, dict) else {"headers": letter.headers}


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(decode(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text_of(body)
