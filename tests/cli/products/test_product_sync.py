"""How runs of ProductSync are put together: from the beginning of the table to its end."""

import json
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.products import product_sync
from jiuwu_cli.terminal.errors import CommandError

ENDED = {"outcomes": {"pushed": 1}, "findings": [], "more_findings": 0, "problems": []}
ENDED |= {"next": "", "finished": True}


class Function:
    """A session whose ProductSync gives these answers; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.requested = list(answers), list[Any]()

    def client(self, service: str, **_: object) -> "Function":
        assert "lambda" == service
        return self

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert ("sync", "live") == (FunctionName, Qualifier)
        self.requested.append(json.loads(Payload))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return {"Payload": BytesIO(answer), "FunctionError": "Unhandled"}
        return {"Payload": BytesIO(json.dumps(answer).encode())}


def stack(function: Function) -> Stack:
    return Stack("shop", {"ProductSync": "sync"}, {}, function)


def test_many_products_are_told_in_hundreds() -> None:
    function = Function(ENDED, ENDED, ENDED)
    product_sync.some(stack(function), [f"p{number}" for number in range(201)])

    assert [100, 100, 1] == [len(requested["product_ids"]) for requested in function.requested]


def test_a_run_that_was_cut_off_is_gone_on_with() -> None:
    function = Function(ENDED | {"finished": False}, ENDED)
    totals = product_sync.some(stack(function), ["tea"])

    assert ([["tea"], ["tea"]], 2) == ([one["product_ids"] for one in function.requested], totals.outcomes["pushed"])


def test_a_pass_compares_all_from_the_tables_beginning_to_its_end() -> None:
    function = Function(*(ENDED | {"finished": False, "next": one} for one in ("p100", "p200")), ENDED)
    totals = product_sync.every(stack(function), retry_refused=True)

    assert (["", "p100", "p200"], 3, "") == ([one["after"] for one in function.requested], totals.done, totals.problem)
    assert [{"retry_refused": True, "full": True}] * 3 == [
        {name: one[name] for name in ("retry_refused", "full")} for one in function.requested
    ]


@pytest.mark.parametrize(
    "how", [product_sync.every, lambda shop: product_sync.some(shop, ["tea"])], ids=["all", "some"]
)
def test_a_platform_that_is_down_ends_a_pass_with_what_was_done_until_then(how: Any) -> None:
    down = ENDED | {"outcomes": {"failed": 3, "same": 4}, "problems": ["products.get: PlatformBusy"], "finished": False}
    totals = how(stack(Function(down)))

    assert (7, 3, 0, "products.get: PlatformBusy") == (totals.done, totals.unknown, totals.wrong, totals.problem)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"errorMessage": "secret"}', "ProductSync failed; read its log"),
        ({"outcomes": {}}, "sent an unexpected reply"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "Invoke"), r"cannot be invoked \(AccessDenied\)"),
        (ReadTimeoutError(endpoint_url="http://aws"), r"did not answer \(ReadTimeoutError\)"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(answer: Any, said: str) -> None:
    with pytest.raises(CommandError, match=said) as problem:
        product_sync.every(stack(Function(answer)))
    assert (2, False) == (problem.value.exit_code, "secret" in str(problem.value))
