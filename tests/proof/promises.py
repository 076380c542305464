"""What must be true of a world when nothing is left to do, whatever happened in it: docs/proof.md's promises."""

from collections.abc import Iterator

from jiuwu.members.encryption import TokenCipher
from jiuwu.members.grants import Grants
from jiuwu.orders.effect_key import Ship
from jiuwu.orders.effect_rules import MAY_HAVE_SHIPPED
from jiuwu.orders.order import Order, Status
from jiuwu.runtime import Runtime
from sandbox.simulation.aws.sqs import QueuedMessage
from sandbox.simulation.world.world import APP_SECRET, MERCHANT_KEY
from sandbox.simulator.orders import Order as Theirs
from tests.proof.stage import Stage

# Queues where a message at rest is nothing lost: nobody reads the one, and a run that died is noted in the other.
_MAY_REST = {"CommunityQueue", "FailedRuns"}
# What a schedule queued at this very moment is about to be done.
_FRESH_SECONDS = 60.0


def broken(stage: Stage, *, failed_permanently: str = "") -> list[str]:
    """Every promise that does not hold, in words; `failed_permanently` is the kind of effect expected to."""
    return [
        *_orders(stage, failed_permanently),
        *_parcels(stage),
        *_queues(stage),
        *_members(stage),
        *_secrets(stage),
        *_errors(stage),
    ]


def _orders(stage: Stage, failed_permanently: str) -> Iterator[str]:
    ours = stage.orders()
    theirs = {order.number: order for order in stage.world.platform.state.orders}
    for number in sorted(ours.keys() - theirs.keys()):
        if ours[number].status is not Status.CANCELLED or ours[number].ledger:
            yield f"{number} is {ours[number].status} here and unknown there"
    yield from (f"{number} is unknown here" for number in sorted(theirs.keys() - ours.keys()))
    for number in sorted(ours.keys() & theirs.keys()):
        yield from (f"{number}: {problem}" for problem in _both(ours[number], theirs[number], failed_permanently))


def _both(ours: Order, theirs: Theirs, failed_permanently: str) -> Iterator[str]:
    payments = {one.transaction_id: one.amount_fen for one in theirs.payments if one.amount_fen}
    refunds = {one.refund_id: -one.amount_fen for one in theirs.given_back}
    # a payment of 0.00 moves nothing: one that comes for a cancelled order for points is not booked
    if (booked := [(entry.ref, entry.fen) for entry in ours.payments if entry.fen]) != sorted_like(booked, payments):
        yield f"payments booked {booked}, there {payments}"
    if (booked := [(entry.ref, entry.fen) for entry in ours.refunds]) != sorted_like(booked, refunds):
        yield f"refunds booked {booked}, there {refunds}"
    if ours.pending:
        yield f"still to be done: {', '.join(map(str, ours.pending))}"
    dead = [key for key, effect in ours.effects if effect.failure and key.kind != failed_permanently]
    # one that failed at the platform is a person's to ask for again, and goes out under another number
    if dead := [key for key in dead if not dict(ours.effects)[key].refund_failed]:
        yield f"failed permanently: {', '.join(map(str, dead))}"
    if (
        ours.status.as_remote != theirs.status and ours.status is not Status.HELD
    ):  # a held order is a person's to decide
        yield f"{ours.status} here, {theirs.status} there"


def sorted_like(booked: list[tuple[str, int]], there: dict[str, int]) -> list[tuple[str, int]]:
    """The other side's money as a list in the sequence of ours; what we lack comes last."""
    known = [ref for ref, _ in booked if ref in there]
    return [(ref, there[ref]) for ref in dict.fromkeys([*known, *there])]


def _parcels(stage: Stage) -> Iterator[str]:
    ids: dict[str, set[str]] = {}
    for parcel in stage.parcels:
        ids.setdefault(parcel["detail"]["order_no"], set()).add(parcel["detail"]["effect_id"])
    for number, order in stage.orders().items():
        effect = order.effect(Ship())
        due = order.status in (Status.SHIPPED, Status.COMPLETED)
        if len(ids.get(number, ())) > 1:
            yield f"{number} is two parcels: {sorted(ids[number])}"
        if due and number not in ids:
            yield f"{number} is {order.status}, and nothing was sent"
        told = order.has_history(MAY_HAVE_SHIPPED)
        if number in ids and not (effect and effect.done_at) and not told:
            yield f"{number} was sent, and does not know it"
    yield from (f"{number} was sent, and is no order" for number in ids.keys() - stage.orders().keys())


def _queues(stage: Stage) -> Iterator[str]:
    for queue in stage.world.account.queues.values():
        bodies = [held.body[:200] for held in queue.messages.values() if not _on_its_way(held, stage.world.clock.now)]
        if bodies and queue.name not in _MAY_REST:
            yield f"{queue.name} still holds {len(bodies)}: {bodies[0]}"
    if waiting := stage.world.platform.notifier.waiting:
        yield f"{waiting} notifications were never taken"


def _on_its_way(held: QueuedMessage, now: float) -> bool:
    """Sent a moment ago, or to be read later by plan."""
    planned = not held.receives and held.visible_at > now
    return planned or held.sent_at > now - _FRESH_SECONDS


def _members(stage: Stage) -> Iterator[str]:
    dynamodb, kms = (stage.world.account.client(service) for service in ("dynamodb", "kms"))
    platform = stage.world.platform.state.grants
    for row in stage.world.account.tables["MembersTable"].rows.values():
        member_id = row.item["member_id"]["S"]
        grant = Grants(dynamodb, "MembersTable", runtime=Runtime(clock=stage.world.clock)).read(member_id)
        if grant is None or grant.status == "unlinked":
            continue
        if grant.status != "active":
            yield f"{member_id} was logged out: {grant.status}"
            continue
        seal = TokenCipher(kms, "TokenKey")
        access, refresh = (seal.open(member_id, one) for one in (grant.tokens.access, grant.tokens.refresh))
        held = platform.grants[platform.access[access].grant_id]
        if held.revoked or refresh not in {held.refresh, held.previous}:
            yield f"{member_id}: the platform does not take our tokens any more"
        if grant.tokens.expires_at <= stage.world.clock.now:
            yield f"{member_id}: the token is past its time and was not renewed"


def _secrets(stage: Stage) -> Iterator[str]:
    """No token, code, session or secret in a table, a queue, a dead letter or a log line."""
    grants = stage.world.platform.state.grants
    secrets = {*grants.access, *grants.refresh, *grants.codes, stage.lan.session, APP_SECRET, MERCHANT_KEY} - {""}
    for where, text in _texts(stage):
        if any(secret in text for secret in secrets):
            yield f"a secret stands in {where}"


def _texts(stage: Stage) -> Iterator[tuple[str, str]]:
    for table in stage.world.account.tables.values():
        yield table.name, " ".join(repr(row.item) for row in table.rows.values())
    for queue in stage.world.account.queues.values():
        yield queue.name, " ".join(held.body + repr(held.attributes) for held in queue.messages.values())
    yield "the log", repr(stage.world.telemetry.lines)


def _errors(stage: Stage) -> Iterator[str]:
    for (function, kind), count in stage.world.errors.items():
        if kind != "Killed":
            yield f"{function} failed {count} times: {kind}"
