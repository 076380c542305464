"""`jiuwu reconcile --repair` through the Reconciler itself: it mends what was planned, and says what is left."""

from functools import cached_property
from typing import Any

import pytest

from jiuwu.aws.secrets import AppSecrets
from jiuwu.orders.order import Status
from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.profile import load
from jiuwu.runtime import Runtime
from jiuwu.statements.comparison import Period
from jiuwu.statements.totals import Discrepancy
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.reconcile.comparison import compare, make_comparer
from jiuwu_cli.reconcile.repairs import count_remaining_differences, plan_repairs, repair
from sandbox.simulator import orders as platform
from tests.functions.both_sides import COMMON, NOW
from tests.functions.platform_stand_in import Serve
from tests.functions.reconciler_rig import LATER, Clockwork

PERIOD = Period(NOW - 10, NOW + 10)


class Deployed(Stack):
    """The deployment that a clockwork stands for."""

    def on(self, clockwork: Clockwork) -> "Deployed":
        self.__dict__["store"] = clockwork.sides.store
        self.__dict__["clockwork"] = clockwork
        return self

    @cached_property
    def platform(self) -> PlatformClient:
        clockwork: Clockwork = self.__dict__["clockwork"]
        http, secrets = clockwork.sides.platform.http, lambda: AppSecrets("the-secret")
        return PlatformClient(load(), base_url="http://platform.example", app_id="a", secrets=secrets, http=http)


@pytest.fixture
def deployed(clockwork: Clockwork) -> Deployed:
    given = {
        "AppId": COMMON["APP_ID"],
        "LatePayment": "refund",
        "PaymentCheckSeconds": "180",
        "OrderExpirySeconds": "0",
    }
    return Deployed("jiuwu-test", {}, given, None).on(clockwork)


def differing(clockwork: Clockwork, deployed: Deployed) -> tuple[Discrepancy, ...]:
    return compare(make_comparer(deployed, PERIOD, Runtime(clock=lambda: clockwork.sides.now))).differences


def test_what_was_planned_is_what_the_reconciler_does_and_nothing_differs_after(
    clockwork: Clockwork, deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    missed, unplaced = clockwork.order("a"), clockwork.order("b", there=False)
    clockwork.sides.now = NOW + 60
    clockwork.sides.platform.pay(missed)
    clockwork.sides.now = LATER
    lines = differing(clockwork, deployed)

    planned = plan_repairs(deployed, [line.order_no for line in lines], now=LATER)
    repair(clockwork.one, planned)

    assert {missed: ("paid",), unplaced: ("create it at the platform",)} == {one.order_no: one.steps for one in planned}
    assert Status.PAID is clockwork.sides.order(missed).status
    assert unplaced in clockwork.sides.platform.orders
    printed = capsys.readouterr().out
    assert f"{missed}  did: paid; now paid" in printed
    assert 0 == count_remaining_differences(make_comparer(deployed, PERIOD, Runtime(clock=lambda: LATER)), lines)


def test_an_order_that_only_the_platform_has_is_taken_over(clockwork: Clockwork, deployed: Deployed) -> None:
    number = clockwork.order("a")
    key = {"order_no": {"S": number}}
    clockwork.sides.dynamodb.delete_item(TableName=clockwork.sides.names["ORDERS_TABLE"], Key=key)
    lines = differing(clockwork, deployed)

    planned = plan_repairs(deployed, [number], now=LATER)
    repair(clockwork.one, planned)

    assert ["missing_here"] == [line.class_ for line in lines]
    assert "adopt it from the platform" == planned[0].steps[0]
    assert Status.PLACED is clockwork.sides.order(number).status
    assert 0 == count_remaining_differences(make_comparer(deployed, PERIOD, Runtime(clock=lambda: LATER)), lines)


def test_what_no_rule_mends_has_no_plan_and_still_differs(clockwork: Clockwork, deployed: Deployed) -> None:
    items = (platform.Item("tea", "龙井", 2, 617),)
    clockwork.sides.platform.orders["4711"] = platform.place(platform.NewOrder("4711", 1234, items), "ou_x", NOW)
    lines = differing(clockwork, deployed)

    assert [()] == [plan.steps for plan in plan_repairs(deployed, ["4711"], now=LATER)]
    assert 1 == count_remaining_differences(make_comparer(deployed, PERIOD, Runtime(clock=lambda: LATER)), lines)


def test_an_order_that_cannot_be_read_there_has_no_plan_and_does_not_hold_up_the_others(
    clockwork: Clockwork, deployed: Deployed
) -> None:
    spoiled, missed = clockwork.order("a"), clockwork.order("b")
    clockwork.sides.platform.pay(missed)

    def unreadable(serve: Serve) -> object:
        data: Any = serve()
        broken = {"amount": "?"}
        orders = [order | (broken if order["out_order_no"] == spoiled else {}) for order in data["orders"]]
        return data | {"orders": orders}

    clockwork.sides.platform.fail_always("orders.query", unreadable)

    planned = plan_repairs(deployed, [spoiled, missed], now=LATER)

    assert [(spoiled, ()), (missed, ("paid",))] == [(plan.order_no, plan.steps) for plan in planned]
