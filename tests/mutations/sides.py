"""The safeguards between both sides: effects, reconciliation, placing, adoption."""

from .safeguard import Safeguard

_TRADE = "layers/jiuwu/jiuwu/trade"
_REFUSED = "tests/functions/test_reconciler_refused.py"

SIDES = (
    Safeguard(
        "a push carries what it is deduped by",
        2,
        "layers/jiuwu/jiuwu/effects/platform_delivery.py",
        'platform.push_status(order.order_no, cast("OrderStatus", of), number, timeout=seconds)',
        'platform.push_status(order.order_no, cast("OrderStatus", of), f"{number}{object()}", timeout=seconds)',
        (
            "tests/effects/test_dispatcher.py::test_a_paid_order_is_shipped_and_told_to_the_platform_in_one_write",
            "tests/effects/test_dispatcher.py::test_an_order_cancelled_here_alone_is_cancelled_there",
        ),
    ),
    Safeguard(
        "a refund asks for no more than is left",
        2,
        "layers/jiuwu/jiuwu/effects/platform_delivery.py",
        "order.uncommitted_fen(payment)",
        "order.amount_fen",
        (
            "tests/effects/test_dispatcher.py::test_a_payment_to_give_back_is_refunded_as_far_as_it_is_left",
            "tests/effects/test_dispatcher.py::test_a_payment_that_went_back_meanwhile_is_not_refunded_again",
        ),
    ),
    Safeguard(
        "a refusal that nobody could look into is not the last word",
        2,
        "layers/jiuwu/jiuwu/effects/platform_delivery.py",
        "return error if isinstance(error, UnknownOutcome) else blind,",
        "return error,",
        ("tests/effects/test_dispatcher_trouble.py::test_a_refusal_that_nobody_could_look_into_is_not_the_last_word",),
    ),
    Safeguard(
        "a garbled wait puts nothing off for years",
        2,
        "layers/jiuwu/jiuwu/effects/retry_policy.py",
        'return min(int(getattr(error, "retry_after", None) or 0), _MOST_SECONDS)',
        'return int(getattr(error, "retry_after", None) or 0)',
        ("tests/effects/test_retry_policy.py::test_a_garbled_wait_puts_nothing_off_for_longer_than_an_hour",),
    ),
    Safeguard(
        "every shard that anybody writes is read",
        3,
        "layers/jiuwu/jiuwu/reconciliation/repository.py",
        "        shards = max(shards, SHARDS)\n",
        "",
        (
            "tests/reconciliation/test_repository.py"
            "::test_what_writers_without_the_parameter_wrote_is_read_however_few_shards_there_are",
        ),
    ),
    Safeguard(
        "an entry that the bus refused is not shipped",
        1,
        "layers/jiuwu/jiuwu/effects/dispatcher.py",
        'answer.get("ErrorCode", "")',
        '""',
        ("tests/effects/test_dispatcher.py::test_an_entry_that_the_bus_refuses_does_not_hold_up_the_others",),
    ),
    Safeguard(
        "an unknown outcome is looked up",
        2,
        "layers/jiuwu/jiuwu/effects/platform_delivery.py",
        "    except (TransitionRefused, OrderConflict, UnknownOutcome) as error:",
        "    except (OrderConflict,) as error:",
        (
            "tests/effects/test_dispatcher_trouble.py::test_a_refused_push_is_done_when_the_platform_is_already_there",
            "tests/effects/test_dispatcher_trouble.py::test_a_refused_refund_is_done_when_the_platform_shows_the_money_gone_back",
        ),
    ),
    Safeguard(
        "what was confirmed is written though something breaks",
        2,
        "layers/jiuwu/jiuwu/effects/dispatcher.py",
        "        finally:\n",
        "        except ZeroDivisionError:\n            raise\n        else:\n",
        ("tests/effects/test_dispatcher_trouble.py::test_what_was_confirmed_is_written_though_something_breaks",),
    ),
    Safeguard(
        "a refund tells the platform why",
        3,
        "layers/jiuwu/jiuwu/effects/platform_delivery.py",
        "reason=reason, timeout=seconds)",
        'reason="", timeout=seconds)',
        ("tests/effects/test_dispatcher.py::test_a_refund_that_the_merchant_asked_for_tells_the_platform_why",),
    ),
    Safeguard(
        "no reasons fill an order",
        1,
        "layers/jiuwu/jiuwu/trade/refunding.py",
        "reason[:MOST_REASON]",
        "reason",
        ("tests/trade/test_machine_asked.py::test_no_reasons_fill_an_order",),
    ),
    Safeguard(
        "a reason that may name people is shown in no trace",
        5,
        "layers/jiuwu/jiuwu/trade/orders.py",
        "field(default=(), repr=False)",
        "field(default=())",
        ("tests/trade/test_machine_asked.py::test_a_reason_may_name_people_and_is_shown_in_no_trace",),
    ),
    Safeguard(
        "no effect is begun that could not end in time",
        2,
        "layers/jiuwu/jiuwu/effects/dispatcher.py",
        "            if self._late:\n",
        "            if False:\n",
        (
            "tests/effects/test_dispatcher_deadline.py::test_no_effect_is_begun_that_could_not_end_in_time",
            "tests/sandbox/test_town_hanging.py::test_an_hour_at_a_hanging_platform_kills_no_invocation_and_gives_up_no_message",
        ),
    ),
    Safeguard(
        "what has waited longest is tried first",
        1,
        "layers/jiuwu/jiuwu/effects/dispatcher.py",
        "for _, name in sorted(ready, key=lambda one: one[0])",
        "for _, name in ready",
        ("tests/effects/test_dispatcher_deadline.py::test_what_has_waited_longest_is_tried_first",),
    ),
    Safeguard(
        "what there was no time for is asked for at once",
        1,
        "layers/jiuwu/jiuwu/effects/dispatcher.py",
        "{order.order_no: {now} for order in orders if self._ready(self._after(order, attempts)[0])}",
        "dict[str, set[int]]()",
        ("tests/effects/test_dispatcher_deadline.py::test_what_there_was_no_time_for_is_asked_for_at_once",),
    ),
    Safeguard(
        "an effect that was not taken is asked for again",
        1,
        "functions/effect_dispatcher/app.py",
        "_ask_again(parts, dispatched.next_at)",
        "_ask_again(parts, {})",
        (
            "tests/functions/test_effect_dispatcher.py::test_what_the_platform_did_not_take_is_asked_for_again_when_its_time_comes",
        ),
    ),
    Safeguard(
        "a message whose order could not be written comes again",
        1,
        "functions/effect_dispatcher/app.py",
        "    failed |= {message for message, number in numbers.items() if number in unwritten}\n",
        "",
        ("tests/functions/test_effect_dispatcher.py::test_a_table_that_does_not_answer_brings_the_messages_back",),
    ),
    Safeguard(
        "what may be there is looked up before it is placed again",
        2,
        "layers/jiuwu/jiuwu/trade/placing.py",
        "found = look(platform, order.order_no, left=left)",
        "found = None",
        ("tests/trade/test_placing.py::test_what_is_certainly_not_there_is_tried_once_more",),
    ),
    Safeguard(
        "the list of changes is read with an overlap",
        3,
        "layers/jiuwu/jiuwu/reconciliation/repository.py",
        "self.since - OVERLAP_SECONDS)",
        "self.since)",
        ("tests/reconciliation/test_repository.py::test_a_pass_asks_with_an_overlap_of_five_minutes",),
    ),
    Safeguard(
        "the cursor never runs ahead of our clock",
        3,
        "layers/jiuwu/jiuwu/reconciliation/repository.py",
        "min(latest, self.began + OVERLAP_SECONDS)",
        "latest",
        (
            "tests/reconciliation/test_repository.py::test_a_change_dated_in_the_future_hides_none_that_comes_before_it",
            "tests/reconciliation/test_repository.py::test_a_cursor_that_was_led_into_the_future_comes_back",
        ),
    ),
    Safeguard(
        "orders that are refused for their own sake are no outage",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "self._failed_in_a_row = 0 if alone else self._failed_in_a_row + 1",
        "self._failed_in_a_row += 1",
        (
            "tests/functions/test_reconciler_refused.py::test_orders_that_are_refused_for_their_own_sake_do_not_keep_others_from_being_placed",
        ),
    ),
    Safeguard(
        "an order that the platform chokes on does not come first in every tick",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "if alone or isinstance(error, UnknownOutcome):",
        "if alone and isinstance(error, UnknownOutcome):",
        (
            "tests/functions/test_reconciler_refused.py::test_an_order_that_may_be_the_trouble_itself_comes_first_in_no_tick_again",
        ),
    ),
    Safeguard(
        "a platform that takes no orders is still asked about the others",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "                return  # they stay due",
        "                raise _CutOff  # they stay due",
        (
            "tests/functions/test_reconciler_refused.py::test_a_platform_that_takes_no_orders_is_still_asked_for_what_became_of_the_others",
        ),
    ),
    Safeguard(
        "an order that the platform's review refuses is given up",
        6,
        "layers/jiuwu/jiuwu/trade/placing.py",
        '    "points_returned",\n    "content_refused",\n)',
        '    "points_returned",\n)',
        (
            "tests/functions/test_reconciler_refused.py::test_an_order_that_the_platforms_review_refuses_is_cancelled_and_asked_for_no_more",
            "tests/functions/test_storefront_trouble.py"
            "::test_an_order_that_the_platforms_review_refuses_is_cancelled_and_says_so_however_often_it_is_asked_for",
        ),
    ),
    Safeguard(
        "a change that was left aside is met by the next pass",
        3,
        "layers/jiuwu/jiuwu/reconciliation/repository.py",
        "if self.aside else reach",
        "if not reach else reach",
        (
            "tests/reconciliation/test_repository.py"
            "::test_what_a_pass_left_aside_is_met_by_the_next_one_however_long_it_was_cut_off",
            "tests/functions/test_reconciler_trouble.py"
            "::test_a_change_left_aside_is_met_again_though_the_rest_of_the_list_had_to_wait",
        ),
    ),
    Safeguard(
        "an order that somebody wrote meanwhile counts as left aside",
        3,
        "layers/jiuwu/jiuwu/reconciliation/settle.py",
        "return Mended(local, aside=True)",
        "return Mended(local)",
        (
            "tests/functions/test_reconciler_trouble.py"
            "::test_a_change_left_aside_is_met_again_though_the_rest_of_the_list_had_to_wait",
        ),
    ),
    Safeguard(
        "every page of the changes is read",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "after(changes, page.next_cursor)",
        'after(changes, "")',
        (
            "tests/functions/test_reconciler_trouble.py::test_a_list_of_changes_is_read_on_from_the_page_it_was_cut_off_at",
        ),
    ),
    Safeguard(
        "money is never placed again at the platform",
        2,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        "if local.ledger or local.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED, Status.HELD):",
        "if local.status in (Status.HELD,):",
        ("tests/reconciliation/test_decide.py::test_each_pair_of_sides_has_its_actions_and_its_drift",),
    ),
    Safeguard(
        "an order is adopted only if its lines explain its amount",
        3,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        "if not lines or total != remote.amount_fen:",
        "if not lines:",
        ("tests/reconciliation/test_decide.py::test_what_is_not_provably_ours_is_not_adopted",),
    ),
    Safeguard(
        "an order is adopted only if its number is ours",
        3,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        "if not is_order_no(remote.out_order_no):",
        "if not remote.out_order_no:",
        ("tests/reconciliation/test_decide.py::test_what_is_not_provably_ours_is_not_adopted",),
    ),
    Safeguard(
        "holding an order withdraws its shipping",
        2,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        'order.without_pending("ship").moved(Status.HELD',
        "order.moved(Status.HELD",
        (
            "tests/reconciliation/test_repair.py::test_an_order_of_another_amount_there_ships_nothing_though_its_payment_fits",
        ),
    ),
    Safeguard(
        "another member's order is never taken for ours",
        3,
        "layers/jiuwu/jiuwu/reconciliation/contradictions.py",
        "if remote.open_id and local.open_id != remote.open_id:",
        "if not local.open_id:",
        ("tests/reconciliation/test_decide.py::test_each_pair_of_sides_has_its_actions_and_its_drift",),
    ),
    Safeguard(
        "an amount that differs over there holds the order",
        2,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        "if differing and _may_hold(local) else ()",
        "if False else ()",
        (
            "tests/reconciliation/test_repair.py::test_an_order_of_another_amount_there_ships_nothing_though_its_payment_fits",
        ),
    ),
    Safeguard(
        "news found twice has one id",
        2,
        "layers/jiuwu/jiuwu/reconciliation/decide.py",
        'Paid(f"{finder}:{found}:{txn}"',
        'Paid(f"{finder}:{found}:{at}"',
        (
            "tests/reconciliation/test_decide.py::test_news_has_ids_made_of_the_evidence_so_that_two_finders_apply_it_once",
        ),
    ),
    Safeguard(
        "an old view of the platform corrects nothing",
        3,
        "layers/jiuwu/jiuwu/reconciliation/settle.py",
        "local.history[-1].at > seen_at - 1",
        "local.history[-1].at > 10**12",
        (
            "tests/functions/test_reconciler.py::test_what_happened_here_while_the_platform_answered_does_not_make_it_look_behind",
        ),
    ),
    Safeguard(
        "a change of this moment is left to its notification",
        3,
        "layers/jiuwu/jiuwu/reconciliation/worker.py",
        "return remote is not None and abs(",
        "return remote is None and abs(",
        ("tests/functions/test_reconciler.py::test_a_change_of_this_moment_is_left_to_its_notification",),
    ),
    Safeguard(
        "an effect is not tried for ever",
        3,
        "layers/jiuwu/jiuwu/effects/retry_policy.py",
        "    if attempts >= MOST_ATTEMPTS:",
        "    if attempts < 0:",
        ("tests/effects/test_retry_policy.py::test_what_passes_is_tried_for_more_than_a_day_and_then_given_up",),
    ),
    Safeguard(
        "what our own limit held back is never given up",
        1,
        "layers/jiuwu/jiuwu/effects/retry_policy.py",
        "    if held_back(error):",
        "    if False:",
        (
            "tests/effects/test_retry_policy.py::test_what_was_held_back_here_counts_as_no_attempt_and_is_never_given_up",
        ),
    ),
    Safeguard(
        "many pages that poll an order are one question to the platform",
        2,
        "layers/jiuwu/jiuwu/trade/store.py",
        '            " AND (attribute_not_exists(looked_at) OR looked_at <= :since)",',
        '            " AND (:since = :since)",',
        ("tests/trade/test_store.py::test_one_of_two_who_look_at_the_same_moment_may_ask_the_platform",),
    ),
    Safeguard(
        "a look creates nothing that the platform does not know",
        2,
        "layers/jiuwu/jiuwu/checkout/checkout.py",
        "return self._settled(order, remote, seen_at=now) if remote else order",
        "return self._settled(order, remote or reach.place(order), seen_at=now)",
        (
            "tests/functions/test_storefront_looking.py::"
            "test_an_order_that_the_platform_does_not_know_is_not_created_by_a_look",
        ),
    ),
    Safeguard(
        "what a member's look found first is no missed notification",
        3,
        "functions/storefront/app.py",
        ", finder=STOREFRONT)",
        ")",
        (
            "tests/functions/test_storefront_looking.py::"
            "test_what_a_look_finds_is_told_apart_from_what_the_reconciler_finds",
        ),
    ),
    Safeguard(
        "an order whose time is over is not placed by a look",
        3,
        "layers/jiuwu/jiuwu/checkout/checkout.py",
        " and not 0 < self._policy.expires_at(order) <= now",
        "",
        ("tests/functions/test_storefront_looking.py::test_an_order_whose_time_is_over_is_not_placed_by_a_look",),
    ),
)
