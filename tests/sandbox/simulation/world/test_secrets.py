"""Secrets Manager away, or a malformed new secret: what every function does while it lasts, on virtual time."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.orders.codec import from_item
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Merchant, Refused
from sandbox.simulation.world.world import MERCHANT_KEY, MERCHANT_KEY_NAME, SECRET_NAME, World
from tests.sandbox.simulation.world_rig import HOUR, TEA, advance

Trouble = Callable[[World], None]


def _raising(fault: Exception) -> Trouble:
    def on_call(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "secretsmanager" and phase == "before":
            raise fault

    def begin(world: World) -> None:
        world.calls.on_call = on_call

    return begin


def _holding(text: str) -> Trouble:
    def begin(world: World) -> None:
        world.account.secrets |= {SECRET_NAME: text, MERCHANT_KEY_NAME: text}

    return begin


THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "x"}}, "GetSecretValue")
TROUBLES = {
    "throttled": _raising(THROTTLED),
    "unreachable": _raising(EndpointConnectionError(endpoint_url="https://x")),
    "not json": _holding("hunter2"),
    "line break": _holding(json.dumps({"current": "hunter2\n"})),
    "byte order mark": _holding('\ufeff{"current": "hunter2"}'),
}


@pytest.fixture(params=TROUBLES.values(), ids=list(TROUBLES))
def trouble(request: pytest.FixtureRequest) -> Trouble:
    begin: Trouble = request.param
    return begin


def end(world: World) -> None:
    """Secrets Manager as it was."""
    world.calls.on_call = lambda *_: None
    world.account.secrets |= {
        SECRET_NAME: json.dumps({"current": "the-simulated-app-secret"}),
        MERCHANT_KEY_NAME: json.dumps({"current": MERCHANT_KEY}),
    }


def status(world: World, order_no: str) -> str:
    table = world.account.client("dynamodb")
    item = table.get_item(TableName="OrdersTable", Key={"order_no": {"S": order_no}})["Item"]
    return from_item(unmarshal_fields(item)).status.value


def dead(world: World) -> list[str]:
    return [
        name for name, queue in world.account.queues.items() if "Dead" in name or "Failed" in name if queue.messages
    ]


def reason(refused: Refused) -> tuple[int, bool]:
    return refused.status, "secret_unavailable" in str(refused)


def test_warm_functions_serve_on_with_the_last_good_secret(world: World, trouble: Trouble) -> None:
    member, merchant = Member(world, "ou_lan"), Merchant(world)
    member.log_in()
    world.platform.actions.pay(first := member.place("k1", TEA))
    advance(world, 60)
    merchant.refund("r1", first, 1)

    trouble(world)
    advance(world, HOUR)
    world.platform.actions.pay(second := member.place("k2", TEA))
    merchant.refund("r2", first, 1)
    advance(world, HOUR)

    assert ("shipped", "shipped") == (status(world, first), status(world, second))
    assert 200 == world.platform.notifier.log[-1].status
    assert ({}, []) == (dict(world.errors), dead(world))


def test_without_any_secret_every_door_answers_503_and_nothing_crashes(world: World, trouble: Trouble) -> None:
    member = Member(world, "ou_lan")
    member.log_in()
    order_no = member.place("k1", TEA)
    world.platform.actions.pay(order_no)
    advance(world, 60)
    trouble(world)
    world.end_processes()  # none has a secret in hand
    delivered = len(world.platform.notifier.log)
    world.platform.actions.complete(order_no)

    with pytest.raises(Refused) as unbought:
        member.place("k2", TEA)
    with pytest.raises(Refused) as unrefunded:
        Merchant(world).refund("r1", order_no, 1)
    with pytest.raises(Refused) as uncome:
        Member(world, "ou_mei").log_in()
    advance(world, 1.5 * HOUR)

    assert [(503, True), (503, True), 503] == [reason(unbought.value), reason(unrefunded.value), uncome.value.status]
    assert {503} == {delivery.status for delivery in world.platform.notifier.log[delivered:]}
    assert ({}, []) == (dict(world.errors), dead(world))


def test_what_waited_for_a_secret_is_finished_when_there_is_one(world: World, trouble: Trouble) -> None:
    member = Member(world, "ou_lan")
    member.log_in()
    trouble(world)
    world.end_processes()  # none has a secret in hand
    with pytest.raises(Refused):
        member.place("k1", TEA)
    advance(world, 0.4 * HOUR)

    end(world)
    world.platform.actions.pay(order_no := member.place("k1", TEA))
    advance(world, HOUR)

    assert "shipped" == status(world, order_no)
    assert ({}, []) == (dict(world.errors), dead(world))


def test_the_platforms_secret_is_not_requested_by_every_call(world: World) -> None:
    member = Member(world, "ou_lan")
    member.log_in()
    _raising(THROTTLED)(world)
    world.end_processes()  # none has a secret in hand
    before = world.calls.counts["secretsmanager", "get_secret_value"]
    for number in range(100):
        with pytest.raises(Refused):
            member.place(f"k{number}", TEA)

    assert world.calls.counts["secretsmanager", "get_secret_value"] - before <= 3


@pytest.mark.parametrize("code", ["ThrottlingException", "DisabledException", "KMSInvalidStateException", ""])
def test_while_kms_is_away_orders_wait_and_nothing_crashes(world: World, code: str) -> None:
    away = ClientError({"Error": {"Code": code, "Message": "x"}}, "Decrypt")
    fault = away if code else EndpointConnectionError(endpoint_url="https://kms")

    def on_call(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "kms" and phase == "before":
            raise fault

    member = Member(world, "ou_lan")
    member.log_in()
    world.calls.on_call = on_call
    order_no = member.place("k1", TEA)
    with pytest.raises(Refused) as unknown:
        Member(world, "ou_mei").log_in()
    advance(world, 0.4 * HOUR)
    waiting = status(world, order_no)
    world.calls.on_call = lambda *_: None
    world.platform.actions.pay(member.place("k1", TEA))
    advance(world, HOUR)

    assert (503, "created", "shipped") == (unknown.value.status, waiting, status(world, order_no))
    assert ({}, []) == (dict(world.errors), dead(world))
