"""EffectDispatcher behind an open circuit: nothing is sent, nothing is lost, and no try is used up."""

from collections.abc import Callable
from typing import Any

import msgspec

from jiuwu.bootstrap import Platform
from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.order import Status
from jiuwu.runtime import Runtime
from jiuwu.throttling import lane as lanes
from jiuwu.throttling.repository import LaneTable
from tests.functions.test_effect_dispatcher import Rig, environment, rig, wanted, warehouse
from tests.functions.trade_messages import an_order, data, platform, shown
from tests.orders.lives import NOW, PAID

__all__ = ["environment", "rig", "warehouse"]  # fixtures


def dispatch(at: Rig, limits_table: str, seconds: float) -> list[str]:
    """The paths that a fresh process asked the platform for."""
    requested = []

    def answer(request: Any) -> Any:
        requested.append(request.url.path)
        return data(shown())

    environment = msgspec.structs.replace(at.settings, limits_table=limits_table)
    way = Platform(environment, http=platform(answer))
    at.change(platform=way, runtime=Runtime(clock=lambda: NOW + seconds))
    at.handle(wanted())
    return requested


def test_an_open_circuit_leaves_effects_pending_until_it_closes(
    rig: Rig,
    aws: Callable[[str], Any],
    limits_table: str,
) -> None:
    table = LaneTable(aws("dynamodb"), limits_table)
    rig.put(an_order(base=PAID))
    table.change("money", lambda lane: lanes.forced(lane, "primary", "open"))

    assert [] == dispatch(rig, limits_table, 100.5)
    held = rig.order().effect(PushStatus("shipped"))
    assert held is not None
    assert (True, 0) == (held.pending, held.attempts)
    assert 1 == len(rig.ship_requests)  # the warehouse is not the platform

    table.change("money", lambda lane: lanes.forced(lane, "primary", "auto"))
    assert 1 == len(dispatch(rig, limits_table, 10_000.5))
    assert (Status.SHIPPED, ()) == (rig.order().status, rig.order().pending)
    assert [] == rig.ship_requests
