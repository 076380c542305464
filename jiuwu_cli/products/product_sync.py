"""ProductSync, invoked: the platform is told by the function, which has the secret and the rate limit."""

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
    """What ProductSync answers."""

    outcomes: dict[str, int]
    findings: list[Finding]
    more_findings: int
    problems: list[str]
    next: str
    finished: bool


@dataclass(slots=True)
class SyncTotals:
    """What several runs came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Finding] = field(default_factory=dict)
    more_findings: int = 0
    problem: str = ""  # why the rest was not done

    def add(self, answer: Answer) -> None:
        """Take a run in."""
        self.outcomes.update(answer.outcomes)
        self.findings |= {found.product_id: found for found in answer.findings}
        self.more_findings += answer.more_findings
        self.problem = answer.problems[0] if answer.problems else ""

    @property
    def done(self) -> int:
        """Return how many products were pushed or compared, or looked at in vain."""
        return self.outcomes.total()

    @property
    def wrong(self) -> int:
        """How many products are not at the platform as the table has them."""
        return self.outcomes["refused"] + self.outcomes["malformed"]

    @property
    def unknown(self) -> int:
        """Return how many products the platform gave no answer about, or were edited again and again meanwhile."""
        return self.outcomes["failed"] + self.outcomes["busy"]


def some(stack: Stack, product_ids: Iterable[str]) -> SyncTotals:
    """Tells the platform of these products now, and compares them, until it is the trouble."""
    totals, client = SyncTotals(), _client(stack)
    for group in batched(product_ids, _AT_ONCE, strict=False):
        waiting = list(group)
        while not (answer := _invoke(client, stack, {"product_ids": waiting})).finished:
            totals.add(answer)
            if totals.problem:
                return totals
            print_note("still at it …")
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
        raise NotCompared(f"ProductSync cannot be invoked ({code})", "check your rights and the deployment") from None
    except BotoCoreError as error:
        hint = "try again; the rows are written, and the schedule tells the platform too"
        raise NotCompared(f"ProductSync did not answer ({type(error).__name__})", hint) from None
    if reply.get("FunctionError"):
        raise NotCompared("ProductSync crashed", "look at its log: docs/runbook.md, A function fails")
    try:
        return msgspec.json.decode(content, type=Answer)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise NotCompared("ProductSync answers something else", "deploy this version of template.yaml first") from None
