"""Checks over everything beside the orders: messages, the statement, members, secrets and answers."""

from collections.abc import Iterator

from jiuwu.orders.order import HoldReason, Status
from sandbox.invariants.facts import Facts, never_sent


def no_dead_letters(facts: Facts) -> Iterator[str]:
    """Yield kinds of dead letters, and dead-letter queues, that are not empty."""
    yield from (f"{name}: {count}" for name, count in facts.dead_letters.items() if count)


def nothing_under_way(facts: Facts) -> Iterator[str]:
    """Yield what is still under way."""
    yield from (f"{count} {name}" for name, count in facts.unsettled.items() if count)


def forgeries_rejected(facts: Facts) -> Iterator[str]:
    """Yield HTTP statuses other than 4xx that forged notifications got.

    No reply in time is no evidence: a forgery that was accepted would show in an order's money.
    """
    for status, count in facts.forged.items():
        if status and not 400 <= status < 500:
            yield f"{count} forged notifications got HTTP {status}"


def statement_agrees(facts: Facts) -> Iterator[str]:
    """Yield contradictions between the day's statement and the orders; it may only name orders that are held."""
    if facts.statement is None:
        return
    if not facts.statement:
        yield "there is no statement"
        return
    ours, theirs = facts.statement["total"]["here"], facts.statement["total"]["there"]
    for name in ("paid_fen", "refunded_fen"):
        if ours[name] != theirs[name]:
            yield f"the statement counts {name} {ours[name]} here, {theirs[name]} there"
    if not facts.statement["complete"]:
        yield f"the statement is not complete: {facts.statement['problems'][:3]}"
    orders = facts.local.values()
    held = sum(order.status is Status.HELD and order.hold_reason is not HoldReason.SHORT for order in orders)
    if facts.statement["orders_differing"] != held:
        yield f"the statement has {facts.statement['orders_differing']} orders that differ; {held} are held"
    sent = sum(not never_sent(order) for order in orders)
    if theirs["orders"] != sent:
        yield f"the statement has {theirs['orders']} orders; there are {sent}"


def points_add_up(facts: Facts) -> Iterator[str]:
    """Yield members whose points balance is not the sum of its entries, or below zero."""
    for member, points in facts.points.items():
        if points.balance != points.booked or points.balance < 0:
            yield f"{member}: {points.balance} points, the entries add up to {points.booked}"


def members_stay_logged_in(facts: Facts) -> Iterator[str]:
    """Yield members whose grant ended, or whose tokens are expired or refused, though nobody ended it."""
    for member, grant in facts.grants.items():
        if grant.status != "active":
            yield f"{member}: the grant is {grant.status}"
        elif not grant.accepted:
            yield f"{member}: the platform does not accept the tokens"
        elif grant.expires_at <= facts.now:
            yield f"{member}: the access token has expired and was not renewed"


def no_secret_in_plain_text(facts: Facts) -> Iterator[str]:
    """Yield places in which a token, code, session or key stands."""
    for place, text in facts.texts.items():
        if any(secret in text for secret in facts.secrets):
            yield f"a secret stands in {place}"


def answers_are_clear(facts: Facts) -> Iterator[str]:
    """Yield answers that no member should get."""
    yield from facts.errors


def no_invocation_failed(facts: Facts) -> Iterator[str]:
    """Yield functions whose invocations failed, with the kind of error."""
    yield from (f"{name}: {count} times" for name, count in facts.failed_invocations.items() if count)
