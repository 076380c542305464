"""The bulk passes, run by the real functions in a simulated world and counted at two sizes each.

A world takes no time for a call, so the passes' durations come from elsewhere (bulk_passes.py).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import msgspec

from bench.capacity.seeding import seed_members, seed_orders
from bench.capacity.usage import Line, Usage, count_usage, line_through
from jiuwu.orders.business_day import day_of
from jiuwu.orders.codec import SHARDS
from jiuwu.platform import profile
from sandbox.simulation.world.wiring import next_tick
from sandbox.simulation.world.world import World, simulated_world

# Sizes fill whole pages of each shard, so that the difference is whole pages, too.
_ORDERS, _STATEMENT_ORDERS, _MEMBERS = (800, 1_600), (1_000, 2_000), (400, 800)
_TICK_SECONDS, _LISTED_SECONDS = 180, 480
_OTHERS = ["TokenRefresher", "DailyStatement", "ProductSync"]
# Percent of the platform's calls. So slow a lane makes few orders wait through several ticks.
_SLOW_SHARE = 2


def count_reconciled() -> Line:
    """Count a tick that finds orders due of which none differs from the platform's."""
    return _line(reconciled, _ORDERS)


def count_cancelled() -> Line:
    """Count the cancellation of orders that nobody paid, from the first tick until the list of changes is quiet, less
    what the same ticks use when nothing is due."""
    with slow_money_lane(_SLOW_SHARE):
        longest = _ORDERS[1] / profile.load().limits.per_second("money")
        run = partial(cancelled, seconds=longest + 2 * _LISTED_SECONDS)
        idle = run(0)
        return _line(lambda count: run(count).less(idle), _ORDERS)


def count_statement() -> Line:
    """Count the statement of a day whose orders are alike on both sides."""
    return _line(statement, _STATEMENT_ORDERS)


def count_renewed() -> Line:
    """Count a tick that finds members whose tokens are due."""
    return _line(renewed, _MEMBERS)


def _line(run: Callable[[int], Usage], sizes: tuple[int, int]) -> Line:
    small, large = sizes
    return line_through((small, run(small)), (large, run(large)))


def reconciled(count: int, *, shards: int = SHARDS) -> Usage:
    """Return what one tick of Reconciler uses for so many due orders."""
    with simulated_world(parameters={"OrderExpirySeconds": "0"}) as world:
        seed_orders(world, count, shards=shards)
        world.start(off=_OTHERS)

        def tick() -> None:
            world.invoke("Reconciler", {})
            _wait(world, 15)  # ends before the schedule's own tick

        return count_usage(world, tick)


def cancelled(count: int, *, seconds: float) -> Usage:
    """Return what Reconciler and EffectDispatcher use within so many seconds of the first tick that finds so many
    unpaid orders due; raise AssertionError unless all are cancelled at the platform by then."""
    with simulated_world() as world:
        seed_orders(world, count)
        world.start(off=_OTHERS)
        until = next_tick(f"rate({_TICK_SECONDS // 60} minutes)", world.clock.now) + seconds
        usage = count_usage(world, partial(world.clock.run, until))
        states = {order.status for order in world.platform.state.orders}
        if states - {"cancelled"}:
            raise AssertionError(f"orders are not cancelled: {states}")
        return usage


def statement(count: int, *, shards: int = 2) -> Usage:
    """Return what DailyStatement uses for a day of so many orders; raise AssertionError unless it is complete."""
    with simulated_world() as world:
        day = day_of(seed_orders(world, count, shards=shards)[0].created_at)
        world.start(off=["Reconciler", "TokenRefresher", "ProductSync"])

        def night() -> None:
            world.invoke("DailyStatement", {"day": day})
            _wait(world, 800)  # ends before the run is checked for the second time

        usage = count_usage(world, night)
        report = json.loads(world.account.buckets["StatementsBucket"][f"statements/{day}.json"])
        if not report["complete"] or report["total"]["here"]["orders"] != count:
            raise AssertionError(f"the statement is incomplete: {report['problems'][:3]}")
        return usage


def renewed(count: int, *, shards: int = 2) -> Usage:
    """Return what TokenRefresher uses for so many members whose tokens run out together."""
    with simulated_world(parameters={"RefreshSchedule": "rate(1 day)"}) as world:
        seed_members(world, count, shards=shards)
        _wait(world, 7200 - 600)
        world.start(off=[name for name in world.functions if name != "TokenRefresher"])

        def tick() -> None:
            world.invoke("TokenRefresher", {})
            _wait(world, 2000)

        return count_usage(world, tick)


@contextmanager
def slow_money_lane(share: int) -> Iterator[None]:
    """Load the profile with this percentage of the platform's calls for the money lane, and the others as they are."""
    found = profile.load()
    lanes = found.limits.lanes
    lanes = lanes | {"money": msgspec.structs.replace(lanes["money"], share=share)}
    slow = msgspec.structs.replace(found, limits=msgspec.structs.replace(found.limits, lanes=lanes))
    with patch.object(profile, "load", lambda *_: slow):
        yield


def _wait(world: World, seconds: float) -> None:
    world.clock.run(world.clock.now + seconds)
