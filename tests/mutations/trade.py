"""The safeguards of trade: orders, effects, both sides."""

from .safeguard import Safeguard

_TRADE = "layers/jiuwu/jiuwu/trade"

TRADE = (
    Safeguard(
        "an order is created once",
        2,
        f"{_TRADE}/store.py",
        'ConditionExpression="attribute_not_exists(order_no)"',
        'ConditionExpression="attribute_not_exists(nothing)"',
        ("tests/trade/test_store.py::test_creating_a_number_again_returns_the_order_that_stands",),
    ),
    Safeguard(
        "a write names the version it was read at",
        2,
        f"{_TRADE}/store.py",
        '"order_no"=? AND "version"=?',
        '"order_no"=? AND "version">=?',
        ("tests/trade/test_store.py::test_only_the_first_of_two_writers_wins",),
    ),
    Safeguard(
        "each write counts the version",
        2,
        f"{_TRADE}/store.py",
        "str(old.version + 1)",
        "str(old.version)",
        ("tests/trade/test_store.py::test_a_write_changes_what_differs_and_counts_the_version",),
    ),
    Safeguard(
        "a lost statement counts as not written",
        2,
        f"{_TRADE}/store.py",
        "            lost |= _lost(pairs, codes)",
        "            _lost(pairs, codes)",
        ("tests/trade/test_store.py::test_a_lost_order_does_not_hold_up_the_others_of_its_request",),
    ),
    Safeguard(
        "what stays throttled counts as not written",
        1,
        f"{_TRADE}/store.py",
        "return lost | {old.order_no for old, _ in pairs}",
        "return lost",
        ("tests/trade/test_store_requests.py::test_what_stays_throttled_counts_as_not_written",),
    ),
    Safeguard(
        "who lost an order to others waits before the next round",
        1,
        f"{_TRADE}/store.py",
        "self._sleep(self._rand() * _FIRST_PAUSE_SECONDS * 2 ** min(lost, 6))",
        "self._rand()",
        (
            "tests/trade/test_store_requests.py::test_who_lost_waits_longer_before_each_round",
            "tests/sandbox/test_capacity.py::test_twenty_processors_at_one_order_take_all_in_long_before_anything_is_given_up",
        ),
    ),
    Safeguard(
        "keys left unread are not taken for unknown",
        1,
        f"{_TRADE}/store.py",
        'raise TableBusy(f"DynamoDB left {len(keys)} of the keys unread after {_ROUNDS} tries")',
        "return items",
        ("tests/trade/test_store_requests.py::test_a_read_that_stays_throttled_says_so",),
    ),
    Safeguard(
        "a key with another basket is refused",
        6,
        f"{_TRADE}/checkout.py",
        "if order.fingerprint != fingerprint(basket.quantities.items(), with_points=basket.with_points):",
        "if not order.fingerprint:",
        ("tests/functions/test_storefront.py::test_the_same_key_with_another_body_is_refused_and_says_so",),
        ends_in="KeyError: 'reason'",
    ),
    Safeguard(
        "who loses the race reads again",
        1,
        f"{_TRADE}/inbox.py",
        "for _ in self._store.rounds():",
        "for _ in range(1):",
        (
            "tests/functions/test_order_processor_trouble.py::test_who_loses_the_race_reads_again_and_applies_again",
            "tests/functions/test_order_processor.py::test_different_news_of_one_order_at_the_same_instant_all_count",
        ),
    ),
    Safeguard(
        "news of another platform order is poison",
        2,
        f"{_TRADE}/inbox.py",
        'if order.platform_order_no not in ("", notice.platform_order_no):',
        "if not notice.platform_order_no:",
        ("tests/trade/test_notices.py::test_a_notification_about_another_platform_order_is_poison",),
    ),
    Safeguard(
        "only what failed comes again, and it does",
        1,
        "functions/order_processor/app.py",
        'if result.outcome == "failed")\n',
        'if result.outcome == "poison")\n',
        ("tests/functions/test_order_processor_trouble.py::test_who_loses_every_race_sends_the_message_back",),
    ),
    Safeguard(
        "poison is kept with its reason",
        1,
        "functions/order_processor/app.py",
        '    if result.outcome != "poison":',
        "    if result.outcome:",
        (
            "tests/functions/test_order_processor_trouble.py::test_whatever_lies_in_the_queue_is_buried_and_raises_nothing",
        ),
    ),
    Safeguard(
        "poison that cannot be kept comes again",
        1,
        "functions/order_processor/app.py",
        'return Result("failed", "not_buried"',
        'return Result("poison", "not_buried"',
        ("tests/functions/test_order_processor_trouble.py::test_poison_that_cannot_be_buried_comes_again",),
    ),
)
