"""The wait of a message in the effect queue: what was counted, and what was added since."""

from jiuwu.effects.queue_delay import Backlog


def test_a_queue_begins_empty_and_is_counted_at_once() -> None:
    counts: list[int | None] = [None]

    assert 0.0 == Backlog(50.0, readers=8).wait(0.0, counts.pop)
    assert [] == counts


def test_a_queue_is_counted_once_a_minute() -> None:
    backlog, counts = Backlog(50.0, readers=1), [300, 200, 100]
    waits = [backlog.wait(now, counts.pop) for now in (0.0, 59.9, 60.0, 119.9, 120.0)]

    assert [3 * 100 / 50] * 2 + [3 * 200 / 50] * 2 + [3 * 300 / 50] == waits


def test_what_was_added_before_a_count_is_part_of_it_for_one_more_minute() -> None:
    backlog = Backlog(1.0, readers=2)
    backlog.wait(0.0, lambda: 0)

    backlog.add(5)
    backlog.add(5)

    assert 3 * 10 * 2 == backlog.wait(1.0, lambda: 0)
    assert 3 * (7 + 10 * 2) == backlog.wait(60.0, lambda: 7)
    assert 3 * 7 == backlog.wait(120.0, lambda: 7)
