"""Reconciler: compares both sides of every order that is due or has changed, and mends by rule or reports.

By schedule, or invoked with {"order_no": …} for one order now.
"""

from jiuwu.aws import boot  # first: it switches the collector off while the rest loads

# isort: split
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from jiuwu.aws import clients, settings, telemetry
from jiuwu.members.accounts import member_id_for
from jiuwu.trade import effects
from jiuwu.trade.mending import Mender
from jiuwu.trade.records import OVERLAP_SECONDS, Records
from jiuwu.trade.settings import TradeSettings
from jiuwu.trade.settling import Settler
from jiuwu.trade.store import OrderStore
from jiuwu.trade.sweep import Outcome, Sweep
from jiuwu.wiring import MembersPlatform

_ORDER_NO = re.compile(r"[\x21-\x7e]{1,64}")
# What changed a moment ago has its notification still on its way: a part of the time that an order may wait for news,
# never less than intake, queue and processor take on a slow day, and never so long that the next pass over the list of
# changes would begin after it.
_FRESH_PART, _FRESH_AT_LEAST, _FRESH_AT_MOST = 6, 3, OVERLAP_SECONDS // 2

Answer = dict[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    reconciliation_table: str
    effect_queue_url: str
    points_table: str


class WrongPayload(Exception):
    """The invocation's payload is neither a schedule's event nor {"order_no": "…"}; says what is wrong with it."""


class Context(Protocol):
    """Lambda's context, as far as a run needs it."""

    def get_remaining_time_in_millis(self) -> int: ...


class Reconciler(NamedTuple):
    """What a run needs."""

    settings: Settings
    store: OrderStore
    records: Records
    sqs: Any
    platform: MembersPlatform
    clock: Callable[[], float] = time.time


def handle(reconciler: Reconciler, event: object, left: Callable[[], float]) -> Answer:
    """The run's report, or what was found and done about one order; raises WrongPayload. `left`: seconds to the end."""
    order_no = _asked(event)
    if order_no is not None:
        return _one(order_no, _sweep(reconciler, left, fresh_seconds=0))
    started_at = reconciler.clock()
    patience = max(reconciler.settings.payment_check_seconds // _FRESH_PART, _FRESH_AT_LEAST)
    fresh_seconds = min(patience, _FRESH_AT_MOST)
    outcome = _sweep(reconciler, left, fresh_seconds=fresh_seconds).run(reconciler.records)
    report = outcome.report(int(started_at))
    record = reconciler.records.save_report(report, now=started_at)
    _tell(outcome)
    telemetry.logger.info("reconciled", record=record, looked_at=report.looked_at, drift=report.counts)
    return report.as_dict() | {"record": record, "transitions": dict(Counter(outcome.transitions))}


def _asked(event: object) -> str | None:
    """The order asked for; None when a schedule, or somebody with {}, asks for everything."""
    if not isinstance(event, dict):
        raise WrongPayload('expected {} or {"order_no": "…"}')
    if event == {} or (event.get("source") == "aws.events" and "order_no" not in event):
        return None
    if unknown := sorted(str(name)[:50] for name in event if name != "order_no"):
        raise WrongPayload(f"unknown field {unknown[0]!r}; expected order_no alone")
    order_no = event["order_no"]
    if not isinstance(order_no, str) or not _ORDER_NO.fullmatch(order_no):
        raise WrongPayload("order_no: expected the text of an order number, 1 to 64 visible ASCII characters")
    return order_no


def _one(order_no: str, sweep: Sweep) -> Answer:
    outcome = sweep.one(order_no)
    _tell(outcome)
    return {
        "order_no": order_no,
        "status": outcome.looked_at.get(order_no, "unknown"),
        "found": [{"class": finding.class_, "evidence": finding.evidence} for finding in outcome.findings],
        "did": outcome.transitions,
        "incomplete": bool(outcome.problems),
        "problems": outcome.problems,
    }


def _sweep(reconciler: Reconciler, left: Callable[[], float], *, fresh_seconds: int) -> Sweep:
    environment, clock = reconciler.settings, reconciler.clock
    policy = environment.policy
    settler = Settler(
        reconciler.store,
        Mender(policy, partial(member_id_for, environment.app_id)),
        queue=partial(effects.queue, reconciler.sqs, environment.effect_queue_url),
        clock=clock,
    )
    return Sweep(
        reconciler.store,
        settler,
        platform=lambda: reconciler.platform.client,
        place=partial(reconciler.platform.place, left=left),
        left=left,
        fresh_seconds=fresh_seconds,
        clock=clock,
    )


def _tell(outcome: Outcome) -> None:
    """Counts and logs what a run found; evidence is ids, states and fen only."""
    for class_, number in Counter(finding.class_ for finding in dict.fromkeys(outcome.findings)).items():
        telemetry.count("Drift", number, **{"class": class_})
    for transition, number in Counter(outcome.transitions).items():
        telemetry.count("OrderTransitions", number, transition=transition)
    if outcome.silent:
        telemetry.count("SilentWebhook")
        telemetry.logger.error("no notification came, though orders changed: is our URL registered at the platform?")
    for order_no, alert in outcome.alerts:
        telemetry.count("OrderAlerts", alert=alert)
        telemetry.logger.error("order", order_no=order_no, alert=alert)
    for problem in outcome.problems:
        telemetry.logger.warning("left for the next run", problem=problem)


def build(environment: Settings, platform: MembersPlatform, clock: Callable[[], float] = time.time) -> Reconciler:
    """The reconciler of an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    return Reconciler(
        environment,
        OrderStore(dynamodb, environment.orders_table),
        Records(dynamodb, environment.reconciliation_table),
        clients.client("sqs"),
        platform,
        clock,
    )


_settings = settings.load(Settings)
_reconciler = build(
    _settings,
    MembersPlatform(
        _settings,
        members_table=_settings.members_table,
        token_key_id=_settings.token_key_id,
        points_table=_settings.points_table,
    ),
)


def handler(event: object, context: Context) -> Answer:
    """Entry point for Lambda."""
    return handle(_reconciler, event, lambda: context.get_remaining_time_in_millis() / 1000)


boot.done()
