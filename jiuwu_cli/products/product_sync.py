"""Invoke ProductSync, which has the app secret and the rate limit, to push products to the platform."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal.errors import CommandError
from jiuwu_cli.terminal.output import print_note

_AT_ONCE = 100  # ProductSync's limit
# A run takes up to 300 s; a second one beside it would only do the same again.
_TIMEOUTS = Config(connect_timeout=3, read_timeout=310, retries={"total_max_attempts": 1})


class NotCompared(CommandError):
    """Not all products could be pushed or compared, and none is known to differ; exit code 2."""

    exit_code = 2


class Finding(msgspec.Struct, frozen=True):
    product_id: str
    outcome: str
    detail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The reply of ProductSync."""

    outcomes: dict[str, int]
    findings: list[Finding]
    more_findings: int
    problems: list[str]
    next: str
    finished: bool


@dataclass(slots=True)
class SyncTotals:
    """The totals of several runs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Finding] = field(default_factory=dict)
    more_findings: int = 0
    problem: str = ""  # why the rest was not done

    def add(self, answer: Answer) -> None:
        """Add the reply of a run."""
        self.outcomes.update(answer.outcomes)
        self.findings |= {found.product_id: found for found in answer.findings}
        self.more_findings += answer.more_findings
        self.problem = answer.problems[0] if answer.problems else ""

    @property
    def done(self) -> int:
        """Return the number of products that were processed."""
        return self.outcomes.total()

    @property
    def wrong(self) -> int:
        """Return the number of products that the platform does not have as the table does."""
        return self.outcomes["refused"] + self.outcomes["malformed"]

    @property
    def unknown(self) -> int:
        """Return the number of products without an answer, or that were edited while they were pushed."""
        return self.outcomes["failed"] + self.outcomes["busy"]


def some(stack: Stack, product_ids: Iterable[str]) -> SyncTotals:
    """Push and compare these products now, until the platform fails."""
    totals, client = SyncTotals(), _client(stack)
    for group in batched(product_ids, _AT_ONCE, strict=False):
        waiting = list(group)
        while not (answer := _invoke(client, stack, {"product_ids": waiting})).finished:
            totals.add(answer)
            if totals.problem:
                return totals
            print_note("still running …")
        totals.add(answer)
    return totals


def every(stack: Stack, *, retry_refused: bool = False) -> SyncTotals:
    """Push or compare every product of the table until the platform fails; `retry_refused` also pushes refused ones."""
    totals, client, after = SyncTotals(), _client(stack), ""
    while True:
        answer = _invoke(client, stack, {"after": after, "retry_refused": retry_refused, "full": True})
        totals.add(answer)
        if answer.finished or totals.problem:
            return totals
        print_note(f"{totals.done} products so far …")
        after = answer.next


def _client(stack: Stack) -> Any:  # noqa: ANN401 -- boto3's client
    return stack.session.client("lambda", endpoint_url=stack.endpoint_url, config=_TIMEOUTS)


def _invoke(client: Any, stack: Stack, payload: object) -> Answer:  # noqa: ANN401 -- boto3's client
    function = stack.output("ProductSync")
    try:
        reply = client.invoke(FunctionName=function, Qualifier="live", Payload=msgspec.json.encode(payload))
        content = reply["Payload"].read()
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        raise NotCompared(f"ProductSync cannot be invoked ({code})", "check permissions and deployment") from None
    except BotoCoreError as error:
        hint = "try again; the rows are written, and the schedule pushes them as well"
        raise NotCompared(f"ProductSync did not answer ({type(error).__name__})", hint) from None
    if reply.get("FunctionError"):
        raise NotCompared("ProductSync failed", "read its log; see docs/runbook.md, A function fails")
    try:
        return msgspec.json.decode(content, type=Answer)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise NotCompared("ProductSync sent an unexpected reply", "deploy this version of template.yaml") from None
