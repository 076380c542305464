"""Options that several commands share."""

import hashlib
import re
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated

import typer

from jiuwu_cli.terminal.errors import UsageError

ProfileName = Annotated[
    str, typer.Option("--profile", envvar="JIUWU_PROFILE", help="Platform profile to use.", metavar="NAME")
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="Parameter of the call; repeat for each one.", metavar="NAME=VALUE"),
]
Body = Annotated[
    str | None,
    typer.Option("--body", help="Raw body: the text itself, @FILE, or - for standard input.", metavar="TEXT|@FILE|-"),
]
Path = Annotated[str, typer.Option("--path", help="Path of the call, for profiles that sign it.", metavar="PATH")]
SecretEnv = Annotated[
    str | None,
    typer.Option(
        "--secret-env",
        help="Environment variable that holds the app secret. Default: JIUWU_APP_SECRET, then the running "
        "sandbox's secret, then a prompt.",
        metavar="VARIABLE",
    ),
]
AppId = Annotated[
    str | None,
    typer.Option("--app-id", envvar="JIUWU_APP_ID", help="Your AppID. Default: the sandbox's.", metavar="ID"),
]
Event = Annotated[
    str,
    typer.Argument(
        help="Event type: order.paid, order.cancelled, order.completed, order.refunded, user.updated, "
        "user.unauthorized, points.changed, content.audited, activity.changed or platform.notice.",
        metavar="EVENT",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Change a field of the sample: path=text, or path:=JSON. Repeatable.", metavar="PATH=VALUE"
    ),
]
SignedBody = Annotated[
    str | None,
    typer.Option(
        "--body",
        help="Body to sign and send instead of the sample: the text itself, @FILE, or - for standard input.",
        metavar="TEXT|@FILE|-",
    ),
]
OrderNo = Annotated[
    str | None,
    typer.Option("--order", help="Order of the sample; its data comes from the running sandbox.", metavar="ORDER_NO"),
]
WebhookUrl = Annotated[
    str | None, typer.Option("--url", help="Webhook URL. Default: the running sandbox's.", metavar="URL")
]
Copies = Annotated[int, typer.Option("--copies", min=1, max=200, help="Number of copies; each has its own signature.")]
Simultaneous = Annotated[bool, typer.Option("--simultaneous", help="Send all copies at the same time.")]
WrongSecret = Annotated[bool, typer.Option("--wrong-secret", help="Sign with a wrong secret, as an attacker would.")]
OldTimestamp = Annotated[bool, typer.Option("--old-timestamp", help="Sign with a timestamp that is an hour old.")]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", help="Header of the notification; repeat for each one.", metavar="'NAME: VALUE'"),
]
Signature = Annotated[
    str | None, typer.Option("--signature", help="Signature to verify, if it is not among the parameters or headers.")
]
Canonical = Annotated[
    str | None,
    typer.Option(
        "--canonical", help="Canonical string that the sender signed, if you know it.", metavar="TEXT|@FILE|-"
    ),
]
Now = Annotated[
    float | None,
    typer.Option("--now", help="Time of receipt in Unix seconds. Default: now.", metavar="SECONDS"),
]
Explain = Annotated[bool, typer.Option("--explain", help="Explain why the signature does not match.")]
PreviousSecretEnv = Annotated[
    str | None,
    typer.Option(
        "--previous-secret-env", help="Environment variable that holds the previous secret.", metavar="VARIABLE"
    ),
]
GatewayUrl = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="JIUWU_PLATFORM_URL", help="URL of the platform's gateway (PlatformUrl).", metavar="URL"
    ),
]
OwnWebhookUrl = Annotated[
    str | None,
    typer.Option(
        "--webhook-url", envvar="JIUWU_WEBHOOK_URL", help="Your URL for notifications, once deployed.", metavar="URL"
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack",
        envvar="JIUWU_STACK",
        help="Name of the deployed stack, such as jiuwu-prod, in the account and region of your AWS settings. "
        "Default: the running sandbox.",
        metavar="NAME",
    ),
]
Verify = Annotated[bool, typer.Option("--verify", help="Compare only (the default).")]
Repair = Annotated[bool, typer.Option("--repair", help="Show the repairs, ask for confirmation, and run them.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Only orders created since this day or time; Asia/Shanghai if it has no zone. Default: yesterday.",
        metavar="DAY|TIME",
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        help="Only orders created by the end of this day, or before this time. Default: now.",
        metavar="DAY|TIME",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Maximum number of orders to repair.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
RequestId = Annotated[
    str | None,
    typer.Option(
        help="Idempotency key. Default: derived from the recipient and the amount, so that the same command twice is "
        "one request, whatever its reason. Give your own id to make the same request once more.",
        metavar="ID",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the statement as JSON.")]
CsvFile = Annotated[
    FilePath | None,
    typer.Option("--csv", help="Also write the statement to a CSV file.", metavar="FILE", show_default=False),
]


def request_id(given: str | None, *meaning: str) -> str:
    """Return the given id, or one derived from the meaning of the request. Raise UsageError.

    "2", "2.0" and "2.00" give the same id, so that the same command twice is one request.
    """
    if given is None:
        text = "\n".join(map(_normalize_number, meaning))
        return "cli-" + hashlib.sha256(text.encode()).hexdigest()[:20]
    if not re.fullmatch(r"[\x21-\x7e]{1,64}", given):
        raise UsageError("--request-id is not 1 to 64 visible ASCII characters", "leave it out to get a derived one")
    return given


def _normalize_number(text: str) -> str:
    """Return a number in its shortest form, "2.00" as "2"; return any other text unchanged."""
    if not re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", text):
        return text
    return format(Decimal(text).normalize(), "f")
