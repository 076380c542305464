"""Effects when the other side refuses, is down or answers too late, and when someone else writes meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from jiuwu.effects.dispatcher import Dispatched
from jiuwu.effects.retry_policy import MAX_ATTEMPTS, MAX_REFUSALS
from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, Ship, UnknownEffect
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import REFUND_FAILED, Effect, Failure, Status
from jiuwu.orders.outcomes import awaits_refund
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Policy, apply
from jiuwu.platform.errors import (
    BadParameters,
    OrderConflict,
    PlatformBusy,
    PlatformError,
    PlatformUnreachable,
    ScopeMissing,
    TransitionRefused,
    UnknownOutcome,
)
from jiuwu.platform.models import RefundState, RemoteRefund
from tests.effects.both_receivers import (
    NUMBER,
    Bus,
    DeadLetterQueue,
    Platform,
    dispatch,
    now_in,
    remote,
    stored,
    unfinished,
)
from tests.orders.lives import CANCELLED, NOW, PAID, SHIPPED, after, done, paid, refunded


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


def _answered(status: int) -> ClientError:
    reply: Any = {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(reply, "PutEvents")


# ---- trouble ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "InternalException", "Message": ""}}, "PutEvents"),
        EndpointConnectionError(endpoint_url="https://events"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bus_that_is_down_leaves_the_order_paid_and_counts_the_attempt(store: OrderStore, error: Exception) -> None:
    stored(store, PAID)

    for at in (NOW + 100, NOW + 200):
        assert unfinished(dispatch(store, Bus(error=error), Platform(), at=at)) == {NUMBER}

    ship = now_in(store).effect(Ship())
    assert ship is not None
    assert (now_in(store).status, ship.attempts) == (Status.PAID, 2)
    assert NOW + 200 < ship.next_at <= NOW + 230
    assert now_in(store).due_at == PAID.due_at


def test_a_right_that_is_missing_is_named_by_its_code(store: OrderStore) -> None:
    stored(store, PAID)
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "PutEvents")

    (attempt,) = dispatch(store, Bus(error=denied), Platform()).attempts

    assert "ClientError AccessDeniedException" == attempt.problem


@pytest.mark.parametrize("error", [PlatformBusy("x"), PlatformUnreachable("x"), ScopeMissing("x", code=30003)])
def test_a_platform_that_does_not_take_the_push_leaves_it_pending_and_the_shipping_done(
    store: OrderStore, error: PlatformError
) -> None:
    stored(store, PAID)
    bus = Bus()

    done = dispatch(store, bus, Platform(error))
    order = now_in(store)
    again = dispatch(store, bus, Platform(), at=done.next_at[NUMBER][0])

    assert (order.status, order.pending) == (Status.SHIPPED, (PushStatus("shipped"),))
    assert order.effect(PushStatus("shipped")) == Effect(1, next_at=done.next_at[NUMBER][0])
    assert not unfinished(again)
    assert len(bus.details) == 1
    assert now_in(store).pending == ()


def test_each_effect_that_failed_is_tried_again_at_its_own_time(store: OrderStore) -> None:
    stored(store, after(SHIPPED, paid("t2")))

    done = dispatch(store, Bus(), Platform(PlatformBusy("x")))

    times = {effect.next_at for _, effect in now_in(store).effects if effect.pending}
    assert 2 == len(times)
    assert tuple(sorted(times)) == done.next_at[NUMBER]


def test_an_effect_whose_time_has_not_come_is_left_alone(store: OrderStore) -> None:
    stored(store, SHIPPED)
    done = dispatch(store, Bus(), Platform(PlatformBusy("x")))
    platform = Platform()

    early = dispatch(store, Bus(), platform, at=done.next_at[NUMBER][0] - 1)

    assert Dispatched((), {}, {}, {}) == early
    assert [] == platform.pushed


def test_a_hopeless_effect_goes_to_the_dlq_first_and_then_fails_permanently(store: OrderStore) -> None:
    stored(store, SHIPPED)
    dlq = DeadLetterQueue()

    done = dispatch(store, Bus(), Platform(BadParameters("x", code=10001)), dlq=dlq)

    assert [Failure("poison", "BadParameters")] == [attempt.verdict.failure for attempt in dlq.sent]
    assert (set(), {NUMBER: ("effect_failed_permanently",)}) == (unfinished(done), done.alerts)
    assert now_in(store).pending == ()


def test_what_cannot_be_sent_to_the_dlq_does_not_fail_permanently(store: OrderStore) -> None:
    stored(store, SHIPPED)
    closed = DeadLetterQueue(ClientError({"Error": {"Code": "Down", "Message": ""}}, "SendMessage"))

    done = dispatch(store, Bus(), Platform(BadParameters("x", code=10001)), dlq=closed)

    assert {NUMBER} == unfinished(done)
    assert (PushStatus("shipped"),) == now_in(store).pending


def back(fen: int, *, ours: str = "", of: str = "t1") -> RemoteRefund:
    return RemoteRefund(refund_id="r1", transaction_id=of, amount_fen=fen, refunded_at=NOW, out_refund_no=ours)


def test_a_refusal_that_could_not_be_checked_is_not_the_last_word(store: OrderStore) -> None:
    stored(store, SHIPPED)
    blind, at = Platform(TransitionRefused("x"), shows=PlatformUnreachable("y")), NOW + 100

    for _ in range(2 * MAX_REFUSALS):
        at = dispatch(store, Bus(), blind, at=at).next_at.get(NUMBER, (0,))[0]

    assert (2 * MAX_REFUSALS, (PushStatus("shipped"),)) == (len(blind.pushed), now_in(store).pending)


@pytest.mark.parametrize("error", [TransitionRefused("x"), UnknownOutcome("x", reason="no reply")])
@pytest.mark.parametrize("status", ["shipped", "completed"])
def test_a_refused_push_is_done_when_the_platform_is_already_there(
    store: OrderStore, status: str, error: PlatformError
) -> None:
    stored(store, SHIPPED)

    assert not unfinished(dispatch(store, Bus(), Platform(error, shows=remote(status))))
    assert now_in(store).pending == ()


@pytest.mark.parametrize("status", ["refunded", "cancelled"])
def test_a_push_that_the_platform_refused_because_the_order_is_over_there_is_not_done_and_tried_longer(
    store: OrderStore, status: str
) -> None:
    stored(store, SHIPPED)
    platform, at = Platform(TransitionRefused("x"), shows=remote(status)), NOW + 100.0

    for _ in range(2 * MAX_REFUSALS):
        at = dispatch(store, Bus(), platform, at=at).next_at[NUMBER][0]
    order = now_in(store)

    assert ((PushStatus("shipped"),), False) == (order.pending, any(one.kind == "effect_done" for one in order.history))
    assert () == after(order, refunded()).pending


@pytest.mark.parametrize("shows", [remote("paid"), remote("created"), PlatformUnreachable("orders.get")], ids=str)
def test_a_refused_push_stays_pending_when_the_platform_is_not_there(store: OrderStore, shows: Any) -> None:
    stored(store, SHIPPED)

    done = dispatch(store, Bus(), Platform(TransitionRefused("orders.push_status", code=50003), shows=shows))

    assert unfinished(done) == {NUMBER}
    assert "50003" in done.attempts[0].problem
    assert now_in(store).pending == (PushStatus("shipped"),)


@pytest.mark.parametrize(
    ("refunds", "settled"),
    [
        ([], False),
        ([back(1234)], True),
        ([back(1)], False),
        ([back(1, ours=f"{NUMBER}:refund:t1")], True),
        ([back(1234, of="t2")], False),
    ],
)
@pytest.mark.parametrize("error", [OrderConflict("x"), TransitionRefused("x"), UnknownOutcome("x", reason="no reply")])
def test_a_refused_refund_is_done_when_the_platform_shows_the_money_gone_back(
    store: OrderStore, error: PlatformError, refunds: Sequence[RemoteRefund], settled: bool
) -> None:
    stored(store, after(CANCELLED, paid()))

    done = dispatch(store, Bus(), Platform(error, shows=remote("cancelled", *refunds)))

    assert (not unfinished(done)) is settled
    assert (now_in(store).pending == ()) is settled


def test_a_write_between_reading_and_writing_keeps_both(store: OrderStore) -> None:
    order = stored(store, PAID)

    class Meanwhile(Platform):
        def push_status(self, *args: str, **more: Any) -> None:
            super().push_status(*args, **more)
            assert not store.save_many([(order, after(order, paid("t2")))])

    bus = Bus()
    done = dispatch(store, bus, Meanwhile())

    assert not unfinished(done)
    assert (now_in(store).status, now_in(store).pending, now_in(store).version) == (
        Status.SHIPPED,
        (RefundAll("t2"),),
        3,
    )
    assert (now_in(store).balance_fen, len(bus.details)) == (2468, 1)


def test_a_shipping_overtaken_by_the_refund_is_not_forgotten(store: OrderStore) -> None:
    order = stored(store, PAID)

    class Meanwhile(Bus):
        def put_events(self, **request: Any) -> dict[str, Any]:
            assert not store.save_many([(order, after(order, refunded()))])
            return super().put_events(**request)

    done = dispatch(store, Meanwhile(), Platform())

    assert not unfinished(done)
    assert done.alerts == {NUMBER: ("shipped_while_refunded",)}
    assert now_in(store).status is Status.REFUNDED
    assert now_in(store).effect(Ship()) == Effect(1, NOW + 100)


@pytest.mark.parametrize(
    ("error", "alerted"),
    [
        (ReadTimeoutError(endpoint_url=""), True),
        (_answered(500), True),
        (_answered(400), False),
    ],
)
def test_a_ship_request_that_was_not_answered_is_reported_once_the_parcel_is_withdrawn(
    store: OrderStore, error: Exception, *, alerted: bool
) -> None:
    stored(store, PAID)
    dispatch(store, Bus(error=error), Platform())

    outcome = apply(now_in(store), refunded(), policy=Policy())

    assert isinstance(outcome, Applied)
    assert (("may_have_shipped",) if alerted else ()) == outcome.alerts


def test_what_was_confirmed_is_written_though_something_breaks(store: OrderStore) -> None:
    stored(store, PAID)

    class Broken(Platform):
        def push_status(self, *args: str, **more: Any) -> None:
            raise MemoryError

    bus = Bus()
    with pytest.raises(MemoryError):
        dispatch(store, bus, Broken())

    assert now_in(store).status is Status.SHIPPED
    dispatch(store, bus, Platform())
    assert len(bus.details) == 1


def test_an_order_that_is_not_in_the_table_is_unfinished(store: OrderStore) -> None:
    assert dispatch(store, Bus(), Platform(), "JWNONE") == Dispatched((), {}, {}, {"JWNONE": "order_unknown"})


def test_an_effect_of_a_later_version_stays_pending(store: OrderStore) -> None:
    stored(store, SHIPPED.with_effect(UnknownEffect("invite:friend"), Effect()))

    done = dispatch(store, Bus(), Platform())

    assert unfinished(done) == {NUMBER}
    assert now_in(store).pending == (UnknownEffect("invite:friend"),)


# ---- refunds that the platform takes and does not make --------------------------------------------------------------


def test_a_refund_that_the_reply_calls_failed_fails_permanently_at_once_with_a_dead_letter_and_an_alert(
    store: OrderStore,
) -> None:
    stored(store, after(SHIPPED, paid("t2"), done(PushStatus("shipped"))))
    dlq = DeadLetterQueue()

    dispatched = dispatch(store, Bus(), Platform(answers="failed"), dlq=dlq)

    assert {NUMBER: ("effect_failed_permanently", "refund_failed")} == dispatched.alerts
    assert [(RefundAll("t2"), REFUND_FAILED)] == [(one.effect, one.verdict.failure) for one in dlq.sent]
    assert ((), "refund_failed") == (now_in(store).pending, now_in(store).history[-1].kind)


@pytest.mark.parametrize("answer", ["processing", "unknown"])
def test_a_refund_that_the_platform_is_still_making_is_not_requested_again(
    store: OrderStore, answer: RefundState
) -> None:
    stored(store, after(SHIPPED, paid("t2"), done(PushStatus("shipped"))))
    platform = Platform(answers=answer)

    for at in (NOW + 100, NOW + 1000):
        dispatch(store, Bus(), platform, at=at)

    assert 1 == len(platform.refunded)
    assert awaits_refund(now_in(store), "t2")


def test_a_refund_whose_reply_was_lost_and_that_failed_there_is_known_to_have_failed(store: OrderStore) -> None:
    order = after(SHIPPED, paid("t2"), done(PushStatus("shipped")))
    stored(store, order)
    number = effect_id(order.order_no, RefundAll("t2"))
    shown = RemoteRefund(
        refund_id="r", out_refund_no=number, transaction_id="t2", amount_fen=1234, refunded_at=0, status="failed"
    )

    dispatch(store, Bus(), Platform(UnknownOutcome("refunds.create", reason="no reply"), remote("shipped", shown)))

    (refund,) = [effect for name, effect in now_in(store).effects if name == RefundAll("t2")]
    assert refund.refund_failed


@pytest.mark.parametrize("effect", [RefundAll("t2"), PushStatus("shipped")])
def test_what_is_confirmed_each_time_and_never_shown_comes_to_an_end(store: OrderStore, effect: EffectKey) -> None:
    order = (
        after(SHIPPED, paid("t2"))
        .with_effect(RefundAll("t2"), Effect(1, NOW))
        .with_effect(PushStatus("shipped"), Effect(1, NOW))
    )
    stored(store, order.with_effect(effect, Effect(MAX_ATTEMPTS)))
    platform, dlq = Platform(), DeadLetterQueue()

    dispatch(store, Bus(), platform, dlq=dlq)

    assert ([], []) == (platform.refunded, platform.pushed)
    assert [Failure("exhausted", "NeverShown, tried 33 times")] == [one.verdict.failure for one in dlq.sent]
