"""Secrets Manager away, or a malformed new secret: what every function does while it lasts, on virtual time."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.orders.codec import from_item
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Merchant, Refused
from sandbox.simulation.world.world import MERCHANT_KEY, MERCHANT_KEY_NAME, SECRET_NAME, Town
from tests.sandbox.simulation.world_rig import HOUR, TEA, later

Trouble = Callable[[Town], None]


def _raising(fault: Exception) -> Trouble:
    def on_call(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "secretsmanager" and phase == "before":
            raise fault

    def begin(here: Town) -> None:
        here.calls.on_call = on_call

    return begin


def _holding(text: str) -> Trouble:
    def begin(here: Town) -> None:
        here.account.secrets |= {SECRET_NAME: text, MERCHANT_KEY_NAME: text}

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


def end(here: Town) -> None:
    """Secrets Manager as it was."""
    here.calls.on_call = lambda *_: None
    here.account.secrets |= {
        SECRET_NAME: json.dumps({"current": "the-town-secret"}),
        MERCHANT_KEY_NAME: json.dumps({"current": MERCHANT_KEY}),
    }


def status(here: Town, order_no: str) -> str:
    table = here.account.client("dynamodb")
    item = table.get_item(TableName="OrdersTable", Key={"order_no": {"S": order_no}})["Item"]
    return from_item(item).status.value


def dead(here: Town) -> list[str]:
    return [name for name, queue in here.account.queues.items() if "Dead" in name or "Failed" in name if queue.held]


def reason(refused: Refused) -> tuple[int, bool]:
    return refused.status, "secret_unavailable" in str(refused)


def test_warm_functions_serve_on_with_the_last_good_secret(here: Town, trouble: Trouble) -> None:
    member, merchant = Member(here, "ou_lan"), Merchant(here)
    member.log_in()
    here.platform.actions.pay(first := member.place("k1", TEA))
    later(here, 60)
    merchant.refund("r1", first, 1)

    trouble(here)
    later(here, HOUR)
    here.platform.actions.pay(second := member.place("k2", TEA))
    merchant.refund("r2", first, 1)
    later(here, HOUR)

    assert ("shipped", "shipped") == (status(here, first), status(here, second))
    assert 200 == here.platform.notifier.log[-1].status
    assert ({}, []) == (dict(here.errors), dead(here))


def test_without_any_secret_every_door_answers_503_and_nothing_crashes(here: Town, trouble: Trouble) -> None:
    member = Member(here, "ou_lan")
    member.log_in()
    order_no = member.place("k1", TEA)
    here.platform.actions.pay(order_no)
    later(here, 60)
    trouble(here)
    here.end_processes()  # none has a secret in hand
    delivered = len(here.platform.notifier.log)
    here.platform.actions.complete(order_no)

    with pytest.raises(Refused) as unbought:
        member.place("k2", TEA)
    with pytest.raises(Refused) as unrefunded:
        Merchant(here).refund("r1", order_no, 1)
    with pytest.raises(Refused) as uncome:
        Member(here, "ou_mei").log_in()
    later(here, 1.5 * HOUR)

    assert [(503, True), (503, True), 503] == [reason(unbought.value), reason(unrefunded.value), uncome.value.status]
    assert {503} == {delivery.status for delivery in here.platform.notifier.log[delivered:]}
    assert ({}, []) == (dict(here.errors), dead(here))


def test_what_waited_for_a_secret_is_finished_when_there_is_one(here: Town, trouble: Trouble) -> None:
    member = Member(here, "ou_lan")
    member.log_in()
    trouble(here)
    here.end_processes()  # none has a secret in hand
    with pytest.raises(Refused):
        member.place("k1", TEA)
    later(here, 0.4 * HOUR)

    end(here)
    here.platform.actions.pay(order_no := member.place("k1", TEA))
    later(here, HOUR)

    assert "shipped" == status(here, order_no)
    assert ({}, []) == (dict(here.errors), dead(here))


def test_the_platforms_secret_is_not_asked_for_by_every_call(here: Town) -> None:
    member = Member(here, "ou_lan")
    member.log_in()
    _raising(THROTTLED)(here)
    here.end_processes()  # none has a secret in hand
    before = here.calls.counts["secretsmanager", "get_secret_value"]
    for number in range(100):
        with pytest.raises(Refused):
            member.place(f"k{number}", TEA)

    assert here.calls.counts["secretsmanager", "get_secret_value"] - before <= 3


@pytest.mark.parametrize("code", ["ThrottlingException", "DisabledException", "KMSInvalidStateException", ""])
def test_while_kms_is_away_orders_wait_and_nothing_crashes(here: Town, code: str) -> None:
    away = ClientError({"Error": {"Code": code, "Message": "x"}}, "Decrypt")
    fault = away if code else EndpointConnectionError(endpoint_url="https://kms")

    def on_call(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "kms" and phase == "before":
            raise fault

    member = Member(here, "ou_lan")
    member.log_in()
    here.calls.on_call = on_call
    order_no = member.place("k1", TEA)
    with pytest.raises(Refused) as unknown:
        Member(here, "ou_mei").log_in()
    later(here, 0.4 * HOUR)
    waiting = status(here, order_no)
    here.calls.on_call = lambda *_: None
    here.platform.actions.pay(member.place("k1", TEA))
    later(here, HOUR)

    assert (503, "created", "shipped") == (unknown.value.status, waiting, status(here, order_no))
    assert ({}, []) == (dict(here.errors), dead(here))
