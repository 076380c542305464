"""A circuit's decisions: when it opens, who may probe it, and when it closes."""

from functools import reduce

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.throttling import circuit_breaker
from jiuwu.throttling.circuit_breaker import Circuit, CircuitBreakerRules

RULES = CircuitBreakerRules(failure_percent=50, least_calls=20, window_seconds=10, open_seconds=15.0, probes=3)
NOW = 1_763_800_000.0  # begins a window


def opened(now: float = NOW) -> Circuit:
    return circuit_breaker.noted(Circuit(), 20, 20, now, RULES)


def probe(found: Circuit, now: float, times: int) -> tuple[Circuit, list[str]]:
    admissions: list[str] = []
    for _ in range(times):
        found, admission = circuit_breaker.admitted(found, now, RULES)
        admissions.append(admission)
    return found, admissions


def test_too_few_calls_never_open_it() -> None:
    assert "closed" == circuit_breaker.noted(Circuit(), 19, 19, NOW, RULES).state


def test_less_failures_than_the_rate_do_not_open_it() -> None:
    assert "closed" == circuit_breaker.noted(Circuit(), 100, 49, NOW, RULES).state


def test_the_rate_opens_it_for_its_time() -> None:
    found = circuit_breaker.noted(Circuit(), 100, 50, NOW, RULES)

    assert ("open", NOW + 15) == (found.state, found.until)
    assert "none" == circuit_breaker.admitted(found, NOW + 14.9, RULES)[1]


def test_two_reports_of_half_the_failures_open_it_together() -> None:
    first = circuit_breaker.noted(Circuit(), 10, 10, NOW, RULES)

    assert ("closed", "open") == (first.state, circuit_breaker.noted(first, 10, 10, NOW + 1, RULES).state)


def test_the_window_before_still_counts_and_those_before_do_not() -> None:
    first = circuit_breaker.noted(Circuit(), 19, 19, NOW, RULES)

    assert "open" == circuit_breaker.noted(first, 1, 1, NOW + 19.9, RULES).state
    assert "closed" == circuit_breaker.noted(first, 1, 1, NOW + 20, RULES).state


def test_a_reporter_whose_clock_is_behind_does_not_wipe_out_what_others_counted() -> None:
    first = circuit_breaker.noted(Circuit(), 19, 19, NOW, RULES)

    assert "open" == circuit_breaker.noted(first, 1, 1, NOW - 1, RULES).state


def test_after_its_time_only_so_many_probes_go_through() -> None:
    _, admissions = probe(opened(), NOW + 15, 10)

    assert ["probe"] * 3 + ["none"] * 7 == admissions


def test_it_closes_when_all_probes_succeeded_and_not_before() -> None:
    found, _ = probe(opened(), NOW + 15, 3)
    states = []
    for _ in range(3):
        found = circuit_breaker.probed(found, NOW + 16, RULES, failed=False)
        states.append(found.state)

    assert ["half_open", "half_open", "closed"] == states
    assert Circuit() == found


def test_one_failed_probe_opens_it_again() -> None:
    found, _ = probe(opened(), NOW + 15, 3)
    found = circuit_breaker.probed(found, NOW + 16, RULES, failed=False)

    again = circuit_breaker.probed(found, NOW + 17, RULES, failed=True)

    assert ("open", NOW + 32) == (again.state, again.until)


def test_probes_that_nobody_reported_are_sent_again_in_the_next_round() -> None:
    died, _ = probe(opened(), NOW + 15, 3)

    assert "none" == circuit_breaker.admitted(died, NOW + 29, RULES)[1]
    assert ["probe"] * 3 + ["none"] == probe(died, NOW + 30, 4)[1]


def test_what_was_sent_before_it_opened_neither_closes_nor_reopens_it() -> None:
    found = opened()

    assert found == circuit_breaker.noted(found, 50, 50, NOW + 1, RULES)
    assert found == circuit_breaker.probed(found, NOW + 1, RULES, failed=False)


def test_the_operators_word_goes_before_everything() -> None:
    down = Circuit(forced="open")
    up = circuit_breaker.noted(Circuit(forced="closed"), 100, 100, NOW, RULES)

    assert ["none"] * 2 == probe(down, NOW + 10**6, 2)[1]
    assert ["all"] * 2 == probe(up, NOW, 2)[1]


def test_an_end_that_a_wrong_clock_wrote_is_not_waited_for() -> None:
    ahead = opened(NOW + 3600)

    assert "probe" == circuit_breaker.admitted(ahead, NOW, RULES)[1]


def test_half_a_second_between_two_clocks_makes_no_early_probe() -> None:
    assert "none" == circuit_breaker.admitted(opened(), NOW - 0.5, RULES)[1]
    assert "none" == circuit_breaker.admitted(opened(), NOW - 0.99, RULES)[1]


def test_an_end_is_believed_up_to_a_second_beyond_what_a_rule_could_have_set() -> None:
    assert "none" == circuit_breaker.admitted(opened(NOW + 1), NOW, RULES)[1]
    assert "probe" == circuit_breaker.admitted(opened(NOW + 1.01), NOW, RULES)[1]


def test_a_new_circuit_is_closed_and_has_seen_nothing() -> None:
    assert ("closed", 0.0, "", 0, 0, 0, 0, 0, 0, 0) == msgspec.structs.astuple(Circuit())


def test_a_report_of_no_calls_changes_nothing() -> None:
    counted = circuit_breaker.noted(Circuit(), 19, 19, NOW, RULES)

    assert counted == circuit_breaker.noted(counted, 0, 0, NOW + 20, RULES)


def test_calls_are_counted_in_their_window_and_kept_for_the_next_one_alone() -> None:
    window = int(NOW) // 10
    first = circuit_breaker.noted(Circuit(), 9, 2, NOW + 9.9, RULES)
    second = circuit_breaker.noted(first, 7, 1, NOW + 10, RULES)
    later = circuit_breaker.noted(second, 5, 3, NOW + 30, RULES)

    assert Circuit(window=window, calls=9, failures=2) == first
    assert Circuit(window=window + 1, calls=7, failures=1, calls_before=9, failures_before=2) == second
    assert Circuit(window=window + 3, calls=5, failures=3) == later


def test_one_failure_below_the_rate_keeps_it_closed_however_many_calls_there_are() -> None:
    assert "closed" == circuit_breaker.noted(Circuit(), 1000, 499, NOW, RULES).state
    assert "open" == circuit_breaker.noted(Circuit(), 1000, 500, NOW, RULES).state


def test_the_first_call_after_its_time_begins_a_round_of_probes() -> None:
    first, _ = probe(opened(), NOW + 16, 1)
    second, _ = probe(first, NOW + 17, 1)

    assert Circuit(state="half_open", until=NOW + 31, probes=2) == first
    assert Circuit(state="half_open", until=NOW + 31, probes=1) == second


def test_a_probe_that_succeeded_is_counted_and_the_round_goes_on() -> None:
    found, _ = probe(opened(), NOW + 15, 2)

    passed = circuit_breaker.probed(found, NOW + 16, RULES, failed=False)

    assert Circuit(state="half_open", until=NOW + 30, probes=1, passed=1) == passed


def test_a_circuit_that_the_operator_holds_closed_counts_and_stays_closed() -> None:
    found = circuit_breaker.noted(Circuit(forced="closed"), 100, 100, NOW, RULES)

    assert ("closed", "closed", 100) == (found.forced, found.state, found.calls)


def test_a_failed_probe_leaves_the_operators_word() -> None:
    found, _ = probe(opened(), NOW + 15, 1)
    forced = msgspec.structs.replace(found, forced="closed")

    assert "closed" == circuit_breaker.probed(forced, NOW + 16, RULES, failed=True).forced


REPORTS = st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1), st.floats(0, 30)), max_size=30)


@given(REPORTS)
def test_it_never_opens_while_less_than_the_rate_fail(reports: list[tuple[int, float, float]]) -> None:
    def note(found: tuple[Circuit, float], report: tuple[int, float, float]) -> tuple[Circuit, float]:
        calls, part, passed = report
        now = found[1] + passed
        return circuit_breaker.noted(found[0], calls, int(calls * part * 0.49), now, RULES), now

    assert "closed" == reduce(note, reports, (Circuit(), NOW))[0].state
