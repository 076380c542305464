"""Two and three invocations on one order, in every interleaving of their calls: no promise breaks."""

from collections.abc import Callable, Sequence

import pytest

from tests.proof.interleavings.cases import CASES, Case, crossroads
from tests.proof.interleavings.schedules import schedules

# Of three invocations: what needs more preemptions than this is not looked for.
_MAX_PREEMPTIONS = 3

_CASES = [pytest.param(case, id=case.name, marks=pytest.mark.proof if case.proof else ()) for case in CASES]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", _CASES)
def test_no_promise_breaks_in_any_interleaving(case: Case, record_property: Callable[[str, object], None]) -> None:
    with crossroads(case) as here:

        def run(choices: Sequence[int]) -> list[tuple[int, ...]]:
            ways, problems = here.walk(choices)
            (order,) = here.stage.orders().values()
            assert [] == problems, choices
            assert order.status in case.ends, choices
            return ways

        walked = list(schedules(run, preemptions=_MAX_PREEMPTIONS if case.proof else float("inf")))
        record_property("schedules", len(walked))

    assert len(set(walked)) == len(walked) > 1
