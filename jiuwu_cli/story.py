"""The story of one order as lines in time: what its item remembers, what was logged, what was given up, what differed.

Pure: plain values in, moments out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.orders.business_day import day_of
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Order
from jiuwu.orders.outcomes import effect_state
from jiuwu.platform.money import yuan
from jiuwu_cli import held, moments
from jiuwu_cli.order_log import Entry
from jiuwu_cli.texts import counted

_FURNITURE = {"level", "location", "message", "timestamp", "service", "function", "xray_trace_id", "exception_name"}
_FURNITURE |= {"exception", "stack_trace", "order_no", "order_nos"}
# Kinds of moments in which nothing happened to the order: a run of them is counted.
_NOTHING_HAPPENED = {"look", "drift"}
# How a line of the history begins that only asks for a look.
_LOOK = "look:"


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
    order: Order | None, entries: Iterable[Entry], letters: Iterable[DeadLetter], drift: Iterable[Difference]
) -> list[Moment]:
    """All that is known of the order, oldest first."""
    lines = list(entries)
    accepted = {entry.said.get("delivery_id") for entry in lines if entry.said.get("message") == "notification"}
    delivered = {
        entry.said.get("event_id"): entry.said["delivery_id"]
        for entry in lines
        if entry.said.get("outcome") == "applied" and entry.said.get("delivery_id")
    }
    known = {happened.cause for happened in order.history if happened.cause} if order else set[str]()
    told = [
        *(_happened(order, {e: d for e, d in delivered.items() if d not in accepted}) if order else ()),
        *(moment for entry in lines if (moment := _logged(entry, known, delivered))),
        *(_letter(letter) for letter in letters),
        *(Moment(one.at, "drift", f"{one.class_}: {one.evidence}") for one in drift),
    ]
    return sorted(told, key=_in_time)


def _in_time(moment: Moment) -> tuple[int, bool, float]:
    # the history knows whole seconds only: within one, a notification comes before what it did
    return int(moment.at), moment.kind != "notification", moment.at


def folded(story: Iterable[Moment]) -> Iterator[Moment]:
    """Yield the story with equal moments in a row as one, counted; so are those in which nothing happened to the
    order."""
    run: dict[tuple[str, str], list[Moment]] = {}
    for moment in story:
        key = (moment.kind, moment.what)
        quiet = {moment.kind, *(kind for kind, _ in run)} <= _NOTHING_HAPPENED
        if not quiet and key not in run:
            yield from _counted(run)
            run = {}
        run.setdefault(key, []).append(moment)
    yield from _counted(run)


def _counted(run: Mapping[tuple[str, str], list[Moment]]) -> Iterator[Moment]:
    for first, *more in run.values():
        last = f", {len(more) + 1} times, last {moments.clock(more[-1].at)}" if more else ""
        day = f" on {day_of(more[-1].at)}" if more and day_of(more[-1].at) != day_of(first.at) else ""
        yield replace(first, what=f"{first.what}{last}{day}")


def _happened(order: Order, delivered: Mapping[Any, str]) -> Iterator[Moment]:
    yield Moment(order.created_at, "order", "made here")
    for happened in order.history:
        if happened.what.startswith(_LOOK):
            yield Moment(happened.at, "look", f"wanted: {happened.what.removeprefix(_LOOK)}")
            continue
        by = f" by {happened.cause}{_delivery(delivered.get(happened.cause))}" if happened.cause else ""
        yield Moment(happened.at, "order", f"{_named(happened.what)}{by}")


def _named(what: str) -> str:
    """A step as the history has it; its fen as yuan, like every other amount here."""
    asked, _, fen = what.partition(":")
    return f"{asked} {yuan(int(fen))} yuan" if asked == "refund_asked" and fen.isdigit() else what


def _logged(entry: Entry, known: set[str], delivered: Mapping[Any, str]) -> Moment | None:
    said = entry.said
    if said.get("message") == "dead letter":
        return None  # the letters themselves are read
    if said.get("message") == "order event" and said.get("outcome") == "applied" and said.get("event_id") in known:
        return None  # the history has it, and may be older than the log
    return Moment(entry.at, *_kind_and_what(said, delivered))


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
        case "storefront" | "back office" as door if said.get("outcome") == "looked":
            who = "the member" if door == "storefront" else "the merchant"
            return "look", f"by {who}" + (f": {said['status']}" if said.get("status") else "")
    return "log", f"{said.get('message', '')} {_rest(said)}".rstrip()


def _notification(said: Mapping[str, Any]) -> str:
    """Describe an accepted notification; a quarantined one gets the success reply as well."""
    line = f"{said.get('event_type', '')} {said.get('event_id', '')} {said.get('outcome', '')}, answered 200".strip()
    return line + _delivery(said.get("delivery_id"))


def _event(said: Mapping[str, Any], delivered: Mapping[Any, str]) -> str:
    """Describe an order event. A suppressed duplicate names its twin, and both deliveries where they are known."""
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


def _letter(letter: DeadLetter) -> Moment:
    tries = counted(letter.attempts, "try", "tries")
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
        of = f" of {entry.of}" if entry.of and len(order.payments) > 1 else ""
        answers = f" for {_label(order, entry.asked)}" if entry.asked else ""
        doubt = ", not shown by the platform: counts for nothing" if entry.doubted_at else ""
        yield f"  {_time(entry.at)}  {yuan_signed(entry.fen):>10}  {entry.ref}{of}{answers}{doubt}"
    for refund in order.unbooked:
        yield f"  {_time(refund.at)}  {yuan(refund.fen):>10}  {refund.ref} {refund.status}, not booked"
    if order.effects:
        yield "effects:"
    for name, effect in order.effects:
        reason = order.reason(name)
        state = _state(effect, effect_state(order, name))
        yield f"  {_label(order, name)}  {state}" + (f", {reason!r}" if reason else "")


def _label(order: Order, name: str) -> str:
    """Return an effect's name as calls, logs and the platform number it, without the order's own number."""
    return effect_id(order.order_no, name).partition(":")[2]


def _price(order: Order) -> str:
    return counted(order.points, "point") if order.points else f"{yuan(order.amount_fen)} yuan"


def _state(effect: Effect, state: str) -> str:
    tries = counted(effect.attempts, "try", "tries")
    part = f"{yuan(effect.fen)} yuan " if effect.fen else ""
    if state == "processing":
        return f"{part}taken {_time(effect.done_at)}, not given back yet"
    if state == "failed":
        return f"{part}failed at the platform; ask again by `jiuwu refund`"
    if effect.done_at:
        return f"{part}done {_time(effect.done_at)}" + (f", {tries}" if effect.attempts > 1 else "")
    if effect.dead:
        return f"{part}given up after {tries}: {effect.dead}"
    later = f", next {_time(effect.next_at)}" if effect.next_at else ""
    return f"{part}pending, {tries}{later}"


def _time(at: float) -> str:
    return f"{day_of(at)} {moments.clock(at)}"


def yuan_signed(fen: int) -> str:
    """+12.34 or -12.34."""
    return ("-" if fen < 0 else "+") + yuan(abs(fen))


def as_json(order: Order | None, story: Iterable[Moment]) -> dict[str, Any]:
    """The same for programs; amounts in fen, times in Unix seconds."""
    return {"order": asdict(order) if order else None, "story": [asdict(moment) for moment in story]}
