"""Whether a world kept the promises of docs/proof.md, once nothing is left to do: its facts for sandbox/invariants."""

from collections.abc import Iterator
from dataclasses import replace

from jiuwu.members.encryption import TokenCipher
from jiuwu.members.grants import Grants
from jiuwu.runtime import Runtime
from sandbox.invariants.checks import violations
from sandbox.invariants.facts import Facts, MemberGrant
from sandbox.simulation.audit import remote_orders
from sandbox.simulation.aws.sqs import QueuedMessage
from sandbox.simulation.world.world import APP_SECRET, MERCHANT_KEY
from tests.proof.stage import Stage

# Queues where a message at rest is nothing lost: nobody reads the one, and a run that crashed is noted in the other.
_MAY_REST = {"CommunityQueue", "FailedRuns"}
# What a schedule queued at this very moment is about to be done.
_FRESH_SECONDS = 60.0


def broken(stage: Stage, *, failed_permanently: str = "") -> list[str]:
    """Return every violation in words; `failed_permanently` is the kind of effect expected to."""
    return [str(one) for one in violations(replace(_facts(stage), expected_failure=failed_permanently))]


def _facts(stage: Stage) -> Facts:
    state = stage.world.platform.state
    secrets = {*state.grants.access, *state.grants.refresh, *state.grants.codes}
    return Facts(
        local=stage.orders(),
        remote=remote_orders(stage.world),
        ship_requests=tuple(parcel["detail"]["effect_id"] for parcel in stage.parcels),
        unsettled=dict(_unsettled(stage)),
        failed_invocations={f"{name}, {kind}": n for (name, kind), n in stage.world.errors.items() if kind != "Killed"},
        grants=dict(_grants(stage)),
        texts=dict(_texts(stage)),
        secrets=frozenset({*secrets, stage.lan.session, APP_SECRET, MERCHANT_KEY} - {""}),
        now=stage.world.clock.now,
        held_may_differ=True,
    )


def _unsettled(stage: Stage) -> Iterator[tuple[str, int]]:
    """Yield what is still under way: a queue with its first message, or notifications; and how many."""
    for queue in stage.world.account.queues.values():
        bodies = [one.body[:200] for one in queue.messages.values() if not _is_planned(one, stage.world.clock.now)]
        if bodies and queue.name not in _MAY_REST:
            yield f"on {queue.name}: {bodies[0]}", len(bodies)
    yield "notifications", stage.world.platform.notifier.waiting


def _is_planned(message: QueuedMessage, now: float) -> bool:
    """Return whether a message was sent a moment ago, or is to be read later by plan."""
    delayed = not message.receives and message.visible_at > now
    return delayed or message.sent_at > now - _FRESH_SECONDS


def _grants(stage: Stage) -> Iterator[tuple[str, MemberGrant]]:
    """Yield the grants that their members did not end, by member."""
    dynamodb, kms = (stage.world.account.client(service) for service in ("dynamodb", "kms"))
    grants, cipher = Grants(dynamodb, "MembersTable", runtime=Runtime(stage.world.clock)), TokenCipher(kms, "TokenKey")
    platform = stage.world.platform.state.grants
    for row in stage.world.account.tables["MembersTable"].rows.values():
        member_id = row.item["member_id"]["S"]
        grant = grants.read(member_id)
        if grant is None or grant.status == "unlinked":
            continue
        if grant.status != "active":
            yield member_id, MemberGrant(grant.status, accepted=False, expires_at=0.0)
            continue
        access, refresh = (cipher.decrypt(member_id, one) for one in (grant.tokens.access, grant.tokens.refresh))
        known = platform.grants[platform.access[access].grant_id]
        accepted = not known.revoked and refresh in {known.refresh, known.previous}
        yield member_id, MemberGrant(grant.status, accepted=accepted, expires_at=grant.tokens.expires_at)


def _texts(stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield everything stored and logged, by place."""
    for table in stage.world.account.tables.values():
        yield table.name, " ".join(repr(row.item) for row in table.rows.values())
    for queue in stage.world.account.queues.values():
        yield queue.name, " ".join(one.body + repr(one.attributes) for one in queue.messages.values())
    yield "the log", repr(stage.world.telemetry.lines)
