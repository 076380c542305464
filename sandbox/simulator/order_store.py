"""All orders of the platform, in the sequence of their last change."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import itemgetter

from sandbox.simulator.orders import Order, Refund
from sandbox.simulator.refusals import Refused


class PlatformOrders:
    """A changed order moves to the end, so that a reader with a cursor meets it again and misses none."""

    def __init__(self, orders: list[tuple[int, Order]] | None = None) -> None:
        self._by_number: dict[str, tuple[int, Order]] = {}
        self._number_at_platform: dict[str, str] = {}
        self._number_of_refund: dict[str, str] = {}
        self._change = 0
        # (change, updated_at, number) in the sequence of the changes; an order changed again stands in it twice
        self._changes: list[tuple[int, int, str]] = []
        for change, order in orders or []:
            self._insert(change, order)

    def __iter__(self) -> Iterator[Order]:
        return (order for _, order in self._by_number.values())

    def __len__(self) -> int:
        return len(self._by_number)

    def dump(self) -> list[tuple[int, Order]]:
        return list(self._by_number.values())

    def find(self, out_order_no: str) -> Order | None:
        found = self._by_number.get(out_order_no)
        return found and found[1]

    def get(self, out_order_no: str) -> Order:
        order = self.find(out_order_no)
        if order is None:
            raise Refused("order_unknown", f"no order {out_order_no}")
        return order

    def at_platform(self, platform_order_no: str) -> Order:
        return self.get(self._number_at_platform.get(platform_order_no, platform_order_no))

    def refunded_as(self, out_refund_no: str) -> tuple[Order, Refund] | None:
        number = self._number_of_refund.get(out_refund_no)
        if number is None:
            return None
        order = self.get(number)
        return order, next(one for one in order.refunds if one.out_refund_no == out_refund_no)

    def put(self, order: Order) -> None:
        if self.find(order.number) is not order:
            self._insert(self._change + 1, order)

    def changed(self, updated_after: int, cursor: int, limit: int) -> tuple[list[Order], int]:
        """Return orders changed at or after `updated_after`, and the next cursor, 0 when there are no more."""
        page: list[tuple[int, Order]] = []
        for place in range(self._first(updated_after, cursor), len(self._changes)):
            change, _, number = self._changes[place]
            last, order = self._by_number[number]
            if change != last:
                continue
            if len(page) == limit:
                return [one for _, one in page], page[-1][0]
            page.append((change, order))
        return [one for _, one in page], 0

    @property
    def newest(self) -> int:
        """Return the number of the latest change."""
        return self._change

    def _first(self, updated_after: int, cursor: int) -> int:
        # a clock that was set back leaves times out of sequence: then begin at the first that is late enough
        behind = bisect_right(self._changes, cursor, key=itemgetter(0))
        return max(behind, bisect_left(self._changes, updated_after, key=itemgetter(1)))

    def _insert(self, change: int, order: Order) -> None:
        self._by_number.pop(order.number, None)
        self._by_number[order.number] = (change, order)
        self._changes.append((change, order.updated_at, order.number))
        self._number_at_platform[order.platform_order_no] = order.number
        self._number_of_refund |= {one.out_refund_no: order.number for one in order.refunds if one.out_refund_no}
        self._change = max(self._change, change)
