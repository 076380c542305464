"""Convert our values to the names and formats of the profile, and back."""

from collections.abc import Mapping

import msgspec

from jiuwu.platform.money import MoneyError, fen, yuan
from jiuwu.platform.profile import Profile, lookup
from jiuwu.platform.signing import format_timestamp
from sandbox.simulator.events import Event
from sandbox.simulator.members import Member, Product
from sandbox.simulator.orders import Item, Order, Payment, Refund
from sandbox.simulator.refusals import Refused

_MONEY = frozenset({"amount", "paid_amount", "price"})


class Serializer:
    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.fields = profile.fields

    def order(self, order: Order, base_url: str) -> dict[str, object]:
        values = {
            "platform_order_no": order.platform_order_no,
            "out_order_no": order.number,
            "open_id": order.open_id,
            "status": self.profile.their_status(order.status),  # type: ignore[arg-type]  # our states are these words
            "amount": order.request.amount_fen,
            "paid_amount": order.paid_fen,
            "items": [self._item(item) for item in order.request.items],
            "pay_url": f"{base_url}/pay/{order.platform_order_no}",
            "payments": [self._payment(payment) for payment in order.payments],
            "refunds": [self.refund(refund) for refund in order.refunds],
            "created_at": order.created_at,
            "updated_at": order.updated_at,
        }
        return render(self.fields.order, values)

    def page(self, orders: list[dict[str, object]], next_cursor: str | None = None) -> dict[str, object]:
        values: dict[str, object] = {"orders": orders}
        return render(self.fields.page, values if next_cursor is None else values | {"next_cursor": next_cursor})

    def refund(self, refund: Refund) -> dict[str, object]:
        status = self.profile.their_refund_status(refund.status)
        values = msgspec.structs.asdict(refund) | {"amount": refund.amount_fen, "status": status}
        return render(self.fields.refund, values)

    def member(self, member: Member, base_url: str) -> dict[str, object]:
        avatar = f"{base_url}/avatars/{member.open_id}.svg"
        return render(self.fields.user, msgspec.structs.asdict(member) | {"avatar_url": avatar})

    def product(self, product: Product) -> dict[str, object]:
        return render(self.fields.product, msgspec.structs.asdict(product) | {"price": product.price_fen})

    def notification(self, event: Event, extra: Mapping[str, object] | None = None) -> dict[str, object]:
        """Return the body of a notification; `extra` overrides or adds to its data, in the platform's names."""
        names = self.profile.notification.fields
        facts = dict(event.facts)
        if "refund_status" in facts:
            facts["refund_status"] = self.profile.their_refund_status(facts["refund_status"])  # type: ignore[arg-type]  # our states are these words
        data = render(self.fields.event, facts) | dict(extra or {})
        types = {str(ours): theirs for ours, theirs in self.profile.notification.event_types.items()}
        head = {
            names.event_id: event.event_id,
            names.event_type: types.get(event.event_type, event.event_type),
            names.occurred_at: self.time(event.occurred_at),
            names.version: event.version,
        }
        return nested(head | ({names.data: data} if names.data else data))

    def time(self, seconds: int) -> int | str:
        """Return the time as the profile writes it in signatures."""
        text = format_timestamp(self.profile.signing, seconds)
        return int(text) if text.isdigit() else text

    def _item(self, item: Item) -> dict[str, object]:
        return render(self.fields.item, msgspec.structs.asdict(item) | {"price": item.price_fen})

    def _payment(self, payment: Payment) -> dict[str, object]:
        return render(self.fields.payment, msgspec.structs.asdict(payment) | {"amount": payment.amount_fen})


def render(names: msgspec.Struct, values: Mapping[str, object]) -> dict[str, object]:
    """Return `values` under the profile's names, amounts in yuan; values without a name there are left out."""
    named = {}
    for ours, theirs in msgspec.structs.asdict(names).items():
        if ours in values:
            value = values[ours]
            named[theirs] = yuan(value) if ours in _MONEY and isinstance(value, int) else value
    return nested(named)


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """Return {"a.b": 1} as {"a": {"b": 1}}."""
    tree: dict[str, object] = {}
    for path, value in values.items():
        *parents, leaf = path.split(".")
        branch = tree
        for name in parents:
            branch = branch.setdefault(name, {})  # type: ignore[assignment]  # a profile does not put a leaf there too
        branch[leaf] = value
    return tree


class RequestBody:
    """A request's JSON object; missing or wrong fields are refused by name."""

    def __init__(self, content: object, at: str = "") -> None:
        if not isinstance(content, dict):
            raise Refused("bad_parameters", f"{at.rstrip('.') or 'body'}: expected a JSON object")
        self._content = content
        self._at = at

    @classmethod
    def read(cls, body: bytes) -> "RequestBody":
        try:
            return cls(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused("bad_parameters", "body: not JSON") from None

    def text(self, name: str, default: str | None = None, *, longest: int = 1024) -> str:
        value = self._find(name, default)
        if not isinstance(value, str) or (value == "" and default is None) or len(value) > longest:
            raise self._wrong(name, f"a text of {0 if default is not None else 1} to {longest} characters")
        return value

    def amount(self, name: str, *, minimum: int = 1) -> int:
        """Return an amount in fen."""
        value = self._find(name)
        try:
            amount = fen(value) if isinstance(value, str) else -1
        except MoneyError:
            amount = -1
        if amount < minimum:
            raise self._wrong(name, f'an amount in yuan as text, such as "12.34", of {yuan(minimum)} or more')
        return amount

    def whole(self, name: str) -> int:
        value = self._find(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(name, "a whole number above zero")
        return value

    def flag(self, name: str) -> bool:
        value = self._find(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def each(self, name: str) -> list["RequestBody"]:
        return [RequestBody(one, f"{self._at}{name}.{index}.") for index, one in enumerate(self._list(name))]

    def texts(self, name: str) -> list[str]:
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts")
        return [str(value) for value in values]

    def _list(self, name: str) -> list[object]:
        value = self._find(name)
        if not isinstance(value, list) or not value:
            raise self._wrong(name, "a list that is not empty")
        return value

    def _find(self, name: str, default: object = None) -> object:
        value: object = lookup(self._content, name)
        if value is None and default is None:
            raise Refused("bad_parameters", f"{self._at}{name}: missing")
        return default if value is None else value

    def _wrong(self, name: str, expected: str) -> Refused:
        return Refused("bad_parameters", f"{self._at}{name}: expected {expected}")
