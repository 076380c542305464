"""The safeguards of points and of the merchant's own door."""

from tests.proof.mutations.safeguard import Safeguard

POINTS = (
    Safeguard(
        "nobody spends points that are not there",
        2,
        "layers/jiuwu/jiuwu/points/codec.py",
        '"points >= :needed"',
        '"points >= :needed OR points < :needed"',
        ("tests/points/test_ledger.py::test_reserved_points_are_not_there_for_another_order",),
    ),
    Safeguard(
        "an order reserves its points once, and a grant counts once",
        2,
        "layers/jiuwu/jiuwu/points/codec.py",
        '"attribute_not_exists(entry)"',
        '"attribute_not_exists(entry) OR attribute_exists(entry)"',
        ("tests/points/test_ledger.py::test_the_same_grant_counts_once",),
    ),
    Safeguard(
        "points that went back are not spent",
        2,
        "layers/jiuwu/jiuwu/points/codec.py",
        '"#state = :before"',
        '"#state = :before OR attribute_exists(#state)"',
        ("tests/points/test_ledger.py::test_points_that_were_given_back_buy_nothing_any_more",),
    ),
    Safeguard(
        "a reservation that comes after its cancellation is refused",
        2,
        "layers/jiuwu/jiuwu/points/ledger.py",
        "refused = self._transact(new_entry(key, known))",
        "refused = None",
        ("tests/points/test_ledger.py::test_a_reservation_that_comes_after_its_cancellation_is_refused",),
    ),
    Safeguard(
        "a balance is too small only if this very order has not taken from it",
        2,
        "layers/jiuwu/jiuwu/points/ledger.py",
        "known = booking_in(refused[0]) if refused[0] else self._booking(key)",
        "known = booking_in(refused[0]) if refused[0] else None",
        ("tests/points/test_ledger_laws.py::test_who_took_the_last_points_and_lost_the_reply_is_not_short_of_them",),
    ),
    Safeguard(
        "points are reserved before the platform hears of the order",
        2,
        "layers/jiuwu/jiuwu/bootstrap.py",
        "if order.points:",
        "if order.points < 0:",
        (
            "tests/functions/test_storefront_points.py::test_who_has_too_few_points_hears_so_and_pays_nothing",
            "tests/functions/test_reconciler_points.py::test_an_order_whose_process_died_before_the_reservation_is_reserved_and_placed",
        ),
    ),
    Safeguard(
        "an order whose points are gone is given up",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "if not why.final:",
        "if why.reason:",
        (
            "tests/functions/test_reconciler_points.py::test_an_order_for_which_the_points_are_gone_is_cancelled_and_never_gets_to_the_platform",
        ),
    ),
    Safeguard(
        "an order that costs nothing is not adopted: how many points paid for it, only we knew",
        2,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        "if not remote.amount_fen:\n        raise NotOurs",
        "if remote.amount_fen < 0:\n        raise NotOurs",
        (
            "tests/functions/test_reconciler_points.py::test_an_order_of_nothing_that_our_table_lost_is_reported_and_not_adopted",
        ),
    ),
    Safeguard(
        "an order that was cancelled here while it got there for nothing is cancelled there too",
        3,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        'open_there = remote.status == "created" or (remote.status == "paid" and not remote.amount_fen)',
        'open_there = remote.status == "created"',
        (
            "tests/functions/test_reconciler_points.py::test_a_cancelled_order_that_the_platform_takes_as_paid_with_nothing_is_cancelled_there",
        ),
    ),
    Safeguard(
        "the merchant's door opens for the merchant's key alone",
        5,
        "layers/jiuwu/jiuwu/checkout/merchant_key.py",
        "if True not in [",
        "if None in [",
        ("tests/functions/test_back_office.py::test_a_stranger_learns_only_that_a_key_is_needed",),
    ),
    Safeguard(
        "a refund requested long ago is not requested again",
        2,
        "layers/jiuwu/jiuwu/orders/refund_rules.py",
        "return bool(_parts(order, request)) or order.seen",
        "return order.seen",
        ("tests/functions/test_back_office.py::test_a_request_known_from_long_ago_is_still_the_same_refund",),
    ),
)
