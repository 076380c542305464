"""Seed a simulated world with orders and members that a bulk pass finds due, spread evenly over their shards."""

from collections import Counter
from collections.abc import Callable, Iterator

from jiuwu.members.accounts import member_id_for
from jiuwu.members.grants import shard_of as member_shard_of
from jiuwu.members.tokens import Tokens
from jiuwu.orders.codec import DAY_SHARDS, SHARDS, shard_of
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Line, Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.models import TokenReply, UserProfile
from jiuwu.reconciliation.repository import Records
from jiuwu.runtime import Runtime
from sandbox.simulation.world.world import APP_ID, World
from sandbox.simulator.orders import Item, NewOrder

_UNPAID_SECONDS = 2 * 86_400
_LINE = Line("p1", "茶", 2, 617)


def seed_orders(world: World, count: int, *, shards: int = SHARDS) -> list[Order]:
    """Put `count` unpaid orders on both sides, spread evenly over the first `shards` of the days index, and move the
    clock to the moment at which all are due. The platform's list of changes shows none of them as new.
    """
    dynamodb = world.account.client("dynamodb")
    Records(dynamodb, "ReconciliationTable").max_shards_ever(SHARDS)  # as the very first tick does
    store, now = OrderStore(dynamodb, "OrdersTable"), int(world.clock.now)
    numbers = _spread((order_no_for("mb_capacity", str(n)) for n in range(10**6)), _day_shard, count, shards)
    orders = [store.create(_unpaid(world, number, now)) for number in numbers]
    world.clock.run(world.clock.now + _UNPAID_SECONDS)
    return orders


def seed_members(world: World, count: int, *, shards: int) -> None:
    """Link `count` members at this very second, spread evenly over the refresh index's shards."""
    dynamodb, kms = world.account.client("dynamodb"), world.account.client("kms")
    tokens = Tokens(dynamodb, "MembersTable", kms, "TokenKey", _NoCalls(), runtime=Runtime(clock=world.clock))
    open_ids = _spread((f"ou_{n}" for n in range(10**6)), _member_shard, count, shards)
    for open_id in open_ids:
        reply = _first_tokens(world, open_id)
        tokens.link(member_id_for(APP_ID, open_id), UserProfile(open_id=open_id, nickname="", avatar_url=""), reply)


class _NoCalls:
    """OAuth calls that nobody makes: tokens are only written."""

    def refresh(self, refresh_token: str) -> TokenReply:
        raise AssertionError(refresh_token)

    def revoke(self, token: str) -> None:
        raise AssertionError(token)


def _spread(names: Iterator[str], shard_of: Callable[[str], int], count: int, shards: int) -> Iterator[str]:
    """Yield `count` names, equally many of each of the first `shards` shards."""
    taken: Counter[int] = Counter()
    for name in names:
        shard = shard_of(name)
        if shard < shards and taken[shard] < count / shards:
            taken[shard] += 1
            yield name
        if taken.total() >= count:
            return


def _day_shard(order_no: str) -> int:
    return int(shard_of(order_no, DAY_SHARDS))


def _member_shard(open_id: str) -> int:
    return int(member_shard_of(member_id_for(APP_ID, open_id)))


def _unpaid(world: World, number: str, now: int) -> Order:
    amount = _LINE.quantity * _LINE.price_fen
    item = Item(_LINE.product_id, _LINE.title, _LINE.quantity, _LINE.price_fen)
    remote = world.platform.actions.place(NewOrder(number, amount, (item,)), "ou_1")
    return Order(
        order_no=number,
        member_id="mb_capacity",
        open_id="ou_1",
        lines=(_LINE,),
        amount_fen=amount,
        fingerprint="f",
        created_at=now,
        due_at=now + _UNPAID_SECONDS,
        status=Status.PLACED,
        platform_order_no=remote.platform_order_no,
    )


def _first_tokens(world: World, open_id: str) -> TokenReply:
    grants, now = world.platform.state.grants, world.clock.now
    code = grants.issue_code(open_id, "profile orders", "", "", now)
    issued = grants.exchange(code, "", "", now)
    return TokenReply(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_in=7200,
        refresh_expires_in=30 * 86_400,
    )
