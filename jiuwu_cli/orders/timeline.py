"""Build the history of one order from its item, the log, its dead letters and its drift, in order of time.

Pure: plain values in, moments out.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.orders.business_day import day_of
from jiuwu.orders.effect_key import EffectKey
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Order
from jiuwu.orders.outcomes import LOOKUP_NEEDED, effect_state
from jiuwu.platform.money import yuan
from jiuwu_cli.orders import hold_reasons
from jiuwu_cli.orders.log_search import Entry
from jiuwu_cli.terminal import times
from jiuwu_cli.terminal.texts import pluralize

_FURNITURE = {"level", "location", "message", "timestamp", "service", "function", "xray_trace_id", "exception_name"}
_FURNITURE |= {"exception", "stack_trace", "order_no", "order_nos"}
# Kinds of moments in which nothing happened to the order: a run of them is counted.
_NOTHING_HAPPENED = {"look", "drift"}
# What differs from one call to the next that ends alike.
_OF_ONE_CALL = re.compile(r" in \d+ ms|,? request id [^\s,)]+")
_LATER = "not done now, tried again later"
# Steps of effects in the history, by their detail: the effect's kind.
_DONE = {
    "push": "the platform took the new status",
    "refund": "the platform took the refund request",
    "points": "the points were booked",
}
_EFFECTS = {"push": "the new status for the platform", "refund": "the refund", "ship": "the ship request"}
_EFFECTS |= {"points": "the points"}
# Places within one second, of which the history knows no more: a call, then what it did, then what answers it.
_NOTIFIED, _HAPPENED, _DONE_BY_CALL, _ANSWER, _ANSWERED = range(5)
# A reference longer than this is shown by its last characters, so that a refund is one line of 80 columns.
_LONG_REFERENCE, _SHOWN_REFERENCE = 16, 8


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the timeline: when (Unix seconds), which kind of thing, and what."""

    at: float
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """A finding about the order, of a reconciler's run at this time (Unix seconds)."""

    at: float
    class_: str
    evidence: str


def build_timeline(
    order: Order | None, entries: Iterable[Entry], dead_letters: Iterable[DeadLetter], drift: Iterable[DriftFinding]
) -> list[TimelineEntry]:
    """All that is known of the order, oldest first."""
    lines = list(entries)
    accepted = {entry.said.get("delivery_id") for entry in lines if entry.said.get("message") == "notification"}
    delivered = {
        entry.said.get("event_id"): entry.said["delivery_id"]
        for entry in lines
        if entry.said.get("outcome") == "applied" and entry.said.get("delivery_id")
    }
    known = {entry.idempotency_key for entry in order.history} if order else set[str]()
    answers = {entry.by for entry in order.ledger if entry.answers} if order else set[str]()
    ranked = [
        *(_happened(order, {e: d for e, d in delivered.items() if d not in accepted}, answers) if order else ()),
        *((_rank(entry, answers), one) for entry in lines if (one := _logged(entry, known, delivered))),
        *((_HAPPENED, _dead_letter(dead_letter)) for dead_letter in dead_letters),
        *((_HAPPENED, TimelineEntry(one.at, "drift", f"{one.class_}: {one.evidence}")) for one in drift),
    ]
    return [moment for _, moment in sorted(ranked, key=_in_time)]


def _in_time(ranked: tuple[int, TimelineEntry]) -> tuple[int, int, float]:
    rank, moment = ranked
    return int(moment.at), rank, moment.at


def _rank(entry: Entry, answers: Container[str]) -> int:
    """Return the place of a log line within its second: a notification precedes what it did, and the answer to a
    refund of ours follows the request."""
    notified, answer = entry.said.get("message") == "notification", entry.said.get("event_id") in answers
    if notified:
        return _ANSWER if answer else _NOTIFIED
    return _ANSWERED if answer else _HAPPENED


def fold(timeline: Iterable[TimelineEntry]) -> Iterator[TimelineEntry]:
    """Yield the timeline with equal moments in a row as one, counted.

    So are those in which nothing happened to the order, such as the looks and the failed calls of an outage.
    """
    run: dict[tuple[str, str], list[TimelineEntry]] = {}
    for moment in timeline:
        key = (moment.kind, _OF_ONE_CALL.sub("", moment.what))
        quiet = _is_quiet(moment) and all(_is_quiet(first) for first, *_ in run.values())
        if not quiet and key not in run:
            yield from _counted(run)
            run = {}
        run.setdefault(key, []).append(moment)
    yield from _counted(run)


def _is_quiet(moment: TimelineEntry) -> bool:
    failed_call = moment.kind == "call" and " ok in " not in moment.what
    return moment.kind in _NOTHING_HAPPENED or failed_call or moment.what.startswith(_LATER)


def _counted(run: Mapping[tuple[str, str], list[TimelineEntry]]) -> Iterator[TimelineEntry]:
    for first, *more in run.values():
        last = f", {len(more) + 1} times, last {times.format_clock(more[-1].at)}" if more else ""
        day = f" on {day_of(more[-1].at)}" if more and day_of(more[-1].at) != day_of(first.at) else ""
        yield replace(first, what=f"{first.what}{last}{day}")


def _happened(
    order: Order, delivered: Mapping[Any, str], answers: Container[str]
) -> Iterator[tuple[int, TimelineEntry]]:
    yield _HAPPENED, TimelineEntry(order.created_at, "order", "made here")
    for happened in order.history:
        if happened.kind == LOOKUP_NEEDED:
            yield _HAPPENED, TimelineEntry(happened.at, "look", f"wanted: {happened.detail}")
            continue
        event = happened.idempotency_key
        by = f" by {event}{_delivery(delivered.get(event))}" if event else ""
        rank = _ANSWERED if event in answers else _HAPPENED
        rank = _DONE_BY_CALL if happened.kind == "effect_done" else rank
        yield rank, TimelineEntry(happened.at, "order", f"{_step(happened.kind, happened.detail)}{by}")


def _step(kind: str, detail: str) -> str:
    """Return a step of the history in words; its fen as yuan, like every other amount here."""
    match kind:
        case "refund_requested" if detail.isdigit():
            return f"refund of {yuan(int(detail))} yuan requested"
        case "effect_done":
            return _DONE.get(detail, f"{detail} done")
        case "effect_failed_permanently":
            return f"{_EFFECTS.get(detail, detail)} failed permanently"
        case "effect_missing_remotely":
            return f"{_EFFECTS.get(detail, detail)} is due once more"
    return kind.replace("_", " ") + (f": {detail}" if detail else "")


def _logged(entry: Entry, known: set[str], delivered: Mapping[Any, str]) -> TimelineEntry | None:
    said = entry.said
    if said.get("message") == "dead letter":
        return None  # the dead letters themselves are read
    if said.get("message") == "order event" and said.get("outcome") == "applied" and said.get("event_id") in known:
        return None  # the history has it, and may be older than the log
    return TimelineEntry(entry.at, *_kind_and_what(said, delivered))


def _kind_and_what(said: Mapping[str, Any], delivered: Mapping[Any, str]) -> tuple[str, str]:
    match said.get("message"):
        case "order event":
            return "event", _event(said, delivered)
        case "notification":
            return "notification", _notification(said)
        case "platform call":
            return "call", _call(said)
        case "effect":
            return "effect", _effect_line(said)
        case "storefront" | "back office" as door if said.get("outcome") == "shown":
            who = "the member" if door == "storefront" else "the merchant"
            return "look", f"by {who}" + (f": {said['status']}" if said.get("status") else "")
    return "log", _other(said)


def _other(said: Mapping[str, Any]) -> str:
    if said.get("message") == "left to the reconciler":
        return f"{_LATER}: {said.get('problem', '')}"  # by the member's next look, too
    return f"{said.get('message', '')} {_rest(said)}".rstrip()


def _notification(said: Mapping[str, Any]) -> str:
    """Describe an accepted notification; a quarantined one gets the success reply as well."""
    line = f"{said.get('event_type', '')} {said.get('event_id', '')} {said.get('outcome', '')}, answered 200".strip()
    return line + _delivery(said.get("delivery_id"))


def _event(said: Mapping[str, Any], delivered: Mapping[Any, str]) -> str:
    """Describe an order event. A suppressed duplicate names the event that it repeats, and both
    deliveries where they are known."""
    what = said.get("transition") or said.get("reason", "")
    line = f"{said.get('event_type', '')} {said.get('event_id', '')}{_delivery(said.get('delivery_id'))}".strip()
    line += f" {said.get('outcome', '')}: {what}"
    if original := said.get("duplicate_of"):
        line += f", duplicate of {original}{_delivery(said.get('duplicate_of_delivery_id') or delivered.get(original))}"
    more = {name: said[name] for name in ("detail", "alerts", "redriven_from") if said.get(name)}
    return line + "".join(f", {name} {_text(value)}" for name, value in more.items())


def _delivery(delivery_id: object) -> str:
    return f" (delivery {delivery_id})" if delivery_id else ""


def _call(said: Mapping[str, Any]) -> str:
    effect = f" of {_effect(said)}" if said.get("effect_id") else ""
    line = f"{said.get('call', '')}{effect} {said.get('outcome', '')} in {said.get('milliseconds', '?')} ms"
    return line + (f", request id {said['request_id']}" if said.get("request_id") else "")


def _effect_line(said: Mapping[str, Any]) -> str:
    rest = _rest({name: value for name, value in said.items() if name not in ("effect_id", "outcome", "reason")})
    reason = f": {said['reason']}" if said.get("reason") else ""
    return " ".join(filter(None, (_effect(said), f"{said.get('outcome', '')}{reason}", rest)))


def _effect(said: Mapping[str, Any]) -> str:
    # the number before it is the order's own, which stands above
    return str(said.get("effect_id", "")).partition(":")[2]


def _dead_letter(dead_letter: DeadLetter) -> TimelineEntry:
    tries = pluralize(dead_letter.attempts, "try", "tries")
    about = dead_letter.effect or f"{dead_letter.event_type} {dead_letter.event_id}"
    return TimelineEntry(
        dead_letter.last_at,
        "dead letter",
        f"{dead_letter.dead_letter_id} {dead_letter.kind}, {dead_letter.state}: {about}, {tries}: {dead_letter.detail}",
    )


def _rest(said: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in said.items() if name not in _FURNITURE and value not in (None, "")}
    return " ".join(f"{name}={_text(value)}" for name, value in shown.items())


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def head(order: Order) -> Iterator[str]:
    """Return the order as it is now: state and why it is held, lines, ledger, effects."""
    due = f", next check {times.format_time(order.due_at)}" if order.due_at else ""
    yield f"{order.order_no}  {order.status}, {_price(order)}{due}"
    yield from (f"  {line}" for line in hold_reasons.lines(order))
    yield f"  member {order.member_id}, at the platform {order.platform_order_no or '(not yet)'}"
    for line in order.lines:
        price = "" if order.points else f" at {yuan(line.price_fen)}"
        yield f"  {line.quantity} × {line.title} ({line.product_id}){price}"
    if order.ledger:
        yield f"ledger: {yuan_signed(order.balance_fen)} kept"
    for entry in order.ledger:
        of = f" of {_short(entry.of)}" if entry.of and len(order.payments) > 1 else ""
        answers = f" for {_label(order, entry.answers)}" if entry.answers else ""
        doubt = ", not shown by the platform: counts for nothing" if entry.doubted_at else ""
        yield f"  {_time(entry.at)}  {yuan_signed(entry.fen):>10}  {entry.ref}{of}{answers}{doubt}"
    for refund in order.unbooked:
        yield f"  {_time(refund.at)}  {yuan(refund.fen):>10}  {refund.ref} {refund.status}, not booked"
    if order.effects:
        yield "effects:"
    for key, effect in order.effects:
        reason = order.reason(key)
        state = _state(effect, effect_state(order, key))
        yield f"  {_label(order, key)}  {state}" + (f", {reason!r}" if reason else "")


def _label(order: Order, key: EffectKey) -> str:
    """Return an effect's name as calls, logs and the platform number it, without the order's own number; a long one
    by its end."""
    kind, colon, of = effect_id(order.order_no, key).partition(":")[2].partition(":")
    return f"{kind}{colon}{_short(of)}"


def _short(reference: str) -> str:
    return f"…{reference[-_SHOWN_REFERENCE:]}" if len(reference) > _LONG_REFERENCE else reference


def _price(order: Order) -> str:
    return pluralize(order.points, "point") if order.points else f"{yuan(order.amount_fen)} yuan"


def _state(effect: Effect, state: str) -> str:
    tries = pluralize(effect.attempts, "try", "tries")
    part = f"{yuan(effect.fen)} yuan " if effect.fen else ""
    if state == "processing":
        return f"{part}taken {_time(effect.done_at)}, not given back yet"
    if state == "failed":
        return f"{part}failed at the platform; ask again by `jiuwu refund`"
    if effect.done_at:
        return f"{part}done {_time(effect.done_at)}" + (f", {tries}" if effect.attempts > 1 else "")
    if effect.failure:
        return f"{part}given up after {tries}: {effect.failure}"
    later = f", next {_time(effect.next_at)}" if effect.next_at else ""
    return f"{part}pending, {tries}{later}"


def _time(at: float) -> str:
    """Return a moment without its year, which the days of the timeline have."""
    return f"{day_of(at)[5:]} {times.format_clock(at)}"


def yuan_signed(fen: int) -> str:
    """+12.34 or -12.34."""
    return ("-" if fen < 0 else "+") + yuan(abs(fen))


def as_json(order: Order | None, timeline: Iterable[TimelineEntry]) -> dict[str, Any]:
    """The same for programs; amounts in fen, times in Unix seconds."""
    return {"order": asdict(order) if order else None, "timeline": [asdict(moment) for moment in timeline]}
