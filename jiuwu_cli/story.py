"""The story of one order as lines in time: what its item remembers, what was logged, what was given up, what differed.

Pure: plain values in, moments out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jiuwu.letters.letters import Letter
from jiuwu.platform.money import yuan
from jiuwu.trade.orders import Effect, Order, effect_id, payment_of
from jiuwu_cli import held, moments
from jiuwu_cli.order_log import Entry

_FURNITURE = {"level", "location", "message", "timestamp", "service", "function", "xray_trace_id", "exception_name"}
_FURNITURE |= {"exception", "stack_trace", "order_no", "order_nos"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story: when (Unix seconds), which kind of thing, and what."""

    at: float
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a reconciler's run at this time (Unix seconds) found of the order."""

    at: float
    class_: str
    evidence: str


def moments_of(
    order: Order | None, entries: Iterable[Entry], letters: Iterable[Letter], drift: Iterable[Difference]
) -> list[Moment]:
    """All that is known of the order, oldest first."""
    lines = list(entries)
    delivered = {
        entry.said.get("event_id"): entry.said["delivery_id"]
        for entry in lines
        if entry.said.get("outcome") == "applied" and entry.said.get("delivery_id")
    }
    known = {happened.cause for happened in order.history if happened.cause} if order else set[str]()
    told = [
        *(_happened(order, delivered) if order else ()),
        *(moment for entry in lines if (moment := _logged(entry, known, delivered))),
        *(_letter(letter) for letter in letters),
        *(Moment(one.at, "drift", f"{one.class_}: {one.evidence}") for one in drift),
    ]
    return sorted(told, key=lambda moment: moment.at)


def _happened(order: Order, delivered: Mapping[Any, str]) -> Iterator[Moment]:
    yield Moment(order.created_at, "order", "made here")
    for happened in order.history:
        by = f" by {happened.cause}{_delivery(delivered.get(happened.cause))}" if happened.cause else ""
        yield Moment(happened.at, "order", f"{_named(happened.what)}{by}")


def _named(what: str) -> str:
    """A step as the history has it; its fen as yuan, like every other amount here."""
    asked, _, fen = what.partition(":")
    return f"{asked} {yuan(int(fen))} yuan" if asked == "refund_asked" and fen.isdigit() else what


def _logged(entry: Entry, known: set[str], delivered: Mapping[Any, str]) -> Moment | None:
    said = entry.said
    match said.get("message"):
        case "dead letter":
            return None  # the letters themselves are read
        case "order event" if said.get("outcome") == "applied" and said.get("event_id") in known:
            return None  # the history has it, and may be older than the log
        case "order event":
            return Moment(entry.at, "notification", _notification(said, delivered))
        case "platform call":
            return Moment(entry.at, "call", _call(said))
        case "effect":
            return Moment(entry.at, "effect", _effect_line(said))
    return Moment(entry.at, "log", f"{said.get('message', '')} {_rest(said)}".rstrip())


def _notification(said: Mapping[str, Any], delivered: Mapping[Any, str]) -> str:
    """A suppressed duplicate names its twin, and both deliveries where they are known."""
    what = said.get("transition") or said.get("reason", "")
    line = f"{said.get('event_type', '')} {said.get('event_id', '')}{_delivery(said.get('delivery_id'))}".strip()
    line += f" {said.get('outcome', '')}: {what}"
    if twin := said.get("twin"):
        line += f", twin {twin}{_delivery(said.get('twin_delivery_id') or delivered.get(twin))}"
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


def _letter(letter: Letter) -> Moment:
    tries = f"{letter.attempts} {'try' if letter.attempts == 1 else 'tries'}"
    about = letter.effect or f"{letter.event_type} {letter.event_id}"
    return Moment(
        letter.last_at,
        "dead letter",
        f"{letter.letter_id} {letter.kind}, {letter.state}: {about}, {tries}: {letter.reason}",
    )


def _rest(said: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in said.items() if name not in _FURNITURE and value not in (None, "")}
    return " ".join(f"{name}={_text(value)}" for name, value in shown.items())


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def head(order: Order) -> Iterator[str]:
    """What the order is now: state and why it is held, lines, ledger, effects."""
    due = f", looked at next {moments.shown(order.due_at)}" if order.due_at else ""
    yield f"{order.order_no}  {order.status}, {_price(order)}{due}"
    yield from (f"  {line}" for line in held.lines(order))
    yield f"  member {order.member_id}, at the platform {order.platform_order_no or '(not yet)'}"
    for line in order.lines:
        price = "" if order.points else f" at {yuan(line.price_fen)}"
        yield f"  {line.quantity} × {line.title} ({line.product_id}){price}"
    if order.ledger:
        yield f"ledger: {yuan_signed(order.balance_fen)} kept"
    for entry in order.ledger:
        of = f" of {entry.of}" if entry.of else ""
        answers = f" for {entry.asked}" if entry.asked else ""
        by = f", by {entry.by}" if entry.by else ""
        yield f"  {moments.shown(entry.at)}  {yuan_signed(entry.fen):>10}  {entry.ref}{of}{answers}{by}"
    if order.effects:
        yield "effects:"
    for name, effect in order.effects:
        reason = order.reason(name)
        why = f"; asked for because {reason!r}" if reason else ""
        yield f"  {name}  {_state(effect)}{why}{_refund(order, name, effect)}"


def _refund(order: Order, name: str, effect: Effect) -> str:
    """What belongs to a refund of ours: its number in calls, logs and at the platform, its payment, its bookings."""
    if not name.startswith("refund:"):
        return ""
    booked = ", ".join(refund.ref for refund in order.refunds if refund.asked == name)
    of = f"; refund number {effect_id(order.order_no, name)} of payment {payment_of(name, effect)}"
    return of + (f", booked as {booked}" if booked else "")


def _price(order: Order) -> str:
    return f"{order.points} points" if order.points else f"{yuan(order.amount_fen)} yuan"


def _state(effect: Effect) -> str:
    tries = f"{effect.attempts} {'try' if effect.attempts == 1 else 'tries'}"
    part = f"{yuan(effect.fen)} yuan, " if effect.fen else ""
    if effect.done_at:
        return f"{part}done {moments.shown(effect.done_at)}, {tries}"
    if effect.dead:
        return f"{part}given up after {tries}: {effect.dead}"
    later = f", next {moments.shown(effect.next_at)}" if effect.next_at else ""
    return f"{part}pending, {tries}{later}"


def yuan_signed(fen: int) -> str:
    """+12.34 or -12.34."""
    return ("-" if fen < 0 else "+") + yuan(abs(fen))


def as_json(order: Order | None, story: Iterable[Moment]) -> dict[str, Any]:
    """The same for programs; amounts in fen, times in Unix seconds."""
    return {"order": asdict(order) if order else None, "story": [asdict(moment) for moment in story]}
