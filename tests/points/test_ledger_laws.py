"""Whatever is asked of the points ledger, in whatever sequence, however often, and wherever a process dies or a reply
is lost: each thing counts once, the entries explain the balance, and no balance falls below zero."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.points.codec import PointsState
from jiuwu.points.ledger import (
    AlreadyReturned,
    InsufficientPoints,
    LedgerBusy,
    NoReservation,
    PointsLedger,
    RequestReused,
)
from jiuwu.runtime import Runtime

NOW = 1_763_800_000
REFUSALS = (InsufficientPoints, AlreadyReturned, NoReservation, RequestReused)


@dataclass(frozen=True)
class Asked:
    """One thing asked of the ledger, and how its process dies: after so many calls, the last done or not."""

    what: str
    ref: str
    points: int = 0
    dies_at: int = 0  # 0: it lives
    done: bool = False

    def of(self, ledger: "PointsLedger | Model", member: str) -> object:
        """Its outcome, refusals by their name; whether a grant is new depends on who died before it was heard of."""
        ask: dict[str, Callable[[], object]] = {
            "reserve": lambda: ledger.reserve(member, self.ref, self.points, at=NOW),
            "spend": lambda: ledger.spend(member, self.ref, at=NOW),
            "give_back": lambda: ledger.give_back(member, self.ref, at=NOW),
            "grant": lambda: ledger.grant(member, self.ref, self.points, at=NOW) is None,
            "deduct": lambda: ledger.grant(member, self.ref, -self.points, at=NOW) is None,
        }
        try:
            return ask[self.what]()
        except REFUSALS as refused:
            return str(refused) if isinstance(refused, InsufficientPoints) else type(refused).__name__


@dataclass
class Model:
    """What the ledger promises, in one process that never dies."""

    orders: dict[str, tuple[PointsState, int]] = field(default_factory=dict)
    grants: dict[str, int] = field(default_factory=dict)

    @property
    def points(self) -> int:
        return sum(self.grants.values()) - sum(
            points for state, points in self.orders.values() if state is not PointsState.RETURNED
        )

    def reserve(self, _: str, ref: str, points: int, *, at: int) -> None:
        if (known := self.orders.get(ref)) is None:
            self._enough(points)
            self.orders[ref] = PointsState.RESERVED, points
        elif known[0] is PointsState.RETURNED:
            raise AlreadyReturned
        elif known[1] != points:
            raise RequestReused

    def spend(self, _: str, ref: str, *, at: int) -> None:
        state, points = self.orders.get(ref, (None, 0))
        if state is None:
            raise NoReservation
        if state is PointsState.RETURNED:
            raise AlreadyReturned
        self.orders[ref] = PointsState.SPENT, points

    def give_back(self, _: str, ref: str, *, at: int) -> int:
        points = self.orders.get(ref, (PointsState.RETURNED, 0))[1]
        self.orders[ref] = PointsState.RETURNED, points
        return points

    def grant(self, _: str, ref: str, points: int, *, at: int) -> bool:
        if ref not in self.grants:
            self._enough(-points)
            self.grants[ref] = points
            return True
        if self.grants[ref] != points:
            raise RequestReused
        return False

    def _enough(self, points: int) -> None:
        if points > max(self.points, 0):
            raise InsufficientPoints(self.points)


class Died(BaseException):
    """The process is gone."""


class Mortal:
    """DynamoDB for a process that dies at its n-th call, before or after that took effect."""

    def __init__(self, dynamodb: Any, dies_at: int, done: bool) -> None:
        self._dynamodb, self._calls, self._dies_at, self._done = dynamodb, 0, dies_at, done

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._dynamodb, name)
        return self._counted(call) if name in ("transact_write_items", "get_item") else call

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(**request: Any) -> Any:
            self._calls += 1
            if self._calls == self._dies_at and not self._done:
                raise Died
            try:
                return call(**request)
            finally:
                if self._calls == self._dies_at:
                    raise Died

        return counted


@pytest.fixture(scope="module")
def table(make_table: Callable[[str], str]) -> str:
    return make_table("PointsTable")


ORDERS, REQUESTS = st.sampled_from(["JW1", "JW2"]), st.sampled_from(["r1", "r2", "r3"])
ASKED = st.one_of(
    st.builds(Asked, st.just("reserve"), ORDERS, st.sampled_from([30, 30, 80]), st.integers(0, 3), st.booleans()),
    st.builds(Asked, st.sampled_from(["spend", "give_back"]), ORDERS, st.just(0), st.integers(0, 3), st.booleans()),
    st.builds(Asked, st.just("grant"), REQUESTS, st.sampled_from([40, 70]), st.integers(0, 3), st.booleans()),
    st.builds(Asked, st.just("deduct"), REQUESTS, st.sampled_from([40, 70]), st.integers(0, 3), st.booleans()),
)


@settings(max_examples=120)
@given(st.lists(ASKED, max_size=9))
def test_a_repetition_after_a_crash_gets_what_is_true_and_all_counts_once(
    aws: Callable[[str], Any], table: str, requested: list[Asked]
) -> None:
    dynamodb, model, member = aws("dynamodb"), Model(), f"mb_{uuid4().hex[:20]}"
    ledger = PointsLedger(dynamodb, table, runtime=Runtime(sleep=lambda _: None))
    for one in requested:
        with suppress(Died):
            one.of(PointsLedger(Mortal(dynamodb, one.dies_at, one.done), table), member)  # type: ignore[arg-type]
        assert one.of(model, member) == one.of(ledger, member)

    audit = ledger.audit(member)
    assert (model.points, True) == (audit.balance, audit.adds_up)


@pytest.mark.timeout(120)
def test_sixteen_at_once_never_spend_what_is_not_there(aws: Callable[[str], Any], table: str) -> None:
    """Two of them request each thing at once."""
    dynamodb, member = aws("dynamodb"), f"mb_{uuid4().hex[:20]}"
    kinds = ("reserve", "spend", "give_back", "reserve", "grant", "deduct", "spend", "give_back")
    PointsLedger(dynamodb, table).grant(member, "welcome", 100, at=NOW)

    def worker(number: int) -> list[int]:
        ledger, dice = PointsLedger(dynamodb, table), random.Random(number // 2)
        what, seen = kinds[number // 2], []
        for _ in range(8):
            ref = f"{'r' if what in ('grant', 'deduct') else 'JW'}{dice.randrange(6)}"
            Asked(what, ref, 40 if what == "reserve" else 30).of(ledger, member)
            seen.append(ledger.balance(member))
        return seen

    with ThreadPoolExecutor(16) as threads:
        balances = [balance for seen in threads.map(worker, range(16)) for balance in seen]

    audit = PointsLedger(dynamodb, table).audit(member)
    assert min(balances) >= 0
    assert audit.adds_up, audit


@pytest.mark.timeout(120)
def test_of_sixteen_who_want_the_last_points_one_gets_them(aws: Callable[[str], Any], table: str) -> None:
    dynamodb, member = aws("dynamodb"), f"mb_{uuid4().hex[:20]}"
    PointsLedger(dynamodb, table).grant(member, "welcome", 100, at=NOW)

    def buy(number: int) -> object:
        return Asked("reserve", f"JW{number}", 60).of(PointsLedger(dynamodb, table), member)

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(buy, range(16)))

    assert (1, 15) == (outcomes.count(None), outcomes.count("the balance is 40"))
    assert 40 == PointsLedger(dynamodb, table).balance(member)


# ── What DynamoDB says when it is busy ────────────────────────────────────────────────────────────────────────────────


class Busy:
    """DynamoDB that refuses transactions with these errors before it takes one; `holds` is what is read."""

    def __init__(self, *errors: ClientError, holds: dict[str, Any] | None = None) -> None:
        self.errors, self.taken, self.holds = list(errors), 0, holds

    def transact_write_items(self, **_: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken += 1

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.holds} if self.holds else {}


def error(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
    return ClientError(response, "TransactWriteItems")


CONFLICT = error("TransactionCanceledException", "None", "TransactionConflict")
PASSING = [
    CONFLICT,
    error("TransactionCanceledException", "ThrottlingError", "None"),
    error("TransactionInProgressException"),
]


def test_who_took_the_last_points_and_lost_the_reply_is_not_short_of_them() -> None:
    """Of the two writes, DynamoDB names only the balance as the one that stood against the transaction."""
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"points": {"N": "0"}}}]
    response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    entry = {"entry": {"S": "order#JW1"}, "state": {"S": "reserved"}, "points": {"N": "9"}, "booked_at": {"N": "1"}}
    table: Any = Busy(ClientError(response, "TransactWriteItems"), holds=entry)

    assert None is Asked("reserve", "JW1", 9).of(PointsLedger(table, "points"), "mb_1")
    assert 0 == table.taken


@pytest.mark.parametrize("passing", PASSING, ids=str)
def test_a_conflict_is_tried_again_with_the_same_words(passing: ClientError) -> None:
    busy: Any = Busy(passing, passing)

    PointsLedger(busy, "points", runtime=Runtime(sleep=lambda _: None)).reserve("mb_1", "JW1", 1, at=NOW)

    assert 1 == busy.taken


def test_a_member_whose_points_everybody_writes_is_put_off_unchanged() -> None:
    busy: Any = Busy(*[CONFLICT] * 99)

    with pytest.raises(LedgerBusy):
        PointsLedger(busy, "points", runtime=Runtime(sleep=lambda _: None)).reserve("mb_1", "JW1", 1, at=NOW)
    assert 0 == busy.taken


@pytest.mark.parametrize(
    "fault",
    [error("AccessDeniedException"), error("TransactionCanceledException", "ValidationError", "None")],
    ids=str,
)
def test_what_no_retry_cures_is_raised_as_it_is(fault: ClientError) -> None:
    busy: Any = Busy(fault)

    with pytest.raises(ClientError) as raised:
        PointsLedger(busy, "points").reserve("mb_1", "JW1", 1, at=NOW)
    assert raised.value is fault
