"""Two and three invocations on one order, in every order of their calls: no promise breaks."""

from collections.abc import Callable, Sequence

import pytest

from tests.interleavings.crossings import CASES, Case, crossroads
from tests.interleavings.walking import schedules

# Of three invocations: what needs more interruptions than a race of any pair among them is not looked for.
_MOST_INTERRUPTIONS = 3

_CASES = [pytest.param(case, id=case.name, marks=pytest.mark.proof if case.proof else ()) for case in CASES]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", _CASES)
def test_no_promise_breaks_in_any_order_of_calls(case: Case, record_property: Callable[[str, object], None]) -> None:
    with crossroads(case) as here:

        def run(choices: Sequence[int]) -> list[tuple[int, ...]]:
            ways, problems = here.walk(choices)
            (order,) = here.stage.orders().values()
            assert [] == problems, choices
            assert order.status in case.ends, choices
            return ways

        walked = list(schedules(run, interruptions=_MOST_INTERRUPTIONS if case.proof else float("inf")))
        record_property("schedules", len(walked))

    assert len(set(walked)) == len(walked) > 1
